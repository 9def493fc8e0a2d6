import { describe, expect, it } from 'vitest'
import {
  cappedRetryAfterMs,
  classify,
  DEFAULT_LIMITS,
  denialPauseMs,
  outagePauseMs,
  refreshPauseMs,
  rejectionPauseMs,
  tokenAges,
} from '../src/token-lifecycle.ts'
import { fc } from './support/fast-check.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const YEAR = 365 * 24 * HOUR

const lifetimes = fc.integer({ min: SECOND, max: YEAR })
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const limits = fc.record({
  refreshWindowMs: fc.integer({ min: 1, max: YEAR }),
  safetyMarginMs: fc.integer({ min: 1, max: YEAR }),
})

describe('tokenAges', () => {
  it.each([
    // lifetime, due at the latest, due at the earliest, expired
    ['a second', SECOND, 667, 567, 900],
    ['5 seconds', 5 * SECOND, 3333, 2833, 4500],
    ['a minute', MINUTE, 40 * SECOND, 34 * SECOND, 54 * SECOND],
    ['100 seconds', 100 * SECOND, 66_667, 56_667, 90 * SECOND],
    ['5 minutes', 5 * MINUTE, 200 * SECOND, 170 * SECOND, 290 * SECOND],
    ['an hour', HOUR, 40 * MINUTE, 38 * MINUTE, HOUR - 10 * SECOND],
    ['a day', 24 * HOUR, 24 * HOUR - 20 * MINUTE, 24 * HOUR - 22 * MINUTE, 24 * HOUR - 10 * SECOND],
    ['a year', YEAR, YEAR - 20 * MINUTE, YEAR - 22 * MINUTE, YEAR - 10 * SECOND],
  ])('of a token that lives %s follow the rule', (_name, lifetime, latest, earliest, expired) => {
    const late = tokenAges(lifetime, undefined, 0, DEFAULT_LIMITS)
    const early = tokenAges(lifetime, undefined, 1, DEFAULT_LIMITS)
    expect(Math.round(late.dueAfterMs)).toBe(latest)
    expect(Math.round(early.dueAfterMs)).toBe(earliest)
    expect(late.expiredAfterMs).toBe(expired)
    expect(early.expiredAfterMs).toBe(expired)
  })

  it('are in order at every lifetime, with any hint and any limits', () => {
    fc.assert(
      fc.property(
        lifetimes,
        fc.option(lifetimes, { nil: undefined }),
        chance,
        limits,
        (lifetime, hint, jitter, caps) => {
          const { dueAfterMs, expiredAfterMs } = tokenAges(lifetime, hint, jitter, caps)
          expect(dueAfterMs).toBeGreaterThan(0)
          expect(dueAfterMs).toBeLessThanOrEqual(expiredAfterMs)
          expect(expiredAfterMs).toBeLessThan(lifetime)
        },
      ),
    )
  })

  it('let a token be used without a refresh for at least half of its life, and for nine tenths in all', () => {
    fc.assert(
      fc.property(lifetimes, chance, (lifetime, jitter) => {
        const { dueAfterMs, expiredAfterMs } = tokenAges(lifetime, undefined, jitter, DEFAULT_LIMITS)
        expect(dueAfterMs).toBeGreaterThanOrEqual(lifetime / 2)
        expect(expiredAfterMs).toBeGreaterThanOrEqual(lifetime * 0.9 - 1e-3)
      }),
    )
  })

  it('leave a window in which a refresh can happen before the token expires', () => {
    fc.assert(
      fc.property(lifetimes, chance, (lifetime, jitter) => {
        const { dueAfterMs, expiredAfterMs } = tokenAges(lifetime, undefined, jitter, DEFAULT_LIMITS)
        expect(expiredAfterMs - dueAfterMs).toBeGreaterThan(Math.min(lifetime / 5, MINUTE))
      }),
    )
  })

  it('are brought forward by the jitter: not at all, up to a tenth of the lifetime, never by more than 2 minutes', () => {
    fc.assert(
      fc.property(lifetimes, chance, (lifetime, jitter) => {
        const latest = tokenAges(lifetime, undefined, 0, DEFAULT_LIMITS).dueAfterMs
        const forward = latest - tokenAges(lifetime, undefined, jitter, DEFAULT_LIMITS).dueAfterMs
        expect(forward).toBeCloseTo(jitter * Math.min(lifetime / 10, 2 * MINUTE), 3)
      }),
    )
  })

  it('honour the hint of the server, sooner or later than the own rule', () => {
    expect(tokenAges(HOUR, 10 * MINUTE, 0, DEFAULT_LIMITS).dueAfterMs).toBe(10 * MINUTE)
    expect(tokenAges(HOUR, 10 * MINUTE, 1, DEFAULT_LIMITS).dueAfterMs).toBe(8 * MINUTE)
    expect(tokenAges(HOUR, 50 * MINUTE, 0, DEFAULT_LIMITS).dueAfterMs).toBe(50 * MINUTE)
    expect(tokenAges(24 * HOUR, 12 * HOUR, 0, DEFAULT_LIMITS).dueAfterMs).toBe(12 * HOUR)
  })

  it('put a hint that comes after expiry at expiry', () => {
    expect(tokenAges(HOUR, HOUR - 1, 0, DEFAULT_LIMITS).dueAfterMs).toBe(HOUR - 10 * SECOND)
  })

  it.each([
    ['a minute', MINUTE, 30 * SECOND],
    ['a second', SECOND, 500],
    ['a millisecond', 1, 500],
  ])('never make a token due that has just arrived, when the hint says %s', (_name, hint, earliest) => {
    expect(tokenAges(HOUR, hint, 1, DEFAULT_LIMITS).dueAfterMs).toBe(earliest)
  })

  it('can be set, but not so that a short token is never cached', () => {
    const wide = { refreshWindowMs: HOUR, safetyMarginMs: HOUR }
    expect(tokenAges(12 * HOUR, undefined, 0, wide)).toEqual({ dueAfterMs: 11 * HOUR, expiredAfterMs: 11 * HOUR })
    expect(tokenAges(30 * SECOND, undefined, 0, wide)).toEqual({ dueAfterMs: 20 * SECOND, expiredAfterMs: 27 * SECOND })
    const narrow = { refreshWindowMs: MINUTE, safetyMarginMs: SECOND }
    expect(tokenAges(HOUR, undefined, 0, narrow)).toEqual({ dueAfterMs: 59 * MINUTE, expiredAfterMs: HOUR - SECOND })
  })
})

describe('classify', () => {
  const ages = { dueAfterMs: 40, expiredAfterMs: 90 }

  it.each([
    [-5, 'fresh'],
    [0, 'fresh'],
    [39.9, 'fresh'],
    [40, 'refresh due'],
    [89.9, 'refresh due'],
    [90, 'expired'],
    [1e12, 'expired'],
    [Infinity, 'expired'],
  ])('calls a token of age %d %s', (age, state) => {
    expect(classify(ages, age)).toBe(state)
  })

  it('never goes back to an earlier state as a token grows older', () => {
    const order = ['fresh', 'refresh due', 'expired']
    fc.assert(
      fc.property(
        lifetimes,
        chance,
        fc.array(fc.nat({ max: YEAR }), { minLength: 2, maxLength: 8 }),
        (life, jitter, at) => {
          const token = tokenAges(life, undefined, jitter, DEFAULT_LIMITS)
          const states = at.sort((a, b) => a - b).map((age) => order.indexOf(classify(token, age)))
          expect(states).toEqual(states.toSorted((a, b) => a - b))
        },
      ),
    )
  })
})

describe('refreshPauseMs', () => {
  const hour = tokenAges(HOUR, undefined, 0, DEFAULT_LIMITS)

  it.each([
    [1, 10 * SECOND],
    [2, 20 * SECOND],
    [3, 40 * SECOND],
    [5, 160 * SECOND],
    [6, 5 * MINUTE],
    [100, 5 * MINUTE],
    [5000, 5 * MINUTE],
  ])('after failure %i is drawn from the upper half of its bound', (failures, bound) => {
    expect(refreshPauseMs(failures, hour, hour.dueAfterMs, 0)).toBe(bound / 2)
    expect(refreshPauseMs(failures, hour, hour.dueAfterMs, 1)).toBe(bound)
  })

  it('is at most half of what is left', () => {
    const age = hour.expiredAfterMs - 30 * SECOND
    expect(refreshPauseMs(100, hour, age, 1)).toBe(15 * SECOND)
  })

  it('does not shrink to nothing as a token comes to its end', () => {
    expect(refreshPauseMs(100, hour, hour.expiredAfterMs - 1, 0)).toBe(5 * SECOND)
    const minute = tokenAges(MINUTE, undefined, 0, DEFAULT_LIMITS)
    expect(refreshPauseMs(1, minute, minute.expiredAfterMs - 1, 0)).toBeCloseTo(700, 6)
  })

  it('makes few attempts of an outage that lasts to the end of a token, whatever its lifetime', () => {
    fc.assert(
      fc.property(lifetimes, chance, chance, (lifetime, jitter, random) => {
        const token = tokenAges(lifetime, undefined, jitter, DEFAULT_LIMITS)
        let attempts = 0
        for (let age = token.dueAfterMs; age < token.expiredAfterMs; attempts += 1) {
          age += refreshPauseMs(attempts + 1, token, age, random)
        }
        expect(attempts).toBeGreaterThan(1)
        expect(attempts).toBeLessThan(30)
      }),
    )
  })
})

describe('outagePauseMs', () => {
  it.each([
    [1, 500],
    [2, 1000],
    [4, 4000],
    [6, 10_000],
    [2000, 10_000],
  ])('after failure %i is drawn from the upper half of its bound', (failures, bound) => {
    expect(outagePauseMs(failures, 0)).toBe(bound / 2)
    expect(outagePauseMs(failures, 1)).toBe(bound)
  })
})

describe('the other pauses', () => {
  it.each([
    ['denialPauseMs', denialPauseMs, [1, 2, 4, 8, 16, 32, 60, 60]],
    ['rejectionPauseMs', rejectionPauseMs, [10, 20, 40, 80, 160, 300, 300]],
  ] as const)('double up to a limit: %s', (_name, pause, seconds) => {
    expect(seconds.map((_, index) => pause(index + 1))).toEqual(seconds.map((second) => second * SECOND))
    expect(pause(5000)).toBe((seconds.at(-1) ?? 0) * SECOND)
  })

  it('obey Retry-After up to an hour while a token is valid, and up to 5 minutes when none is', () => {
    expect(cappedRetryAfterMs(7 * SECOND, true)).toBe(7 * SECOND)
    expect(cappedRetryAfterMs(7 * SECOND, false)).toBe(7 * SECOND)
    expect(cappedRetryAfterMs(Number.MAX_SAFE_INTEGER, true)).toBe(HOUR)
    expect(cappedRetryAfterMs(Number.MAX_SAFE_INTEGER, false)).toBe(5 * MINUTE)
  })
})
