import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { askServer, canStartRedis, until } from '../support/redis.ts'
import { endProcesses, type Fleet, startFleet, together } from './fleet.ts'

interface Trouble {
  readonly name: string
  begin(fleet: Fleet): unknown
  end(fleet: Fleet): unknown
}

const TROUBLES: readonly Trouble[] = [
  { name: 'killed', begin: ({ redis }) => redis.kill(), end: ({ redis }) => redis.restart() },
  { name: 'paused', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  {
    name: 'slowed to 500 ms',
    begin: ({ proxy }) => Object.assign(proxy, { delayMs: 500 }),
    end: ({ proxy }) => Object.assign(proxy, { delayMs: 0 }),
  },
  {
    name: 'full',
    begin: ({ redis }) => askServer(redis.port, 'CONFIG SET maxmemory 1'),
    end: ({ redis }) => askServer(redis.port, 'CONFIG SET maxmemory 0'),
  },
  {
    name: 'loading its data',
    begin: ({ proxy }) => Object.assign(proxy, { loading: true }),
    end: ({ proxy }) => Object.assign(proxy, { loading: false }),
  },
  { name: 'restarted empty', begin: ({ redis }) => redis.restart(), end: () => {} },
]

afterAll(endProcesses)

describe.runIf(canStartRedis)('while Redis is', { timeout: 600_000 }, () => {
  it.concurrent.each(TROUBLES)('$name, no API request fails, and all is well afterwards', async (trouble) => {
    await using fleet = await startFleet(2)
    // Long enough for a busy machine to request them in time.
    fleet.server.expiresIn = 9
    const begun = performance.now()
    await Promise.all(fleet.processes.map((one) => one.run({})))
    const run = async (forMs: number) =>
      together(await Promise.all(fleet.processes.map((one) => one.run({ concurrent: 0, perSecond: 20, forMs }))))
    const during = run(15_000)
    await wait(500)
    await trouble.begin(fleet)
    const { failures, medianMs } = await during
    expect(failures).toEqual([])
    expect(medianMs).toBeLessThan(50)
    // One request per process and rotation: a refresh is due after two thirds of the lifetime, or a tenth of it earlier.
    const rotations = Math.floor((performance.now() - begun) / 1000 / (6 - 0.9))
    expect(fleet.server.requests.length).toBeLessThanOrEqual(2 * (1 + rotations))

    await trouble.end(fleet)
    const isOver = () => fleet.processes.every((one) => one.count('storeSuspended') === one.count('storeResumed'))
    // A store that was left alone is tried when a token is asked for.
    for (let seconds = 0; seconds < 60 && !isOver(); seconds++) expect((await run(1000)).failures).toEqual([])
    expect(isOver()).toBe(true)
    await toOneLongLivedToken(fleet)
    fleet.server.revokeAll()
    expect((await run(500)).failures).toEqual([])
    const requests = fleet.server.requests.length
    await until(async () => {
      const [late] = await fleet.join(1)
      return late !== undefined && (await late.run({})).succeeded === 1 && late.count('tokenFound') === 1
    })
    expect(fleet.server.requests.length).toBeLessThanOrEqual(requests + 2)
  })
})

/**
 * While a token is replaced some processes still have the one before. A revocation then takes both, and a request that
 * was sent with one and once more with the other has failed.
 */
async function toOneLongLivedToken({ server, processes }: Fleet): Promise<void> {
  const [first, ...others] = processes
  server.expiresIn = 3600
  await until(async () => {
    expect((await first?.run({ token: { forceRefresh: true } }))?.failures).toEqual([])
    // They find it when they start, unless the machine keeps the store from answering.
    for (const one of others) await one.change({})
    const used = new Set()
    for (const one of processes) {
      expect((await one.run({})).failures).toEqual([])
      used.add(server.lastAuthorization)
    }
    return used.size === 1
  })
}
