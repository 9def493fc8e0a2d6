import { type Clock, elapsedMs, type Instant, instant } from './clock.ts'
import { type TokenError, TokenResponseError } from './errors.ts'

/**
 * Remembers the last failure for a pause, so that callers get it at once and the server sees a trickle.
 *
 * There is one per key and one per client: what is wrong with the credentials or the endpoint is wrong for
 * every key of that client.
 */
export class FailureMemory {
  readonly #clock: Clock
  #failure: { readonly error: TokenError; readonly since: Instant; readonly pauseMs: number } | undefined
  #inARow = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many failures there were since the last success. */
  get inARow(): number {
    return this.#inARow
  }

  /** Remembers a failure for the pause that `pauseMs` gives for the number of failures in a row, this one counted. */
  remember(error: TokenError, pauseMs: (failures: number) => number): void {
    this.#inARow += 1
    this.#failure = { error, since: instant(this.#clock), pauseMs: pauseMs(this.#inARow) }
  }

  /** The last failure while its pause lasts. */
  recall(): TokenError | undefined {
    const failure = this.#failure
    return failure !== undefined && elapsedMs(failure.since, this.#clock) < failure.pauseMs ? failure.error : undefined
  }

  /** Forgets the failure and the count: something succeeded or was changed. */
  clear(): void {
    this.#failure = undefined
    this.#inARow = 0
  }
}

/** Whether a failure concerns one key only, or every key of its client. @see RFC 6749 §5.2 */
export function failureScope(error: TokenError): 'key' | 'client' {
  if (error.retryable) return 'client'
  if (!(error instanceof TokenResponseError)) return 'client'
  return error.error === undefined || error.error === 'invalid_client' || error.error === 'unauthorized_client'
    ? 'client'
    : 'key'
}
