import type { SubjectToken } from './grant/subject-token.ts'

/** What one token is asked for with, beside the client. */
export interface TokenParameters {
  /** Scopes in the order in which they are sent. */
  readonly scope: readonly string[]
  /** Resource indicators. @see RFC 8707 §2 */
  readonly resource: readonly string[]
  /** Audiences, for servers that take them. */
  readonly audience: readonly string[]
  /** Extra form parameters by name. */
  readonly parameters: Readonly<Record<string, string>>
  /** Authorization details as canonical JSON; empty for none. @see RFC 9396 */
  readonly authorizationDetails?: string | undefined
  /** The user on whose behalf the token is asked for. */
  readonly subject?: SubjectToken | undefined
}

/**
 * The canonical identity of a token: two requests have the same key exactly when they ask for the same token.
 *
 * The order and repetition of scopes, resources, audiences and parameters do not matter; everything else does.
 * Key of the cache and of the flight alike. Holds no client secret, and of a user's token a digest; is never shown all
 * the same: extra parameters and authorization details may be private.
 */
export function tokenKey(clientKey: string, wanted: TokenParameters): string {
  const { scope, resource, audience, parameters, authorizationDetails = '', subject } = wanted
  const entries = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))
  const parts: unknown[] = [clientKey, canonical(scope), canonical(resource), canonical(audience), entries]
  // Most tokens have neither, and every request pays for the length of its key.
  if (authorizationDetails !== '' || subject !== undefined) parts.push(authorizationDetails, subject?.digest)
  return JSON.stringify(parts)
}

function canonical(values: readonly string[]): readonly string[] {
  return values.length < 2 ? values : [...new Set(values)].sort()
}
