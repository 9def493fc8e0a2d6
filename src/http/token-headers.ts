import { AccessToken } from '../access-token.ts'

/** One header of a request. */
export type Header = readonly [name: string, value: string]

/** The headers by which a request carries a token; all of them are secret, and all go where the token may go only. */
export function tokenHeaders(token: AccessToken): readonly Header[] {
  return [['Authorization', AccessToken.authorizationOf(token)]]
}
