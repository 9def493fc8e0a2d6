import type { Clock } from '../clock.ts'

const FAILURES = 5
const PAUSE_MS = 10_000

/**
 * Keeps a store that is away from costing time: after 5 failures in a row nothing is tried for 10 seconds, then one call
 * at a time until one succeeds.
 */
export class Breaker {
  readonly #clock: Clock
  #failures = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #probing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether a call may be made; after a pause the caller is the one that tries, and has to tell what came of it. */
  admits(): boolean {
    if (!this.isOpen) return true
    if (this.#probing || this.#clock.monotonicNow() - this.#failedAt < PAUSE_MS) return false
    this.#probing = true
    return true
  }

  /** Whether the last call failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** Whether calls fail. */
  get isOpen(): boolean {
    return this.#failures >= FAILURES
  }

  /** A call succeeded. Returns whether that ended a pause. */
  succeeded(): boolean {
    const wasOpen = this.isOpen
    this.#failures = 0
    this.#probing = false
    return wasOpen
  }

  /** A call failed. Returns whether that began a pause where there was none. */
  failed(): boolean {
    const wasOpen = this.isOpen
    this.#failures += 1
    this.#probing = false
    this.#failedAt = this.#clock.monotonicNow()
    return this.isOpen && !wasOpen
  }
}
