/**
 * One piece of work that any number of callers wait for.
 *
 * A caller's signal detaches that caller alone; the work has its own end.
 */
export class Flight<T> {
  /** What the work comes to. Never an unhandled rejection, whether or not anybody waits. */
  readonly promise: Promise<T>
  #waiters = 0
  #settled = false
  readonly #detach = new Map<AbortSignal, Set<(reason: unknown) => void>>()
  readonly #cleanUp: (() => void)[] = []

  constructor(work: (flight: Flight<T>) => Promise<T>) {
    this.promise = work(this).finally(() => {
      this.#settled = true
      for (const cleanUp of this.#cleanUp) cleanUp()
      this.#detach.clear()
    })
    this.promise.catch(() => {})
  }

  /** How many callers have asked to wait and have not been detached. */
  get waiters(): number {
    return this.#waiters
  }

  /** Waits for the work, or rejects with the signal's reason as soon as it aborts. */
  wait(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    this.#waiters += 1
    if (signal === undefined || this.#settled) return this.promise
    return new Promise((resolve, reject) => {
      this.#leaversOf(signal).add((reason) => {
        this.#waiters -= 1
        reject(reason)
      })
      this.promise.then(resolve, reject)
    })
  }

  // One listener per distinct signal: a listener per caller is quadratic when a thousand callers share one.
  #leaversOf(signal: AbortSignal): Set<(reason: unknown) => void> {
    const known = this.#detach.get(signal)
    if (known !== undefined) return known
    const leavers = new Set<(reason: unknown) => void>()
    const onAbort = () => {
      for (const leave of leavers) leave(signal.reason)
      leavers.clear()
    }
    this.#detach.set(signal, leavers)
    this.#cleanUp.push(() => signal.removeEventListener('abort', onAbort))
    signal.addEventListener('abort', onAbort, { once: true })
    return leavers
  }
}

/** What the work comes to, or a rejection with the signal's reason as soon as it aborts, whatever the work does then. */
export function abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Flight(work).wait(signal)
}
