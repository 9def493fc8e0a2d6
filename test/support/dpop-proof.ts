import { EmbeddedJWK, type JWK, type JWTPayload, jwtVerify } from 'jose'

/** A proof as a server reads it. */
export interface VerifiedProof {
  readonly header: { readonly typ: string; readonly alg: string; readonly jwk: JWK }
  readonly claims: JWTPayload & { htm: string; htu: string; ath?: string; nonce?: string }
}

/** Checks a proof by the key in it, as a server does, with jose. */
export async function verifiedProof(proof: unknown): Promise<VerifiedProof> {
  const { protectedHeader, payload } = await jwtVerify(String(proof), EmbeddedJWK, { typ: 'dpop+jwt' })
  return { header: protectedHeader as VerifiedProof['header'], claims: payload as VerifiedProof['claims'] }
}
