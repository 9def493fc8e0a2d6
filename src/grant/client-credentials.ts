import { type Grant, grant } from './grant.ts'

/** The client asks for a token on its own behalf: nothing but its authentication is needed. @see RFC 6749 §4.4 */
export function clientCredentials(): Grant {
  return grant('client_credentials', () => {})
}
