import { AccessToken, type Header } from '../access-token.ts'
import type { TokenSource } from '../token-source.ts'
import { type ChallengeHeader, tokenVerdict } from './challenge.ts'

export type { Header } from '../access-token.ts'

/** One request as it is sent to an API, as far as the token's headers depend on it. */
export interface TokenRequest {
  readonly source: TokenSource
  readonly token: AccessToken
  /** As it is sent. */
  readonly method: string
  /** Absolute. */
  readonly url: string
}

/** As much of an API's answer as is looked at. */
export interface TokenAnswer {
  readonly status: number
  /** A header by its name in lower case. */
  header(name: string): ChallengeHeader
}

/**
 * The headers by which a request carries a token; all of them are secret, and all go where the token may go only. They
 * are for one sending: of a token that is bound to a key, a proof for this very request is among them.
 * @see RFC 9449 §7
 */
export function tokenHeaders({ source, token, method, url }: TokenRequest): readonly Header[] {
  const { dpop } = source.settings()
  const headers = AccessToken.headersOf(token)
  return dpop === undefined ? headers : [...headers, ['DPoP', dpop.proof({ method, url, token }, source.now())]]
}

/** The names of {@link tokenHeaders} in lower case; the first is the one in which the token goes. */
export function tokenHeaderNames(token: AccessToken): readonly string[] {
  return AccessToken.headerNamesOf(token)
}

/** The name in lower case of the header with a proof. @see RFC 9449 §4.1 */
export const PROOF = 'dpop'

/** The headers that are the same in every sending of a token. */
export function lastingHeaders(token: AccessToken): readonly Header[] {
  return AccessToken.headersOf(token)
}

/**
 * Takes from an API's answer the nonce for the next proof.
 * @returns whether the API refuses the request for want of that nonce, so that it is worth sending again, with the same
 *   token and a new proof
 * @see RFC 9449 §8.2 and §9
 */
export function isNonceWanted({ source, token, url }: Omit<TokenRequest, 'method'>, answer: TokenAnswer): boolean {
  const isTaken = source.settings().dpop?.noteNonce({ url, token }, answer.header('dpop-nonce')) ?? false
  return isTaken && answer.status === 401 && tokenVerdict(answer.header('www-authenticate')) === 'nonce'
}
