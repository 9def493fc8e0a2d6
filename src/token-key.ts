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
}

/**
 * The canonical identity of a token: two requests have the same key exactly when they ask for the same token.
 *
 * The order and repetition of scopes, resources, audiences and parameters do not matter; everything else does.
 * Key of the cache and of the flight alike. Holds no client secret, and is never shown: extra parameters may be private.
 */
export function tokenKey(clientKey: string, { scope, resource, audience, parameters }: TokenParameters): string {
  const entries = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([clientKey, canonical(scope), canonical(resource), canonical(audience), entries])
}

function canonical(values: readonly string[]): readonly string[] {
  return values.length < 2 ? values : [...new Set(values)].sort()
}
