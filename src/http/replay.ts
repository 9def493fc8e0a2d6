/** Which requests are sent once more when their token was rejected. */
export type ReplayMode = 'all' | 'idempotent' | 'none'

// RFC 9110 §9.2.2
const IDEMPOTENT = new Set(['get', 'head', 'options', 'put', 'delete', 'trace'])

/** Whether this mode lets a request of this method be sent twice. @see RFC 9110 §9.2.2 */
export function mayReplay(mode: ReplayMode, method: string | undefined): boolean {
  return mode === 'all' || (mode === 'idempotent' && IDEMPOTENT.has((method ?? 'get').toLowerCase()))
}

// By their names, because undici has classes of its own beside the global ones.
const WHOLE = new Set(['URLSearchParams', 'FormData', 'Blob', 'File'].map((name) => `[object ${name}]`))

/**
 * Whether a body is still whole after it was sent. Streams are not, under any of their names: Node's, the web's,
 * an iterator, a `form-data` form.
 */
export function canSendTwice(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return typeof body !== 'function'
  // The package `form-data` calls its streams FormData too.
  if ('pipe' in body || 'getReader' in body) return false
  if (WHOLE.has(Object.prototype.toString.call(body))) return true
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body) || Array.isArray(body)) return true
  return !(Symbol.asyncIterator in body || Symbol.iterator in body)
}
