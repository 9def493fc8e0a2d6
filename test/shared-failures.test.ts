import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { privateKeyJwt } from '../src/client-authentication/private-key-jwt.ts'
import { Fleet, type FleetProcess } from './support/fleet.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const callsOf = ({ store }: FleetProcess) => Object.values(store.calls).reduce((sum, calls) => sum + calls, 0)
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

describe('while a failure is remembered', () => {
  it.each([
    ['of the server', { status: 503 }],
    ['of the credentials', { status: 401, body: { error: 'invalid_client' } }],
    ['of the scope', { status: 400, body: { error: 'invalid_scope' } }],
  ] as const)('%s, calls ask the store five times a second at most', async (_, answer) => {
    const fleet = new Fleet()
    fleet.server.byDefault = answer
    const one = fleet.join({ maxAttempts: 1 })
    let failed = 0
    for (let passed = 0; passed < 10 * SECOND; passed += 5) {
      const call = one.tokens.getToken().catch(() => failed++)
      await fleet.clock.advance(5)
      await call
    }
    expect(failed).toBe(2000)
    // Beside the token requests, each of which takes the lease and gives it up.
    expect(callsOf(one)).toBeLessThanOrEqual(50 + 3 * fleet.server.requests.length)
    fleet.server.byDefault = {}
    await fleet.clock.advance(20 * SECOND)
    const other = fleet.join()
    await fleet.tokensOf([other])
    expect(await fleet.tokensOf([one])).toEqual([await other.tokens.getAccessToken()])
  })
})

describe('a server whose tokens must not be cached', () => {
  const start = async (count: number) => {
    const fleet = new Fleet()
    fleet.server.expiresIn = 0
    const processes = fleet.processes(count)
    const longest = async () => {
      const begun = fleet.clock.monotonicNow()
      const waits = processes.map(({ tokens }) => tokens.getToken().then(() => fleet.clock.monotonicNow() - begun))
      await fleet.clock.advance(20 * SECOND)
      return Math.max(...(await Promise.all(waits)))
    }
    return { fleet, processes, longest }
  }

  it('is asked by all processes at once, and not by one after another', async () => {
    const { fleet, processes, longest } = await start(60)
    expect(await longest()).toBeLessThan(SECOND)
    expect(fleet.server.requests).toHaveLength(60)
    const calls = processes.map(callsOf)
    expect(await longest()).toBe(100)
    expect(processes.map(callsOf)).toEqual(calls)
    expect(processes.flatMap(({ heard }) => heard)).not.toContain('tokenRequestFailed')
  })

  it('is asked once a second by each, which keeps no other waiting', async () => {
    const { fleet, processes } = await start(2)
    const [busy, other] = processes
    const twice = [busy?.tokens.getToken(), fleet.clock.advance(200).then(() => busy?.tokens.getToken())]
    await fleet.clock.advance(300)
    const begun = fleet.clock.monotonicNow()
    const waited = other?.tokens.getToken().then(() => fleet.clock.monotonicNow() - begun)
    await fleet.clock.advance(2 * SECOND)
    expect(await waited).toBeLessThan(SECOND)
    await Promise.all(twice)
  })

  it('gives tokens to the fleet again as soon as they live', async () => {
    const { fleet, processes, longest } = await start(8)
    await longest()
    fleet.server.expiresIn = 3600
    await longest()
    const requests = fleet.server.requests.length
    await fleet.clock.advance(40 * MINUTE)
    await fleet.tokensOf(processes, MINUTE)
    await fleet.tokensOf(processes)
    expect(new Set(await fleet.tokensOf(processes)).size).toBe(1)
    expect(fleet.server.requests).toHaveLength(requests + 1)
  })
})

describe('whoever forgets everything', () => {
  it.each(['invalid_scope', 'invalid_client'])(
    'requests a token although another process was denied it: %s',
    async (error) => {
      const fleet = new Fleet()
      const [denied, other] = [fleet.join(), fleet.join()]
      fleet.server.script.push({ status: 400, body: { error } })
      await expect(denied.tokens.getToken()).rejects.toMatchObject({ error })
      await expect(other.tokens.getToken()).rejects.toMatchObject({ error })
      expect(fleet.server.requests).toHaveLength(1)
      other.tokens.invalidate({})
      expect(await fleet.tokensOf([other])).toEqual(['token-1'])
      expect(await fleet.tokensOf([fleet.join()])).toEqual(['token-1'])
    },
  )

  it('shares what the server says then', async () => {
    const fleet = new Fleet()
    const [denied, other] = [fleet.join(), fleet.join()]
    fleet.server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    await expect(denied.tokens.getToken()).rejects.toMatchObject({ error: 'invalid_scope' })
    other.tokens.invalidate({})
    await expect(other.tokens.getToken()).rejects.toMatchObject({ error: 'invalid_scope' })
    await expect(fleet.join().tokens.getToken()).rejects.toMatchObject({ error: 'invalid_scope' })
    expect(fleet.server.requests).toHaveLength(2)
  })
})

describe('what one process is told concerns', () => {
  const assertion = { clientSecret: undefined, clientAuthentication: privateKeyJwt({ key, algorithm: 'ES256' }) }

  it.each([
    ['all', 'invalid_scope', {}, 1],
    ['all', 'invalid_target', assertion, 1],
    ['all', 'invalid_client', {}, 1],
    ['all', 'unauthorized_client', {}, 1],
    ['itself, whose clock may be wrong', 'invalid_client', assertion, 2],
    ['itself, whose clock may be wrong', 'unauthorized_client', assertion, 2],
    ['itself, whose network may be refused', 'access_denied', {}, 2],
    ['itself, whose network may be refused', undefined, {}, 2],
  ] as const)('%s: %s', async (_, error, options, requests) => {
    const fleet = new Fleet()
    fleet.server.byDefault = { status: 403, body: error === undefined ? 'no' : { error } }
    for (const { tokens } of fleet.processes(2, options)) await expect(tokens.getToken()).rejects.toThrow()
    expect(fleet.server.requests).toHaveLength(requests)
  })
})
