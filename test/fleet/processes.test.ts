import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { canStartRedis, until } from '../support/redis.ts'
import { endProcesses, type FleetProcess, inTheClear, SEEN, startFleet, together } from './fleet.ts'
import type { Load } from './worker-messages.ts'

const all = async (processes: readonly FleetProcess[], load: Load) =>
  together(await Promise.all(processes.map((one) => one.run(load))))

// Eight processes on two cores keep each other waiting, which is not what is tested here.
const PATIENT_MS = 30_000

afterAll(endProcesses)

describe.runIf(canStartRedis)('eight processes with one Redis', { timeout: 600_000 }, () => {
  it('that start at once, with 50 requests each, make one token request', async () => {
    await using fleet = await startFleet(8, PATIENT_MS)
    const report = await all(fleet.processes, { concurrent: 50 })
    expect(report).toMatchObject({ succeeded: 400, failures: [] })
    expect(fleet.server.requests.length).toBeLessThanOrEqual(1 + fleet.mostLapses(report))
    const before = fleet.proxy.commands.length
    expect(before).toBeGreaterThan(0)
    expect(await all(fleet.processes, { perSecond: 20, forMs: 1000 })).toMatchObject({ waits: 0, failures: [] })
    // Not one command for requests that find their token in the process.
    expect(fleet.proxy.commands).toHaveLength(before)
  })

  it('make one token request per rotation through ten of them, and nobody waits', async () => {
    await using fleet = await startFleet(8, PATIENT_MS)
    const { server, processes } = fleet
    server.expiresIn = 3
    const begun = performance.now()
    await all(processes, {})
    const report = await all(processes, { concurrent: 0, perSecond: 20, forMs: 20_000 })
    const seconds = (performance.now() - begun) / 1000
    expect(report.failures).toEqual([])
    const rotations = server.requests.length - 1
    // A refresh is due after two thirds of the lifetime, or up to a tenth of it earlier; at the latest when it expires.
    expect(rotations).toBeLessThanOrEqual(seconds / (2 - 0.3) + 1 + fleet.mostLapses(report))
    expect(rotations).toBeGreaterThanOrEqual(Math.floor((seconds - report.stalledMs / 1000) / 3) - 1)
    // If each process waited once in a rotation, these were eighty. A process that is kept from running may be late.
    expect(report.waits).toBeLessThan(40 + report.stalledMs / 400)
  })

  it('replace a token that is revoked by one request', async () => {
    await using fleet = await startFleet(8, PATIENT_MS)
    await all(fleet.processes, {})
    let isOver = false
    const running = fleet.processes.map(async (one) => {
      const reports = []
      while (!isOver) reports.push(await one.run({ concurrent: 5, perSecond: 20, forMs: 200 }))
      return together(reports)
    })
    await wait(200)
    fleet.server.revokeAll()
    expect((await all(fleet.processes, { concurrent: 20 })).failures).toEqual([])
    isOver = true
    const report = together(await Promise.all(running))
    expect(report.failures).toEqual([])
    expect(fleet.server.requests.length).toBeGreaterThan(1)
    expect(fleet.server.requests.length).toBeLessThanOrEqual(2 + fleet.mostLapses(report))
  })

  it('do not notice that one of them has a wrong secret; it alone fails', async () => {
    await using fleet = await startFleet(7, PATIENT_MS)
    const [canary] = await fleet.join(1, 'a-wrong-one')
    const [own, others] = await Promise.all([
      all([canary as FleetProcess], { concurrent: 5, perSecond: 5, forMs: 1500 }),
      all(fleet.processes.slice(0, 7), { concurrent: 50, perSecond: 10, forMs: 1500 }),
    ])
    expect(own.succeeded).toBe(0)
    expect(own.failures[0]).toContain('invalid_client')
    expect(others.failures).toEqual([])
  })

  it('keep their token from a process that knows the encryption key, but not the secret', async () => {
    await using fleet = await startFleet(1, PATIENT_MS)
    await all(fleet.processes, {})
    const [spy] = await fleet.join(1, 'a-guess')
    expect(await all([spy as FleetProcess], { concurrent: 5 })).toMatchObject({ succeeded: 0 })
    expect(spy?.count('tokenFound')).toBe(0)
  })

  it('take over from one that is killed during its token request, with one further request', async () => {
    await using fleet = await startFleet(8, PATIENT_MS)
    fleet.server.answers = new Promise(() => {})
    const runs = fleet.processes.map((one) => ({ one, report: one.run({ concurrent: 5 }) }))
    await until(() => fleet.server.requests.length === 1)
    const holder = await theOneThatAsks(fleet.processes)
    fleet.server.answers = Promise.resolve()
    const begun = performance.now()
    holder.signal('SIGKILL')
    const report = together(await Promise.all(runs.filter(({ one }) => one !== holder).map((run) => run.report)))
    expect(performance.now() - begun).toBeLessThan(7000 + report.stalledMs)
    expect(report).toMatchObject({ succeeded: 35, failures: [] })
    expect(fleet.server.requests.length).toBeLessThanOrEqual(2 + fleet.mostLapses(report))
  })

  it('are not given an older token by one that was stopped past its lease', async () => {
    await using fleet = await startFleet(3, PATIENT_MS)
    const { promise, resolve: answer } = Promise.withResolvers<void>()
    fleet.server.answers = promise
    const runs = fleet.processes.map((one) => ({ one, report: one.run({}) }))
    await until(() => fleet.server.requests.length === 1)
    const holder = await theOneThatAsks(fleet.processes)
    holder.signal('SIGSTOP')
    fleet.server.answers = Promise.resolve()
    // One requests a token, and the other finds it in the store.
    const report = together(await Promise.all(runs.filter(({ one }) => one !== holder).map((run) => run.report)))
    answer()
    holder.signal('SIGCONT')
    expect(together(await Promise.all(runs.map((run) => run.report)))).toMatchObject({ succeeded: 3, failures: [] })
    await wait(200)
    const [late] = await fleet.join(1)
    expect(await all([late as FleetProcess], {})).toMatchObject({ succeeded: 1 })
    expect(late?.heard).toEqual(['ready', 'tokenFound'])
    expect(fleet.server.lastAuthorization).toMatch(/^Bearer orders\.example-token-[^1]$/)
    expect(fleet.server.requests.length).toBeLessThanOrEqual(2 + fleet.mostLapses(report))
  })

  it('tell Redis no secret, token, client id or scope in the clear', () => {
    const bytes = SEEN.map(({ seen }) => seen).join('\n')
    expect(bytes).toContain('evertoken:')
    expect(inTheClear(bytes)).toEqual([])
  })
})

async function theOneThatAsks(processes: readonly FleetProcess[]): Promise<FleetProcess> {
  const asks = () => processes.find((one) => one.count('tokenRequested') > 0)
  await until(() => asks() !== undefined)
  return asks() as FleetProcess
}
