import { hashInBase64url } from '../digest.ts'
import { jwkThumbprint } from '../jws.ts'
import type { JsonWebKey } from '../private-key.ts'
import type { ReceivedRequest } from './received-request.ts'
import { publicKeyOf, verifyJwt } from './signatures.ts'
import { UsedOnce } from './used-once.ts'

const ACCEPTED_MS = 60_000

/** Checks the DPoP proofs that one server receives, and hands out its nonces. @see RFC 9449 §4.3, §8 */
export class DpopCheck {
  readonly #used = new UsedOnce()
  readonly #scheme: string
  #nonce: string | undefined
  #nonces = 0

  /** @param scheme of the server's own URLs */
  constructor(scheme: 'http' | 'https', needsNonce: boolean) {
    this.#scheme = scheme
    if (needsNonce) this.rotateNonce()
  }

  /** What proofs have to contain. */
  get nonce(): string | undefined {
    return this.#nonce
  }

  /** From now on another nonce is wanted. */
  rotateNonce(): void {
    this.#nonces += 1
    this.#nonce = `nonce-${this.#nonces}`
  }

  /**
   * The thumbprint of the key that the request proves, or what is wrong with the proof.
   * @param token that comes with it, to an API
   * @param now wall-clock time, epoch milliseconds
   */
  check(
    request: ReceivedRequest,
    now: number,
    token?: string,
  ): { readonly jkt: string } | { readonly error: 'invalid_dpop_proof' | 'use_dpop_nonce'; readonly problem: string } {
    let jwk: JsonWebKey = {}
    const proof = verifyJwt(String(request.headers.dpop), (header) => {
      jwk = header.jwk as JsonWebKey
      return header.typ === 'dpop+jwt' && jwk.d === undefined ? { publicKey: publicKeyOf(jwk) } : undefined
    })
    if (proof === undefined) return wrong('not signed by the key in it')
    const { claims } = proof
    const url = new URL(request.url, `${this.#scheme}://${request.headers.host}`)
    if (claims.htm !== request.method) return wrong('htm')
    if (claims.htu !== `${url.origin}${url.pathname}`) return wrong('htu')
    // Where a nonce is wanted, that one tells the time, and the client's clock need not be right.
    if (this.#nonce === undefined && !(Math.abs(now - Number(claims.iat) * 1000) <= ACCEPTED_MS)) return wrong('iat')
    if (token !== undefined && claims.ath !== hashInBase64url(token)) return wrong('ath')
    if (typeof claims.jti !== 'string') return wrong('jti')
    if (!this.#used.isFirst(claims.jti, now + 2 * ACCEPTED_MS, now)) return wrong('jti was used before')
    if (this.#nonce !== undefined && claims.nonce !== this.#nonce) return { error: 'use_dpop_nonce', problem: 'nonce' }
    return { jkt: jwkThumbprint(jwk) }
  }
}

function wrong(problem: string): { readonly error: 'invalid_dpop_proof'; readonly problem: string } {
  return { error: 'invalid_dpop_proof', problem }
}
