import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import type { Clock } from 'evertoken'

const STEP_MS = 20
const TURNS = 3

/**
 * The time of the whole job: of its token manager, its servers and its scenes.
 *
 * It goes on by steps, and between two of them everybody gets to work. So it passes as on the wall while the machine has
 * room for the job, and more slowly where it has not: that a busy machine keeps a process waiting is not what is shown.
 */
export class SteadyClock implements Clock {
  readonly #begun = Date.now()
  readonly #sleepers = new Map<() => void, number>()
  #elapsedMs = 0
  #isOver = false

  constructor() {
    void this.#run()
  }

  now(): number {
    return this.#begun + this.#elapsedMs
  }

  monotonicNow(): number {
    return this.#elapsedMs
  }

  random(): number {
    return Math.random()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const finish = (settle: () => void) => {
        this.#sleepers.delete(wake)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const wake = () => finish(resolve)
      const onAbort = () => finish(() => reject(signal?.reason))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#sleepers.set(wake, this.#elapsedMs + Math.max(0, ms))
    })
  }

  /** Time stands still from now on. */
  stop(): void {
    this.#isOver = true
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await wait(STEP_MS)
      this.#elapsedMs += STEP_MS
      const due = [...this.#sleepers].filter(([, at]) => at <= this.#elapsedMs).sort(([, a], [, b]) => a - b)
      for (const [wake] of due) wake()
      for (let turn = 0; turn < TURNS; turn++) await nextTurn()
    }
  }
}
