import { describe, expect, it } from 'vitest'
import type { TokenManager } from '../src/token-manager.ts'
import { Fleet, type FleetProcess } from './support/fleet.ts'

const STEP_MS = 100
const MOST_MS = 120_000

/** Asks again and again until there is a token; how long that took. */
async function askUntilServed(tokens: TokenManager, { clock }: Fleet): Promise<number> {
  let isServed = false
  let ms = 0
  for (; !isServed && ms < MOST_MS; ms += STEP_MS) {
    const onServed = () => {
      isServed = true
    }
    tokens.getToken().then(onServed, () => {})
    await clock.advance(STEP_MS)
  }
  return ms
}

async function askFor(ms: number, tokens: TokenManager, { clock }: Fleet): Promise<void> {
  for (let done = 0; done < ms; done += STEP_MS) {
    tokens.getToken().catch(() => {})
    await clock.advance(STEP_MS)
  }
}

type Pair = [FleetProcess, FleetProcess]

describe('a process that finds a token which another requested after its own failures', () => {
  it.each([
    ['denials', { status: 401, body: { error: 'invalid_client' } }, 2000],
    ['answers of no use', { status: 200, body: '<html>' }, 2000],
    ['outages', { status: 503 }, 2000],
  ])('counts %s from the beginning', async (_what, trouble, withinMs) => {
    const fleet = new Fleet()
    fleet.server.expiresIn = 10
    const [{ tokens: other }, { tokens }] = fleet.processes(2) as Pair
    fleet.server.byDefault = trouble
    await askFor(20_000, tokens, fleet)
    fleet.server.byDefault = {}
    // All pauses are over.
    await fleet.clock.advance(70_000)
    await askUntilServed(other, fleet)
    const { length } = fleet.server.requests
    await askUntilServed(tokens, fleet)
    expect(fleet.server.requests).toHaveLength(length)
    await fleet.clock.advance(20_000)

    fleet.server.byDefault = trouble
    await askFor(500, tokens, fleet)
    fleet.server.byDefault = {}
    expect(await askUntilServed(tokens, fleet)).toBeLessThan(withinMs)
  })
})

describe('processes whose API rejects every token', () => {
  it.each([
    [1, 0],
    [3, 0],
    [30, 0],
    [10, 7],
  ])('request one ever more rarely, taking what others get: %i of them, one every %i s', async (count, everyS) => {
    const fleet = new Fleet()
    const processes = everyS === 0 ? fleet.processes(count) : []
    const counts: number[] = []
    for (let second = 0; second < 20 * 60; second++) {
      if (processes.length < count && second % everyS === 0) processes.push(fleet.join())
      const calls = processes.map(async ({ tokens }) => tokens.invalidate({}, await tokens.getAccessToken()))
      await fleet.clock.advance(1000)
      await Promise.all(calls)
      if (second % 300 === 299) counts.push(fleet.server.requests.length)
    }
    // One begins at 0, 0, 17, 37 and 77 seconds, and so on to every five minutes.
    expect(counts[0]).toBeLessThanOrEqual(16)
    expect((counts[3] as number) - (counts[0] as number)).toBeLessThanOrEqual(12)
  })
})

describe('a process that uses a rejected token on', () => {
  it('takes the newer one that another process got, and requests none itself', async () => {
    const fleet = new Fleet()
    const [{ tokens: other }, { tokens }] = fleet.processes(2) as Pair
    const both = [other, tokens]
    for (const text of ['token-1', 'token-2']) {
      for (const one of both) {
        const token = one.getAccessToken()
        await fleet.clock.advance(1000)
        expect(await token).toBe(text)
      }
      for (const one of both) one.invalidate({}, text)
    }
    // What replaced a rejected token was rejected at once, and another would not help.
    expect(await tokens.getAccessToken()).toBe('token-2')
    const newer = other.getAccessToken({ forceRefresh: true })
    await fleet.clock.advance(1000)
    expect(await newer).toBe('token-3')

    tokens.invalidate({}, 'token-2')
    await fleet.clock.advance(1000)
    expect(await tokens.getAccessToken()).toBe('token-3')
    expect(fleet.server.requests).toHaveLength(3)
  })
})
