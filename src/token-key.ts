import { hashInBase64url } from './digest.ts'
import type { SubjectToken } from './grant/subject-token.ts'

// 132 bits.
const PREFIX_LENGTH = 22

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
 * By it the processes of a fleet find their tokens. Holds no client secret, and of a user's token a digest; is never shown all
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

/**
 * The beginning of a token's key in the cache: everything but the scopes.
 * @param clientKey what tells clients apart
 */
export function cacheKeyPrefix(clientKey: string, wanted: TokenParameters): string {
  // Short, because each request makes a key with it.
  return hashInBase64url(tokenKey(clientKey, { ...wanted, scope: [] })).slice(0, PREFIX_LENGTH)
}

/**
 * A token's key in the cache, and of its flight: the same for two requests exactly when {@link tokenKey} is. It is made
 * for each request, before the scopes are checked: no list that is not one of scopes has the key of another list.
 * @returns `undefined` where something is no text
 */
export function cacheKey(prefix: string, scope: readonly unknown[]): string | undefined {
  let last: string | undefined
  for (const one of scope) {
    if (typeof one !== 'string') return undefined
    // In order and without repetitions, as most lists are, or once it is.
    if (last !== undefined && one <= last) return cacheKey(prefix, canonical(scope as readonly string[]))
    last = one
  }
  // Joined, and not added up: a sum of strings keeps its parts, and is searched for more slowly.
  return [prefix, scope.length, ...scope].join(' ')
}

function canonical(values: readonly string[]): readonly string[] {
  return values.length < 2 ? values : [...new Set(values)].sort()
}
