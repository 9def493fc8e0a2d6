import { describe, expect, it } from 'vitest'
import type { TokenManager } from '../src/token-manager.ts'
import { Fleet } from './support/fleet.ts'

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

describe('a process that finds a token which another requested after its own failures', () => {
  it.each([
    ['denials', { status: 401, body: { error: 'invalid_client' } }, 2000],
    ['answers of no use', { status: 200, body: '<html>' }, 2000],
    ['outages', { status: 503 }, 2000],
  ])('counts %s from the beginning', async (_what, trouble, withinMs) => {
    const fleet = new Fleet()
    fleet.server.expiresIn = 10
    const [{ tokens: other }, { tokens }] = fleet.processes(2) as [{ tokens: TokenManager }, { tokens: TokenManager }]
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
