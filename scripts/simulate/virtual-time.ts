/** Something that happens at a point in virtual time, unless it is cancelled. */
export interface Timer {
  readonly atMs: number
  readonly sequence: number
  run: (() => void) | undefined
}

// Instants are multiples of this, so that sums of them are exact, on the wall clock too.
const PER_MS = 64
const STEP_MS = 1 / PER_MS

/**
 * Time that moves from event to event: a binary heap, for millions of timers.
 *
 * Events happen in the order of their instants, those of one instant in the order in which they were asked for, and
 * whatever an event sets off without waiting is over before the next: the same calls always give the same run.
 */
export class VirtualTime {
  #nowMs = 0
  #sequence = 0
  readonly #heap: Timer[] = []

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Calls `run` after `ms`; never in the same instant if `ms` is positive. */
  after(ms: number, run: () => void): Timer {
    const soonest = ms > 0 ? this.#nowMs + STEP_MS : this.#nowMs
    const atMs = Math.max(soonest, Math.ceil((this.#nowMs + ms) * PER_MS) / PER_MS)
    const timer = { atMs, sequence: this.#sequence++, run }
    this.#push(timer)
    return timer
  }

  /** Runs all events before `endMs`. @throws what an event throws */
  run(endMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          const timer = this.#heap[0]
          if (timer === undefined || timer.atMs >= endMs) {
            this.#nowMs = endMs
            resolve()
            return
          }
          this.#pop()
          if (timer.run === undefined) {
            queueMicrotask(step)
            return
          }
          this.#nowMs = timer.atMs
          timer.run()
          // Between two immediates every microtask has its turn.
          setImmediate(step)
        } catch (error) {
          reject(error)
        }
      }
      setImmediate(step)
    })
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Timer
      if (isBefore(parent, timer)) break
      heap[at] = parent
      at = above
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    const { length } = heap
    if (last === undefined || length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= length) break
      if (below + 1 < length && isBefore(heap[below + 1] as Timer, heap[below] as Timer)) below += 1
      const child = heap[below] as Timer
      if (isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

/** Takes back what was asked for. */
export function cancel(timer: Timer): void {
  timer.run = undefined
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}
