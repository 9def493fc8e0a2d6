import { AccessToken, type Header } from '../access-token.ts'

export type { Header } from '../access-token.ts'

/** The names of {@link tokenHeaders} in lower case; the first is the one in which the token goes. */
export function tokenHeaderNames(token: AccessToken): readonly string[] {
  return AccessToken.headerNamesOf(token)
}

/** The headers by which a request carries a token; all of them are secret, and all go where the token may go only. */
export function tokenHeaders(token: AccessToken): readonly Header[] {
  return AccessToken.headersOf(token)
}
