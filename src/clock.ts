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
