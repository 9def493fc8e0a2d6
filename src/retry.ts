import pRetry from 'p-retry'
import type { Clock } from './clock.ts'
import { TokenError, TokenResponseError } from './errors.ts'

/** How often and for how long a token request is tried. */
export interface RetryOptions {
  readonly clock: Clock
  /** Ends the attempts and the waiting between them; its reason is what `retry` rejects with. */
  readonly signal: AbortSignal
  /** Milliseconds that are left until `signal` aborts: a longer wait is not begun. */
  readonly leftMs: () => number
  /** How many attempts may be made in all; asked after each failure. */
  readonly maxAttempts: () => number
  /** Told about every failure that is followed by another attempt. */
  readonly onRetry: (error: TokenError, attempt: number, delayMs: number) => void
}

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 2000

/**
 * Runs `attempt` until it succeeds, fails for good, or the attempts or the time are used up.
 *
 * Waits between attempts with full jitter: anything from zero to a bound that doubles from 250 ms to 2 s,
 * or as long as the server's `Retry-After` says. A wait that would outlast the deadline is not begun.
 */
export async function retry<T>(attempt: (attemptNumber: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, leftMs, maxAttempts, onRetry } = options
  // p-retry counts, the clock waits: its own timers would escape a virtual clock.
  return await pRetry(attempt, {
    retries: Infinity,
    minTimeout: 0,
    signal,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!(error instanceof TokenError) || !error.retryable || attemptNumber >= maxAttempts()) return false
      const delayMs = delayBeforeRetry(error, attemptNumber, clock)
      if (delayMs >= leftMs()) return false
      onRetry(error, attemptNumber, delayMs)
      await clock.sleep(delayMs, signal)
      return true
    },
  })
}

function delayBeforeRetry(error: TokenError, attemptNumber: number, clock: Clock): number {
  const asked = error instanceof TokenResponseError ? error.retryAfterMs : undefined
  const bound = Math.min(FIRST_DELAY_MS * 2 ** (attemptNumber - 1), LONGEST_DELAY_MS)
  const drawn = clock.random() * bound
  // Jitter on top of Retry-After, because every client of a throttled server was given the same figure.
  return asked === undefined ? drawn : asked + drawn
}
