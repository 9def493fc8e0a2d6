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
  // One listener per distinct signal: a listener per caller is quadratic when a thousand callers share one.
  readonly #leavers = new Map<AbortSignal, (() => void)[]>()
  readonly #onAbort = ({ target }: Event): void => {
    for (const leave of this.#leavers.get(target as AbortSignal) ?? []) leave()
  }

  constructor(work: (flight: Flight<T>) => Promise<T>) {
    this.promise = work(this).finally(() => {
      this.#settled = true
      for (const signal of this.#leavers.keys()) signal.removeEventListener('abort', this.#onAbort)
      this.#leavers.clear()
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
      this.#leaversOf(signal).push(() => {
        this.#waiters -= 1
        reject(signal.reason)
      })
      this.promise.then(resolve, reject)
    })
  }

  #leaversOf(signal: AbortSignal): (() => void)[] {
    const known = this.#leavers.get(signal)
    if (known !== undefined) return known
    const leavers: (() => void)[] = []
    this.#leavers.set(signal, leavers)
    signal.addEventListener('abort', this.#onAbort)
    return leavers
  }
}

/** What the work comes to, or a rejection with the signal's reason as soon as it aborts, whatever the work does then. */
export function abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Flight(work).wait(signal)
}
