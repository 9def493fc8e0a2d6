import type { AccessToken } from './access-token.ts'
import { DpopNonces } from './dpop-nonces.ts'
import { optionError } from './errors.ts'
import {
  encodeSegment,
  generateSigningKey,
  importSigningKey,
  jwkThumbprint,
  newTokenId,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
} from './jws.ts'
import { ownOptions } from './option-values.ts'
import type { SigningKeyInput } from './private-key.ts'

// A path that stays the same when it is parsed, up to its query or fragment: no escapes, and no segment that starts with a
// dot.
const PLAIN_PATH = /\/(?:[\w~-][\w.~-]*\/)*(?:[\w~-][\w.~-]*)?(?=[?#]|$)/y

/** How a client proves that it has the key its tokens are bound to. */
export interface DpopOptions {
  /** Default: what `key` allows, or `ES256`. */
  readonly algorithm?: SigningAlgorithm | undefined
  /** The private key. Default: one that is made for this client and never leaves the process. */
  readonly key?: SigningKeyInput | undefined
}

/** A request that is to carry a proof. */
export interface ProvenRequest {
  /** As it is sent. */
  readonly method: string
  /** As it is sent; query and fragment are left out of the proof. */
  readonly url: string
  /** The token that it carries to an API; none on the way to the authorization server. */
  readonly token?: AccessToken | undefined
}

/**
 * One client's proof of possession: its key, and the nonces that servers want to see in its proofs, those of the
 * authorization server and of APIs apart.
 * @see RFC 9449
 */
export class Dpop {
  /** The SHA-256 thumbprint of the public key: what its tokens are bound to. @see RFC 9449 §6.1, RFC 7638 */
  readonly thumbprint: string
  /** By what the proofs are signed. */
  readonly algorithm: SigningAlgorithm
  /** Whether the key was given, so that other processes may have it too. */
  readonly isShared: boolean
  readonly #key: SigningKey
  // The same in every proof.
  readonly #header: string
  readonly #serverNonces = new DpopNonces()
  readonly #apiNonces = new DpopNonces()
  #lastOrigin = ''

  /** @param isShared whether other processes of the client may have the same key */
  constructor(key: SigningKey, isShared: boolean) {
    const jwk = key.publicJwk()
    this.thumbprint = jwkThumbprint(jwk)
    this.algorithm = key.algorithm
    this.isShared = isShared
    this.#key = key
    this.#header = encodeSegment({ typ: 'dpop+jwt', alg: key.algorithm, jwk })
  }

  /**
   * A proof for one sending of one request: never to be sent twice.
   * @param now wall-clock time, epoch milliseconds
   * @see RFC 9449 §4.2
   */
  proof({ method, url, token }: ProvenRequest, now: number): string {
    const { origin, target } = this.#read(url)
    const nonce = this.#nonces(token).of(origin)
    // Written by hand, because it is on the way of every request; hashes and nonces have nothing to escape.
    const claims =
      `{"jti":"${newTokenId()}","htm":${JSON.stringify(method)},"htu":"${target}"` +
      `,"iat":${Math.floor(now / 1000)}` +
      `${token === undefined ? '' : `,"ath":"${token.hash()}"`}` +
      `${nonce === undefined ? '' : `,"nonce":"${nonce}"`}}`
    const input = `${this.#header}.${encodeSegment(claims)}`
    return `${input}.${this.#key.sign(input)}`
  }

  /** The nonce that the next proof for such a request will have. */
  nonce({ url, token }: Pick<ProvenRequest, 'url' | 'token'>): string | undefined {
    return this.#nonces(token).of(new URL(url).origin)
  }

  /**
   * Takes the nonce from the answer to a request, be it a refusal or a success, for the next proof to the same origin.
   * @param value that of the header `DPoP-Nonce`; ignored if there is none, or if it is no nonce
   * @returns whether it was taken
   * @see RFC 9449 §8.2
   */
  noteNonce({ url, token }: Pick<ProvenRequest, 'url' | 'token'>, value: unknown): boolean {
    return typeof value === 'string' && this.#nonces(token).note(new URL(url).origin, value)
  }

  // To parse costs as much as the rest of the claims: what is plain, on the origin that was parsed last, is taken as it is.
  #read(url: string): { readonly origin: string; readonly target: string } {
    const origin = this.#lastOrigin
    PLAIN_PATH.lastIndex = origin.length
    if (origin !== '' && url.startsWith(origin) && PLAIN_PATH.test(url)) {
      return { origin, target: url.slice(0, PLAIN_PATH.lastIndex) }
    }
    const parsed = new URL(url)
    this.#lastOrigin = parsed.origin
    return { origin: parsed.origin, target: JSON.stringify(parsed.origin + parsed.pathname).slice(1, -1) }
  }

  #nonces(token: AccessToken | undefined): DpopNonces {
    return token === undefined ? this.#serverNonces : this.#apiNonces
  }
}

/**
 * Reads the option `dpop`.
 * @throws TypeError naming what is wrong
 */
export function readDpop(given: boolean | DpopOptions | undefined, option: string): Dpop | undefined {
  if (given === undefined || given === false) return undefined
  const { algorithm, key } = given === true ? {} : ownOptions<DpopOptions>(given, `${option}.`, ['algorithm', 'key'])
  if (algorithm !== undefined && !SIGNING_ALGORITHMS.includes(algorithm)) {
    throw optionError(`${option}.algorithm`, `must be one of ${SIGNING_ALGORITHMS.join(', ')}`)
  }
  if (key === undefined) return new Dpop(generateSigningKey(algorithm ?? 'ES256'), false)
  const refuse = (problem: string, hint: string) => optionError(`${option}.key`, problem, hint)
  return new Dpop(importSigningKey(key, algorithm, refuse), true)
}
