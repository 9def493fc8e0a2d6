/**
 * Everything in evertoken that reads time, waits or draws a random number goes through one clock,
 * so that a test can move time by hand. Pass one as `clock`; the default is {@link systemClock}.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch, as `Date.now()`. */
  now(): number
  /** Time in milliseconds that never goes backwards, from an arbitrary origin, as `performance.now()`. */
  monotonicNow(): number
  /**
   * Resolves after `ms` milliseconds; values of zero and below resolve in a later turn.
   * Rejects with the signal's reason when `signal` aborts first. With `ref: false` the waiting alone does not keep
   * the process alive.
   */
  sleep(ms: number, signal?: AbortSignal, options?: { readonly ref?: boolean }): Promise<void>
  /** A number in `[0, 1)`, as `Math.random()`. Used for jitter only, never for secrets. */
  random(): number
}

/** A point in time on both clocks; see {@link elapsedMs} for why both are kept. */
export interface Instant {
  readonly wall: number
  readonly monotonic: number
}

/** Reads both clocks. */
export function instant(clock: Clock): Instant {
  return { wall: clock.now(), monotonic: clock.monotonicNow() }
}

/**
 * Milliseconds since `start`, by whichever clock says more.
 *
 * The wall clock jumps when it is set, the monotonic clock stands still while a machine is
 * suspended. Believing the larger figure can only make a token look older than it is.
 */
export function elapsedMs(start: Instant, clock: Clock): number {
  return Math.max(clock.now() - start.wall, clock.monotonicNow() - start.monotonic)
}

/** What bounds {@link withTimeout}. */
export interface Timeout {
  readonly clock: Clock
  readonly ms: number
  /** The reason with which the signal aborts when the time is up. */
  readonly tooLate: () => Error
  /** Aborts the work too. */
  readonly signal?: AbortSignal | undefined
  /** As in {@link Clock.sleep}. */
  readonly ref?: boolean | undefined
}

/** Runs work with a signal that aborts when its time is up, or when the given one does. */
export async function withTimeout<T>(
  { clock, ms, tooLate, signal, ref = true }: Timeout,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController()
  const done = new AbortController()
  void clock.sleep(ms, done.signal, { ref }).then(
    () => timeout.abort(tooLate()),
    () => {},
  )
  // By a listener that is taken off again: `AbortSignal.any` leaves weak references behind, which pile up.
  const onAbort = () => timeout.abort(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await work(timeout.signal)
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // With a reason: without one an error is made for nobody, with a stack.
    done.abort('over')
  }
}

// setTimeout fires at once when asked for more than a signed 32-bit number of milliseconds.
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms, signal, options) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      let left = Math.max(0, ms)
      let timer: NodeJS.Timeout | undefined
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const wait = () => {
        const slice = Math.min(left, MAX_TIMEOUT_MS)
        left -= slice
        timer = setTimeout(left > 0 ? wait : finish, slice)
        if (options?.ref === false) timer.unref()
      }
      const finish = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      wait()
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}
