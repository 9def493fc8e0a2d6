import { PerSecond } from './per-second.ts'
import type { Random } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How many calls for a token each process gets, at any time, independently of one another. */
export const CALLS_PER_SECOND = 10

const PER_MS = CALLS_PER_SECOND / 1000

/**
 * The calls of all processes, and what became of them.
 *
 * A call that finds a valid token changes nothing. Calls have no memory: after any moment, the next comes an
 * exponentially distributed time later. So only those are played that may find none, and the others are not missed.
 * Of calls that share the fate of one that is played, the number is drawn.
 */
export class Callers {
  readonly failed: PerSecond = new PerSecond()
  readonly waited: PerSecond = new PerSecond()
  longestWaitMs = 0
  readonly #time: VirtualTime
  readonly #random: Random

  constructor(time: VirtualTime, random: Random) {
    this.#time = time
    this.#random = random
  }

  /** Plays the first call that comes after `ms`. */
  next(ms: number, call: () => void): void {
    this.#time.after(Math.max(0, ms) + this.#random.exponential(1 / PER_MS), call)
  }

  /** One call that began at `fromMs` is over. @param crowd how many waited with it; drawn if it is not given */
  over(fromMs: number, ok: boolean, crowd?: number): void {
    const waitMs = this.#time.nowMs - fromMs
    const calls = 1 + (crowd ?? (waitMs > 0 ? this.#random.poisson(waitMs * PER_MS) : 0))
    if (waitMs > 0) this.waited.count(fromMs, calls)
    if (!ok) this.failed.count(fromMs, calls)
    this.longestWaitMs = Math.max(this.longestWaitMs, waitMs)
  }

  /** All calls of a process from now on to `toMs` make a request each, and fail. */
  storm(requests: PerSecond, toMs: number): void {
    requests.expect(this.#time.nowMs, toMs, PER_MS)
  }
}
