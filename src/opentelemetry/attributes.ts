/** The client's name in the manager. */
export const CLIENT = 'evertoken.client.name'

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export const ERROR_TYPE = 'error.type'

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/http/ */
export const STATUS_CODE = 'http.response.status_code'

/** Why a token was requested. */
export const REASON = 'evertoken.token.request.reason'

/** The limits of the buckets for durations of requests, as the conventions for HTTP have them, and the default deadline. */
export const DURATIONS_S: number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75],
  ...[1, 2.5, 5, 7.5, 10, 15],
]

/** The limits of the buckets for calls of a store, which gets 0.05 s. */
export const SHORT_DURATIONS_S: number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

/** The limits of the buckets for what is left of tokens. */
export const LIFETIMES_S: number[] = [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600, 86_400]

/** Milliseconds in seconds. */
export function seconds(ms: number): number {
  return ms / 1000
}

/** The words of events and calls, as attributes are written. */
export function inSnakeCase(words: string): string {
  return words.replaceAll(' ', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
