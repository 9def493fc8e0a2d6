import { type Clock, elapsedMs, type Instant, instant } from './clock.ts'
import { type TokenError, TokenResponseError } from './errors.ts'

/** Remembers the last of a row of failures for a pause. */
export class FailureMemory {
  readonly #clock: Clock
  #failure: { readonly error: TokenError; readonly since: Instant; readonly pauseMs: number } | undefined
  #inARow = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many failures there were since the last {@link clear}. */
  get inARow(): number {
    return this.#inARow
  }

  /** Remembers a failure for the pause that `pauseOf` gives for the failures in a row, this one counted. @returns the pause */
  remember(error: TokenError, pauseOf: (failures: number) => number): number {
    this.#inARow += 1
    const pauseMs = pauseOf(this.#inARow)
    this.#failure = { error, since: instant(this.#clock), pauseMs }
    return pauseMs
  }

  /** Lets the pause last at least this long from now, without counting another failure. */
  prolong(error: TokenError, pauseMs: number): void {
    if (this.remainingMs() >= pauseMs) return
    this.#failure = { error, since: instant(this.#clock), pauseMs }
  }

  /** The last failure while its pause lasts. */
  recall(): TokenError | undefined {
    return this.remainingMs() > 0 ? this.#failure?.error : undefined
  }

  /** Milliseconds that are left of the pause. */
  remainingMs(): number {
    const failure = this.#failure
    return failure === undefined ? 0 : Math.max(0, failure.pauseMs - elapsedMs(failure.since, this.#clock))
  }

  /** Milliseconds since the last failure, if there was one. */
  ageMs(): number | undefined {
    return this.#failure && elapsedMs(this.#failure.since, this.#clock)
  }

  /** Forgets the failure and the count. */
  clear(): void {
    this.#failure = undefined
    this.#inARow = 0
  }
}

/**
 * Whether a failure concerns one key only, or every key of its client: its credentials or its token endpoint.
 * @param isForUser whether the token was asked for on behalf of a user
 * @see RFC 6749 §5.2
 */
export function failureScope(error: TokenError, isForUser = false): 'key' | 'client' {
  if (error.code === 'scope_not_granted' || error.code === 'expired_on_arrival') return 'key'
  if (error.retryable || !(error instanceof TokenResponseError)) return 'client'
  // A server that does not say what is wrong with one user's token must not shut out the others.
  if (error.error === undefined) return isForUser && error.status === 400 ? 'key' : 'client'
  return isCredentialError(error) ? 'client' : 'key'
}

/** Whether the server refuses the client's credentials, so that others may help. @see RFC 6749 §5.2 */
export function isCredentialError(error: unknown): boolean {
  if (!(error instanceof TokenResponseError)) return false
  return error.error === 'invalid_client' || error.error === 'unauthorized_client'
}
