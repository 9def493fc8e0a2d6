import { describe, expect, it } from 'vitest'
import { Figures, requestsPerRotation } from '../../scripts/simulate/figures.ts'
import { type FleetOutcome, simulateFleet } from '../../scripts/simulate/fleet.ts'
import type { ScenarioName, Variant } from '../../scripts/simulate/scenarios.ts'

const PROCESSES = 20

function simulated(scenario: ScenarioName, variant: Variant, seed = 1): Promise<FleetOutcome> {
  return simulateFleet({ scenario, variant, processes: PROCESSES, seed })
}

describe('a simulated fleet', () => {
  it.each([
    ['naive', PROCESSES + 1, 3 * PROCESSES],
    ['flight', PROCESSES, PROCESSES],
    ['jitter', PROCESSES, PROCESSES],
    ['lease', 1, 1],
  ] as const)('requests in a rotation, %s: at least %i and at most %i tokens', async (variant, least, most) => {
    const outcome = await simulated('steady', variant)
    expect(outcome.rotations).toBeGreaterThan(1.9)
    expect(requestsPerRotation(outcome)).toBeGreaterThanOrEqual(least)
    expect(requestsPerRotation(outcome)).toBeLessThanOrEqual(most)
  })

  it.each(['flight', 'jitter', 'lease'] as const)('makes nobody wait once it is settled: %s', async (variant) => {
    const outcome = await simulated('steady', variant)
    expect(outcome).toMatchObject({ waitingCalls: 0, failedCalls: 0 })
  })

  it('makes calls wait where nothing is refreshed in time', async () => {
    const { waitingCalls } = await simulated('steady', 'naive')
    expect(waitingCalls).toBeGreaterThan(2 * PROCESSES)
  })

  it.each([
    ['naive', PROCESSES, 3 * PROCESSES],
    ['flight', 15, PROCESSES],
    ['jitter', 1, 5],
    ['lease', 1, 1],
  ] as const)('that started at once is in step later only without jitter: %s', async (variant, least, most) => {
    const { peakSettled } = await simulated('deploy', variant)
    expect(peakSettled).toBeGreaterThanOrEqual(least)
    expect(peakSettled).toBeLessThanOrEqual(most)
  })

  it('that shares its tokens starts with one request, and one store call or a few for each process', async () => {
    const { peak, store } = await simulated('deploy', 'lease')
    expect(peak).toBe(1)
    expect(store?.calls).toBeGreaterThan(PROCESSES)
    expect(store?.calls).toBeLessThan(10 * PROCESSES)
  })

  it('whose lease holder is killed goes on within 7 seconds, with one request more for each kill', async () => {
    const outcome = await simulated('crashes', 'lease')
    // Two kills: one at the start and one in the rotation after it.
    expect(outcome).toMatchObject({ requests: 4, failedCalls: 0 })
    expect(outcome.longestWaitMs).toBeGreaterThan(4000)
    expect(outcome.longestWaitMs).toBeLessThan(7000)
  })

  it.each(['flight', 'jitter', 'lease'] as const)(
    'gets over 15 minutes without the authorization server: %s',
    async (variant) => {
      const { failedCalls, longestWaitMs } = await simulated('outage', variant)
      expect(failedCalls).toBe(0)
      expect(longestWaitMs).toBeLessThan(1000)
    },
  )

  it('fails calls by the thousand in the same outage where tokens are used until they expire', async () => {
    const { failedCalls, peak } = await simulated('outage', 'naive')
    expect(failedCalls).toBeGreaterThan(1000)
    expect(peak).toBeGreaterThan(PROCESSES)
  })

  it('without its store makes a request for each process at most', async () => {
    const { failedCalls, requestsSettled, longestWaitMs } = await simulated('storeOutage', 'lease')
    expect(failedCalls).toBe(0)
    expect(requestsSettled).toBeLessThanOrEqual(PROCESSES + 1)
    expect(longestWaitMs).toBeLessThan(1000)
  })

  it.each(['naive', 'jitter', 'lease'] as const)('is the same for the same seed: %s', async (variant) => {
    const first = await simulated('crashes', variant)
    expect(await simulated('crashes', variant)).toEqual(first)
    expect(await simulated('crashes', variant, 2)).not.toEqual({ ...first, seed: 2 })
  })
})

it('figures that were not simulated are missed and not made up', () => {
  expect(() => new Figures([]).get('steady', 'lease', 1)).toThrow('Not simulated: steady, lease, 1')
})
