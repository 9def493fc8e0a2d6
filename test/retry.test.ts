import { describe, expect, it } from 'vitest'
import { TokenError, TokenResponseError, TokenTransportError } from '../src/errors.ts'
import { type RetryOptions, retry } from '../src/retry.ts'
import { fc } from './support/fast-check.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const transient = () => new TokenTransportError({ code: 'network', message: 'Refused.' })
const throttled = (retryAfterMs: number) =>
  new TokenResponseError({ code: 'server_unavailable', message: 'Busy.', status: 429, retryable: true, retryAfterMs })
const permanent = () => new TokenError({ code: 'request_denied', message: 'No.' })

interface Run<T> {
  readonly clock: VirtualClock
  readonly abort: AbortController
  /** When each attempt began, in milliseconds since the first. */
  readonly startedAt: number[]
  /** What `onRetry` was told. */
  readonly retries: { error: TokenError; attempt: number; delayMs: number }[]
  readonly outcome: Promise<PromiseSettledResult<T>>
}

interface Plan extends Partial<Omit<RetryOptions, 'clock'>> {
  readonly clock?: VirtualClock
  readonly timeoutMs?: number
}

/** Retries on a clock that stands still; failures are thrown in turn, and then `done` is returned. */
function run(failures: readonly (() => unknown)[], { timeoutMs = 15_000, ...plan }: Plan = {}): Run<string> {
  const clock = plan.clock ?? new VirtualClock()
  const abort = new AbortController()
  const startedAt: number[] = []
  const retries: Run<string>['retries'] = []
  const begin = clock.now()
  const attempt = async (number: number) => {
    startedAt.push(clock.now() - begin)
    expect(number).toBe(startedAt.length)
    const failure = failures[number - 1]
    if (failure !== undefined) throw failure()
    return 'done'
  }
  const promise = retry(attempt, {
    clock,
    signal: abort.signal,
    leftMs: () => timeoutMs - (clock.now() - begin),
    maxAttempts: () => 3,
    onRetry: (error, attemptNumber, delayMs) => retries.push({ error, attempt: attemptNumber, delayMs }),
    ...plan,
  })
  const outcome = Promise.allSettled([promise]).then(([result]) => result as PromiseSettledResult<string>)
  return { clock, abort, startedAt, retries, outcome }
}

const times = <T>(count: number, make: () => T) => Array.from({ length: count }, () => make)

describe('retry', () => {
  it('asks once when that succeeds, and waits for nothing', async () => {
    const { outcome, startedAt, clock, retries } = run([])
    expect(await outcome).toEqual({ status: 'fulfilled', value: 'done' })
    expect(startedAt).toEqual([0])
    expect(retries).toEqual([])
    expect(clock.pendingSleeps).toBe(0)
  })

  it('tries again after a transient failure, tells so, and gives what came of it', async () => {
    const failure = transient()
    const { outcome, startedAt, retries, clock } = run([() => failure])
    await clock.advance(125)
    expect(await outcome).toEqual({ status: 'fulfilled', value: 'done' })
    expect(startedAt).toEqual([0, 125])
    expect(retries).toEqual([{ error: failure, attempt: 1, delayMs: 125 }])
    expect(retries[0]?.error).toBe(failure)
  })

  it.each([1, 2, 3, 7])('makes at most %i attempts, and then gives the last failure', async (maxAttempts) => {
    const failures = times(20, transient).map((make) => make())
    const { outcome, startedAt, retries, clock } = run(
      failures.map((failure) => () => failure),
      { maxAttempts: () => maxAttempts, timeoutMs: 1e9 },
    )
    await clock.advance(60_000)
    expect(await outcome).toEqual({ status: 'rejected', reason: failures[maxAttempts - 1] })
    expect(startedAt).toHaveLength(maxAttempts)
    expect(retries).toHaveLength(maxAttempts - 1)
  })

  it('asks after each failure how many attempts may be made', async () => {
    let allowed = 3
    const { outcome, startedAt, clock } = run(times(9, transient), { maxAttempts: () => allowed })
    await clock.settle()
    allowed = 1
    await clock.advance(60_000)
    expect((await outcome).status).toBe('rejected')
    expect(startedAt).toHaveLength(2)
  })

  it.each<[what: string, make: () => unknown]>([
    ['a permanent failure', permanent],
    ['a programming mistake', () => new TypeError('x is not a function')],
    ['an error of another library', () => Object.assign(new Error('no'), { retryable: true })],
  ])('does not repeat after %s, and gives that very error', async (_what, make) => {
    const failure = make()
    const { outcome, startedAt, retries } = run([() => failure])
    expect(await outcome).toEqual({ status: 'rejected', reason: failure })
    expect(startedAt).toEqual([0])
    expect(retries).toEqual([])
  })

  it.each([
    [0, [0, 0, 0, 0, 0]],
    [0.5, [125, 250, 500, 1000, 1000]],
    [0.999, [249.75, 499.5, 999, 1998, 1998]],
  ])('waits anything from nothing to a bound that doubles from 250 ms to 2 s: drawn %d', async (random, delays) => {
    const clock = new VirtualClock({ random: () => random })
    const { outcome, retries } = run(times(5, transient), { clock, maxAttempts: () => 6, timeoutMs: 1e9 })
    await clock.advance(10_000)
    expect((await outcome).status).toBe('fulfilled')
    expect(retries.map(({ delayMs }) => delayMs)).toEqual(delays)
  })

  it('waits as long as the server asks, and a little longer, so that not all come back at once', async () => {
    const { outcome, startedAt, clock } = run([() => throttled(7000)])
    await clock.advance(7124)
    expect(startedAt).toEqual([0])
    await clock.advance(1)
    expect((await outcome).status).toBe('fulfilled')
    expect(startedAt).toEqual([0, 7125])
  })

  it('never waits less than the server asks', async () => {
    const clock = new VirtualClock({ random: () => 0 })
    const { outcome, retries } = run([() => throttled(0), () => throttled(3000)], { clock })
    await clock.advance(3000)
    expect((await outcome).status).toBe('fulfilled')
    expect(retries.map(({ delayMs }) => delayMs)).toEqual([0, 3000])
  })

  // 125 ms are drawn on top: the first wait would end with the deadline itself.
  it.each([14_875, 15_000, 60_000, Number.MAX_SAFE_INTEGER])(
    'ends at once when the server asks for %i ms and that is beyond the deadline',
    async (asked) => {
      const failure = throttled(asked)
      const { outcome, startedAt, retries, clock } = run([() => failure])
      await clock.settle()
      expect(await outcome).toEqual({ status: 'rejected', reason: failure })
      expect(startedAt).toEqual([0])
      expect(retries).toEqual([])
      expect(clock.pendingSleeps).toBe(0)
    },
  )

  it('begins no attempt after the deadline, however many are left', async () => {
    const timeouts = fc.integer({ min: 1, max: 20_000 })
    const asked = fc.option(fc.nat({ max: 3000 }), { nil: undefined })
    // A draw of zero waits no time at all, and the clock is then moved on between two attempts.
    await fc.assert(
      fc.asyncProperty(timeouts, fc.integer({ min: 1, max: 999 }), asked, async (timeoutMs, draw, askedMs) => {
        const clock = new VirtualClock({ random: () => draw / 1000 })
        const failures = times(50, () => (askedMs === undefined ? transient() : throttled(askedMs)))
        const { outcome, startedAt } = run(failures, { clock, maxAttempts: () => 40, timeoutMs })
        await clock.advance(timeoutMs)
        expect((await outcome).status).toBe('rejected')
        expect(Math.max(...startedAt)).toBeLessThan(timeoutMs)
        expect(clock.pendingSleeps).toBe(0)
      }),
      { numRuns: 20 },
    )
  })

  it('ends a wait as soon as the signal aborts, with its reason', async () => {
    const { outcome, startedAt, abort, clock } = run(times(3, transient))
    await clock.settle()
    expect(clock.pendingSleeps).toBe(1)
    const reason = new Error('deadline')
    abort.abort(reason)
    expect(await outcome).toEqual({ status: 'rejected', reason })
    expect(startedAt).toEqual([0])
    expect(clock.pendingSleeps).toBe(0)
  })

  it('makes no attempt when the signal has aborted already', async () => {
    const reason = new Error('deadline')
    const { outcome, startedAt } = run([], { signal: AbortSignal.abort(reason) })
    expect(await outcome).toEqual({ status: 'rejected', reason })
    expect(startedAt).toEqual([])
  })

  it('gives the reason of the signal when an attempt fails because of it', async () => {
    const reason = new Error('deadline')
    const abort = new AbortController()
    const abortAndFail = () => {
      abort.abort(reason)
      return transient()
    }
    const { outcome, startedAt } = run([abortAndFail], { signal: abort.signal })
    expect(await outcome).toEqual({ status: 'rejected', reason })
    expect(startedAt).toEqual([0])
  })

  it('waits by the clock alone: no timer of its own', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const { abort, outcome, clock } = run(times(3, transient))
    await clock.settle()
    expect(clock.pendingSleeps).toBe(1)
    expect(timers()).toBe(before)
    abort.abort()
    await outcome
  })
})
