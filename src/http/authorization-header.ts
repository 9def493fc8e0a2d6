/** Headers as axios and fetch-like clients hold them: by name, in any spelling. */
export type HeaderRecord = Record<string, unknown>

/** Whether an `Authorization` header is set, in whatever spelling, be it to nothing. */
export function hasAuthorization(headers: HeaderRecord): boolean {
  for (const name in headers) {
    if (isAuthorization(name)) return true
  }
  return false
}

/**
 * The value of the `Authorization` header, in whatever spelling it is set; `undefined` if none is. `null` and `false`
 * are how axios's users say that a header is not to be sent, `''` is what an unset variable leaves: they count as none.
 */
export function authorizationOf(headers: HeaderRecord): unknown {
  for (const name in headers) {
    const value = isAuthorization(name) ? (headers[name] ?? false) : false
    if (value !== false && value !== '') return value
  }
  return undefined
}

/** Removes every spelling of the header; with `onlyIf`, those whose value it accepts. */
export function removeAuthorization(headers: HeaderRecord, onlyIf?: (value: unknown) => boolean): void {
  for (const name in headers) {
    if (isAuthorization(name) && (onlyIf === undefined || onlyIf(headers[name]))) delete headers[name]
  }
}

// The length first: it rules out nearly every header without a new string.
function isAuthorization(name: string): boolean {
  return name.length === 13 && name.toLowerCase() === 'authorization'
}
