import type { Clock } from '../../src/clock.ts'
import type { Random } from './random.ts'
import { cancel, type VirtualTime } from './virtual-time.ts'

const START = Date.UTC(2026, 0, 1)
// Not zero, and not the wall clock's value: code that mixes the two up must fail.
const MONOTONIC_START_MS = 1000

/** One process's view of the time: its host's wall clock is `offsetMs` ahead of the true time. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime
  readonly #offsetMs: number
  readonly #random: Random | undefined
  #dead = false

  /** @param random without it every draw is 0, which takes away all jitter */
  constructor(time: VirtualTime, offsetMs: number, random: Random | undefined) {
    this.#time = time
    this.#offsetMs = Math.round(offsetMs)
    this.#random = random
  }

  now(): number {
    return START + this.#offsetMs + this.#time.nowMs
  }

  monotonicNow(): number {
    return MONOTONIC_START_MS + this.#time.nowMs
  }

  random(): number {
    return this.#random?.next() ?? 0
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (Number.isNaN(ms)) throw new RangeError('sleep(NaN)')
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = () => {
        cancel(timer)
        reject(signal?.reason)
      }
      const timer = this.#time.after(Math.max(0, ms), () => {
        signal?.removeEventListener('abort', onAbort)
        if (!this.#dead) resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** The process was killed: it never wakes again. */
  kill(): void {
    this.#dead = true
  }
}
