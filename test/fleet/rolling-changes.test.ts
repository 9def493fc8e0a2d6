import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { startMutualServers } from '../support/mutual-tls.ts'
import { canStartRedis } from '../support/redis.ts'
import { TestAuthority } from '../support/tls.ts'
import { endProcesses, type Fleet, startFleet, together } from './fleet.ts'
import type { Start } from './worker-messages.ts'

const PATIENT_MS = 30_000

const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** Takes each step in one process after another, while all send requests; so many tokens are requested. */
async function roll(
  fleet: Fleet,
  requests: () => number,
  steps: readonly (Partial<Start> | (() => void))[],
  expected: number,
): Promise<void> {
  let isOver = false
  const first = await Promise.all(fleet.processes.map((one) => one.run({})))
  const before = requests()
  const running = fleet.processes.map(async (one) => {
    const reports = []
    while (!isOver) reports.push(await one.run({ concurrent: 0, perSecond: 20, forMs: 300 }))
    return together(reports)
  })
  const changed = []
  for (const step of steps) {
    if (typeof step === 'function') step()
    for (const one of fleet.processes) {
      if (typeof step !== 'function') await one.change(step)
      changed.push(await one.run({ concurrent: 3 }))
    }
  }
  isOver = true
  const report = together([...first, ...changed, ...(await Promise.all(running))])
  expect(report.failures).toEqual([])
  expect(report.succeeded).toBeGreaterThan(20)
  expect(requests() - before).toBeGreaterThanOrEqual(expected)
  expect(requests() - before).toBeLessThanOrEqual(expected + fleet.mostLapses(report))
}

afterAll(endProcesses)

describe.runIf(canStartRedis)('four processes that change one after another, under load,', { timeout: 600_000 }, () => {
  it('get a new encryption key in two phases: not one token more than without', async () => {
    await using fleet = await startFleet(4, PATIENT_MS)
    const [old = ''] = fleet.encryptionKeys
    const next = randomBytes(32).toString('hex')
    // Between the phases all get another token, which is under both keys.
    const steps = [{ encryptionKeys: [old, next] }, () => fleet.server.revokeAll(), { encryptionKeys: [next] }]
    await roll(fleet, () => fleet.server.requests.length, steps, 1)
  })

  it('get a new secret: one token more, for all that have it', async () => {
    await using fleet = await startFleet(4, PATIENT_MS)
    const secret = 'the-new-secret-of-the-orders-service'
    fleet.server.secrets = [...fleet.server.secrets, secret]
    await roll(fleet, () => fleet.server.requests.length, [{ secret }], 1)
  })

  it('get a new key that their tokens are bound to: one token for each key', async () => {
    await using fleet = await startFleet(4, PATIENT_MS)
    const steps = [{ dpopKey: newKey() }, { dpopKey: newKey() }]
    await roll(fleet, () => fleet.server.requests.length, steps, 2)
    expect(fleet.server.lastAuthorization).toMatch(/^DPoP /)
  })

  it('get a new client certificate: one token for each certificate', async () => {
    await using fleet = await startFleet(4, PATIENT_MS)
    const authority = new TestAuthority()
    await using servers = await startMutualServers(authority)
    const at = { ca: authority.cert, tokenEndpoint: `${servers.auth.origin}/token` }
    const newCertificate = () => ({ certificate: { ...authority.issue({ names: ['orders'] }), ...at } })
    const steps = [newCertificate(), newCertificate()]
    await roll(fleet, () => servers.requestedWith.length, steps, 2)
    expect(new Set(servers.requestedWith).size).toBe(2)
  })
})
