import { describe, expect, it } from 'vitest'
import type { Clock } from '../src/clock.ts'
import { Fleet } from './support/fleet.ts'

const MINUTE = 60_000
// Of an hour's token in a fleet whose clocks are right, with all that is drawn.
const ROTATION_MS = 39 * MINUTE

/** The clock of a host whose wall clock is wrong. */
const off = (clock: Clock, ms: number): Clock => ({
  now: () => clock.now() + ms,
  monotonicNow: () => clock.monotonicNow(),
  sleep: (forMs, signal, options) => clock.sleep(forMs, signal, options),
  random: () => clock.random(),
})

/** How many tokens are requested in ten rotations. */
async function requestsOf(offsMs: readonly number[]): Promise<number> {
  const fleet = new Fleet()
  const processes = offsMs.map((ms) => fleet.join({ keepWarm: true, clock: off(fleet.clock, ms) }))
  await fleet.tokensOf(processes)
  for (let passed = 0; passed < 10 * ROTATION_MS; passed += MINUTE) {
    await fleet.clock.advance(MINUTE)
    for (const { tokens } of processes) expect(tokens.source().peek()).toBeDefined()
  }
  return fleet.server.requests.length
}

describe('hosts whose wall clocks differ', () => {
  const HOSTS = 12
  const one = (ms: number) => Array.from({ length: HOSTS }, (_, at) => (at === 0 ? ms : 0))

  it.each([
    ['by half a minute at most', Array.from({ length: HOSTS }, (_, at) => (at % 2) * 30_000), 1],
    ['by five minutes, one of them ahead', one(5 * MINUTE), 1.1],
    ['by five minutes, one of them behind', one(-5 * MINUTE), 1.1],
    ['by half an hour, one of them ahead', one(30 * MINUTE), 1.7],
    ['by more than a token lives, one of them ahead', one(70 * MINUTE), 2],
    ['by more than a token lives, one of them behind', one(-70 * MINUTE), 1.2],
    ['by up to ten minutes, each', Array.from({ length: HOSTS }, (_, at) => at * MINUTE), 1.2],
  ])('%s, always have a token, and request so many times as many', async (_, offsMs, times) => {
    const right = await requestsOf(one(0))
    expect(right).toBeLessThanOrEqual(11)
    expect(await requestsOf(offsMs)).toBeLessThanOrEqual(Math.ceil(times * right))
  })
})
