import { TokenError, TokenResponseError } from '../errors.ts'

/** What `error` of a token response may say; anything else is the server's own word. @see RFC 6749 §11.4 */
const OAUTH_ERRORS: ReadonlySet<string> = new Set([
  ...['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type'],
  ...['invalid_scope', 'invalid_target', 'access_denied', 'temporarily_unavailable', 'server_error'],
  ...['invalid_dpop_proof', 'use_dpop_nonce', 'invalid_authorization_details'],
])

/**
 * The `error.type` of what ended a token request, or a wait for one: the OAuth error where the server gave one that is
 * registered, else the code of the error; `aborted` for a caller that has left. One of some forty words.
 */
export function errorType(error: unknown): string {
  if (!(error instanceof TokenError)) return 'aborted'
  const oauth = error instanceof TokenResponseError ? error.error : undefined
  return oauth !== undefined && OAUTH_ERRORS.has(oauth) ? oauth : error.code
}
