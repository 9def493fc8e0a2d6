import {
  constants,
  createHmac,
  createPublicKey,
  type KeyObject,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto'
import type { JsonWebKey } from '../private-key.ts'

/** A JWT whose signature has been checked. */
export interface VerifiedJwt {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** By what a signature is checked: the secret for HS256, else a public key. */
export type VerificationKey = { readonly secret: string } | { readonly publicKey: KeyObject }

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
const HASHES: Readonly<Record<string, string | undefined>> = {
  ...{ ES256: 'sha256', ES384: 'sha384', ES512: 'sha512', PS256: 'sha256', RS256: 'sha256' },
  ...{ EdDSA: undefined, Ed25519: undefined },
}
const TYPES: Readonly<Record<string, string>> = { ES: 'ec', PS: 'rsa', RS: 'rsa', Ed: 'ed25519' }

/**
 * Reads a JWT and checks its signature. What it claims is for the caller to judge.
 * @returns `undefined` for anything that is no JWT, or is not signed by this key
 * @see RFC 7515 §5.2
 */
export function verifyJwt(
  jwt: string,
  keyFor: (header: Readonly<Record<string, unknown>>) => VerificationKey | undefined,
): VerifiedJwt | undefined {
  const [first = '', second = '', third = '', ...rest] = jwt.split('.')
  if (rest.length > 0) return undefined
  try {
    const header = decoded(first)
    const key = keyFor(header)
    if (key === undefined || !isSigned(String(header.alg), key, `${first}.${second}`, third)) return undefined
    return { header, claims: decoded(second) }
  } catch {
    return undefined
  }
}

function isSigned(algorithm: string, key: VerificationKey, input: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  if ('secret' in key) {
    const code = createHmac('sha256', key.secret).update(input).digest()
    return algorithm === 'HS256' && bytes.length === code.length && timingSafeEqual(bytes, code)
  }
  const { publicKey } = key
  if (!Object.hasOwn(HASHES, algorithm) || publicKey.asymmetricKeyType !== TYPES[algorithm.slice(0, 2)]) return false
  const how = { key: publicKey, dsaEncoding: 'ieee-p1363' as const, ...(algorithm.startsWith('PS') ? PSS : {}) }
  return verify(HASHES[algorithm] ?? null, Buffer.from(input), how, bytes)
}

function decoded(segment: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString())
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
  return value as Record<string, unknown>
}

/** A public key from PEM, a JWK, or itself. @throws what node:crypto throws for anything else */
export function publicKeyOf(key: string | JsonWebKey | KeyObject): KeyObject {
  if (typeof key === 'string') return createPublicKey(key)
  return 'asymmetricKeyType' in key ? (key as KeyObject) : createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
}

/** `x5t#S256` of a certificate in PEM. @see RFC 8705 §3.1 */
export function certificateThumbprint(pem: string): string {
  return thumbprintOf(new X509Certificate(pem))
}

/** `x5t#S256` of a certificate. @see RFC 8705 §3.1 */
export function thumbprintOf({ fingerprint256 }: X509Certificate): string {
  return Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
}
