import type { Clock } from '../clock.ts'

/** Where a {@link VirtualClock} starts and what it draws. */
export interface VirtualClockOptions {
  /** Wall-clock time at the start, in epoch milliseconds. Default: 2026-01-01T00:00:00Z. */
  readonly start?: number | undefined
  /** Stands for `Math.random()`. Default: always 0.5. */
  readonly random?: (() => number) | undefined
}

interface Sleeper {
  readonly dueAt: number
  wake(): void
}

/**
 * A clock that stands still until a test moves it, for the option `clock` of a manager.
 *
 * Sleepers wake in the order of their due times, each at exactly its due time, and what they do
 * next (sleep again included) happens before time moves on. No real timer runs, so nothing keeps the process alive.
 */
export class VirtualClock implements Clock {
  #wall: number
  // Not zero, and not the wall clock's value: code that mixes the two clocks up must fail.
  #monotonic = 1_000
  readonly #random: () => number
  readonly #sleepers = new Set<Sleeper>()

  constructor(options: VirtualClockOptions = {}) {
    this.#wall = options.start ?? Date.UTC(2026, 0, 1)
    this.#random = options.random ?? (() => 0.5)
  }

  now(): number {
    return this.#wall
  }

  monotonicNow(): number {
    return this.#monotonic
  }

  random(): number {
    return this.#random()
  }

  /** How many calls of `sleep` wait for time to pass. */
  get pendingSleeps(): number {
    return this.#sleepers.size
  }

  /** @throws RangeError for NaN, which a real timer takes for "at once" */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (Number.isNaN(ms)) throw new RangeError('sleep(NaN)')
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const finish = (settle: () => void) => {
        this.#sleepers.delete(sleeper)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = () => finish(() => reject(signal?.reason))
      const sleeper: Sleeper = { dueAt: this.#monotonic + Math.max(0, ms), wake: () => finish(resolve) }
      signal?.addEventListener('abort', onAbort, { once: true })
      if (ms > 0) this.#sleepers.add(sleeper)
      else setImmediate(sleeper.wake)
    })
  }

  /** Moves both clocks on by `ms`, waking everyone whose time comes. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await this.settle()
    for (let next = this.#firstDueBy(end); next !== undefined; next = this.#firstDueBy(end)) {
      this.#move(next.dueAt - this.#monotonic)
      next.wake()
      await this.settle()
    }
    this.#move(end - this.#monotonic)
    await this.settle()
  }

  /** Sets the wall clock forward or back by `ms`, as an administrator or NTP does. */
  moveWall(ms: number): void {
    this.#wall += ms
  }

  /** The machine sleeps for `ms`: the wall clock moves, the monotonic clock and timers stand still. */
  suspend(ms: number): void {
    this.#wall += ms
  }

  /** Lets everything run that can run without time passing. */
  async settle(): Promise<void> {
    // Each turn drains every microtask; several, for code that hands over to another turn itself.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  #move(ms: number): void {
    this.#wall += ms
    this.#monotonic += ms
  }

  #firstDueBy(end: number): Sleeper | undefined {
    let first: Sleeper | undefined
    for (const sleeper of this.#sleepers) {
      if (sleeper.dueAt <= end && (first === undefined || sleeper.dueAt < first.dueAt)) first = sleeper
    }
    return first
  }
}
