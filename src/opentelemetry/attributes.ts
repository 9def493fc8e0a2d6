/** The client's name in the manager. */
export const CLIENT = 'evertoken.client.name'

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export const ERROR_TYPE = 'error.type'

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/http/ */
export const STATUS_CODE = 'http.response.status_code'

/** Why a token was requested. */
export const REASON = 'evertoken.token.request.reason'

/** Milliseconds in seconds. */
export function seconds(ms: number): number {
  return ms / 1000
}

/** The words of events and calls, as attributes are written. */
export function inSnakeCase(words: string): string {
  return words.replaceAll(' ', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
