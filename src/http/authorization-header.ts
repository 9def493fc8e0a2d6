/** Headers as axios and fetch-like clients hold them: by name, in any spelling. */
export type HeaderRecord = Record<string, unknown>

/** The name under which an `Authorization` header is set, in whatever spelling; `undefined` if none is. */
export function authorizationName(headers: HeaderRecord): string | undefined {
  for (const name in headers) {
    // The length first: it rules out nearly every header without a new string.
    if (name.length === 13 && name.toLowerCase() === 'authorization') return name
  }
  return undefined
}

/** Sets the one `Authorization` header, whatever spelling was there. */
export function writeAuthorization(headers: HeaderRecord, value: string): void {
  removeAuthorization(headers)
  headers.Authorization = value
}

/** Removes every spelling of the header; with `onlyIf`, those that hold this very value. */
export function removeAuthorization(headers: HeaderRecord, onlyIf?: string): void {
  for (const name in headers) {
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (onlyIf === undefined || headers[name] === onlyIf) delete headers[name]
  }
}
