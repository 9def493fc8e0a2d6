/** Headers as axios and fetch-like clients hold them: by name, in any spelling. */
export type HeaderRecord = Record<string, unknown>

/** Whether a header is set, in whatever spelling, be it to nothing. @param name in lower case */
export function hasHeader(headers: HeaderRecord, name: string): boolean {
  for (const each in headers) {
    if (isNamed(each, name)) return true
  }
  return false
}

/**
 * The value of a header, in whatever spelling it is set; `undefined` if it is not. `null` and `false` are how axios's
 * users say that a header is not to be sent, `''` is what an unset variable leaves: they count as not set.
 * @param name in lower case
 */
export function headerOf(headers: HeaderRecord, name: string): unknown {
  for (const each in headers) {
    const value = isNamed(each, name) ? (headers[each] ?? false) : false
    if (value !== false && value !== '') return value
  }
  return undefined
}

/** Removes every spelling of a header; with `onlyIf`, those whose value it accepts. @param name in lower case */
export function removeHeader(headers: HeaderRecord, name: string, onlyIf?: (value: unknown) => boolean): void {
  for (const each in headers) {
    if (isNamed(each, name) && (onlyIf === undefined || onlyIf(headers[each]))) delete headers[each]
  }
}

// The length first: it rules out nearly every header without a new string.
function isNamed(each: string, name: string): boolean {
  return each.length === name.length && each.toLowerCase() === name
}
