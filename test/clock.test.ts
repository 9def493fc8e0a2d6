import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type Clock, elapsedMs, instant, systemClock } from '../src/clock.ts'

const YEAR_MS = 365 * 24 * 3_600_000

function clockAt(wall: number, monotonic: number): Clock {
  return { now: () => wall, monotonicNow: () => monotonic, random: () => 0, sleep: async () => {} }
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

describe('instant', () => {
  it('reads each clock once, for its own field', () => {
    expect(instant(clockAt(5_000, 70))).toEqual({ wall: 5_000, monotonic: 70 })
  })
})

describe('elapsedMs', () => {
  const start = { wall: 10_000, monotonic: 100 }

  it.each([
    ['both clocks agree', 13_000, 3_100, 3_000],
    ['the wall clock was set back', 0, 3_100, 3_000],
    ['the wall clock was set forward', 99_000, 3_100, 89_000],
    ['the monotonic clock stood still while the machine slept', 70_000, 110, 60_000],
    ['no time has passed', 10_000, 100, 0],
  ])('believes the larger figure when %s', (_case, wall, monotonic, expected) => {
    expect(elapsedMs(start, clockAt(wall, monotonic))).toBe(expected)
  })
})

describe('systemClock', () => {
  it('tells the time as Date.now and performance.now do', () => {
    const [wall, monotonic] = [Date.now(), performance.now()]
    expect(systemClock.now()).toBeGreaterThanOrEqual(wall)
    expect(systemClock.now() - wall).toBeLessThan(60_000)
    expect(systemClock.monotonicNow()).toBeGreaterThanOrEqual(monotonic)
    expect(systemClock.monotonicNow() - monotonic).toBeLessThan(60_000)
  })

  it('draws numbers from zero up to but not including one', () => {
    const drawn = Array.from({ length: 1_000 }, () => systemClock.random())
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(new Set(drawn).size).toBeGreaterThan(900)
  })

  it('sleeps for the time it is given', async () => {
    const startedAt = performance.now()
    await systemClock.sleep(20)
    // A timer may fire up to a millisecond early by this clock.
    expect(performance.now() - startedAt).toBeGreaterThan(18)
  })

  it.each([0, -1, -Infinity])('resolves sleep(%d) in a later turn, not in this one', async (ms) => {
    let awake = false
    const sleeping = systemClock.sleep(ms).then(() => {
      awake = true
    })
    await Promise.resolve()
    await Promise.resolve()
    expect(awake).toBe(false)
    await sleeping
    expect(awake).toBe(true)
  })

  it.each([
    ['a millisecond more than 24.8 days', 2 ** 31],
    ['25 days', 25 * 24 * 3_600_000],
    ['a year', YEAR_MS],
    ['ever', Infinity],
  ])('sleeps on when asked to sleep for %s, which is more than a timer can take', async (_name, ms) => {
    const waking = new AbortController()
    let settled = false
    const wake = () => {
      settled = true
    }
    const sleeping = systemClock.sleep(ms, waking.signal).then(wake, wake)
    // A timer that is asked for too much fires after one millisecond, before this one, which was set later.
    await systemClock.sleep(1)
    await systemClock.sleep(0)
    expect(settled).toBe(false)
    waking.abort()
    await sleeping
    expect(settled).toBe(true)
  })

  it('wakes with the reason of the signal, and leaves no timer behind', async () => {
    const before = timers()
    const waking = new AbortController()
    const sleeping = systemClock.sleep(YEAR_MS, waking.signal)
    expect(timers()).toBe(before + 1)
    const reason = new Error('enough')
    waking.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    expect(timers()).toBe(before)
  })

  it('holds the process while it sleeps, unless it is told not to', async () => {
    const before = timers()
    const waking = new AbortController()
    const asleep = [undefined, {}, { ref: true }, { ref: false }].map((options) => {
      const sleeping = systemClock.sleep(YEAR_MS, waking.signal, options).catch(() => {})
      return { sleeping, holding: timers() - before }
    })
    expect(asleep.map(({ holding }) => holding)).toEqual([1, 2, 3, 3])
    waking.abort()
    await Promise.all(asleep.map(({ sleeping }) => sleeping))
  })

  it('does not fall asleep when the signal has aborted already', async () => {
    const before = timers()
    const reason = new Error('too late')
    await expect(systemClock.sleep(YEAR_MS, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(timers()).toBe(before)
  })

  it('takes its listener off the signal when it wakes by itself', async () => {
    const { signal } = new AbortController()
    const sleeping = systemClock.sleep(1, signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await sleeping
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
