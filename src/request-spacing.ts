import { type Clock, elapsedMs, type Instant, instant } from './clock.ts'

// While a failure is remembered, the store is asked for what others have at most this often.
const LOOK_PAUSE_MS = 200

// A server whose tokens must not be cached is asked at most this often,
const UNCACHEABLE_PAUSE_MS = 1000

// and where nobody waits, only to see whether that has changed.
const UNCACHEABLE_BACKGROUND_PAUSE_MS = 60_000

/** How far apart one key asks for what it cannot keep, or does not get. */
export class RequestSpacing {
  readonly #clock: Clock
  #uncacheableAt: Instant | undefined
  // When the store was asked last while this process may not request a token.
  #lookedAt: Instant | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether nothing is spaced. */
  get isOver(): boolean {
    return (this.#uncacheableAt ?? this.#lookedAt) === undefined
  }

  /** Whether the token received last must not be cached. */
  get isUncacheable(): boolean {
    return this.#uncacheableAt !== undefined
  }

  /** Whether a request may begin for which nobody waits. */
  get mayBeginInBackground(): boolean {
    const at = this.#uncacheableAt
    return at === undefined || elapsedMs(at, this.#clock) >= UNCACHEABLE_BACKGROUND_PAUSE_MS
  }

  /** Whether the store may be asked again for what others have; then it counts as asked. */
  mayLook(): boolean {
    if (this.#lookedAt !== undefined && elapsedMs(this.#lookedAt, this.#clock) < LOOK_PAUSE_MS) return false
    this.#lookedAt = instant(this.#clock)
    return true
  }

  /** Resolves when the next request may be sent; rejects with what the signal aborts with. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#uncacheableAt === undefined) return
    const waitMs = UNCACHEABLE_PAUSE_MS - elapsedMs(this.#uncacheableAt, this.#clock)
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal)
  }

  /** A token was found that another process requested. */
  found(): void {
    this.#lookedAt = undefined
  }

  /** A token was received that lives so long. */
  received(lifetimeMs: number): void {
    this.#lookedAt = undefined
    this.#uncacheableAt = lifetimeMs === 0 ? instant(this.#clock) : undefined
  }
}
