import { AccessToken, type Header } from '../access-token.ts'

export type { Header } from '../access-token.ts'

/** The headers by which a request carries a token; all of them are secret, and all go where the token may go only. */
export function tokenHeaders(token: AccessToken): readonly Header[] {
  return AccessToken.headersOf(token)
}
