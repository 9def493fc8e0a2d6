import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { privateKeyJwt } from '../src/index.ts'
import { Fleet, type FleetProcess } from './support/fleet.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const requestsOf = ({ server }: Fleet) => server.requests.length
const commandsOf = ({ store }: FleetProcess) => Object.values(store.calls).reduce((sum, calls) => sum + calls, 0)
const textsOf = async (processes: readonly FleetProcess[]) =>
  await Promise.all(processes.map(({ tokens }) => tokens.getAccessToken()))

/** Lets all ask for their token every `stepMs`, and returns how long the longest had to wait. */
async function use(fleet: Fleet, processes: readonly FleetProcess[], forMs: number, stepMs = SECOND): Promise<number> {
  let longest = 0
  for (let passed = 0; passed < forMs; passed += stepMs) {
    const begun = fleet.clock.monotonicNow()
    const all = Promise.all(
      processes.map(async ({ tokens }) => {
        await tokens.getToken()
        longest = Math.max(longest, fleet.clock.monotonicNow() - begun)
      }),
    )
    all.catch(() => {})
    await fleet.clock.advance(stepMs)
    await all
  }
  return longest
}

describe('a fleet', () => {
  it('that starts all at once, with many requests each, makes one token request', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(8)
    const requests = processes.flatMap(({ tokens }) => Array.from({ length: 50 }, () => tokens.getAccessToken()))
    await fleet.clock.advance(SECOND)
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['token-1']))
    expect(requestsOf(fleet)).toBe(1)
  })

  it('makes one request per rotation, and nobody waits for it', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(8)
    await fleet.tokensOf(processes)
    const longest = await use(fleet, processes, 10 * HOUR, 10 * SECOND)
    expect(longest).toBe(0)
    // A rotation begins two thirds of an hour after the last, or up to two minutes earlier.
    expect(requestsOf(fleet)).toBeGreaterThanOrEqual(15)
    expect(requestsOf(fleet)).toBeLessThanOrEqual(1 + 600 / 38)
  })

  it('sends the store nothing for requests that find their token in the process', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(3)
    await fleet.tokensOf(processes)
    const before = processes.map(commandsOf)
    await use(fleet, processes, 30 * MINUTE, 10 * SECOND)
    expect(processes.map(commandsOf)).toEqual(before)
  })

  it('gives a process that joins later a token of its true age', async () => {
    const fleet = new Fleet()
    await fleet.tokensOf([fleet.join()])
    await fleet.clock.advance(30 * MINUTE)
    const { tokens, heard } = fleet.join()
    const token = await tokens.getToken()
    expect(token.lifetimeMs).toBe(HOUR)
    const leftMs = token.expiresAt - fleet.clock.now()
    expect(leftMs).toBeLessThanOrEqual(30 * MINUTE)
    expect(leftMs).toBeGreaterThan(30 * MINUTE - 5 * SECOND)
    expect(heard).toEqual(['tokenFound'])
    expect(tokens.inspect({})).toMatchObject({
      state: 'fresh',
      explanation: expect.stringContaining('The cached token, from the store, is used'),
    })
    expect(requestsOf(fleet)).toBe(1)
  })

  it('uses no token of the store that is over, or worse than its own', async () => {
    const fleet = new Fleet(() => 0.99)
    await fleet.tokensOf([fleet.join()])
    await fleet.clock.advance(20 * MINUTE)
    fleet.store.fault = 'error'
    const own = fleet.join()
    expect(await fleet.tokensOf([own])).toEqual(['token-2'])
    fleet.store.fault = undefined
    await fleet.clock.advance(38.5 * MINUTE)
    // Due; the store's has a minute left.
    await fleet.tokensOf([own])
    expect(await fleet.tokensOf([own])).toEqual(['token-3'])
    await fleet.clock.advance(59 * MINUTE + 52 * SECOND)
    expect(fleet.store.dump()).toContain('1.token.')
    expect(await fleet.tokensOf([fleet.join()])).toEqual(['token-4'])
  })

  it('is ready, and kept warm, by what one of them requests', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(4, { keepWarm: true })
    const ready = Promise.all(processes.map(({ tokens }) => tokens.ready()))
    await fleet.clock.advance(SECOND)
    await ready
    await fleet.clock.advance(50 * MINUTE)
    expect(requestsOf(fleet)).toBe(2)
    for (const { tokens } of processes) expect(tokens.inspect({})).toMatchObject({ state: 'fresh' })
  })

  it("heeds the server's hint when to refresh, in all processes", async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token({ refresh_in: 600 }) }
    await fleet.tokensOf([fleet.join()])
    const other = fleet.join()
    await other.tokens.getToken()
    await fleet.clock.advance(601 * SECOND)
    expect(other.tokens.inspect({})).toMatchObject({ state: 'refresh due' })
  })

  it('shares a token with fewer scopes than were asked for, where that will do', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token({ scope: 'orders.read' }) }
    const processes = fleet.processes(2, { scope: 'orders.read orders.write', requireScope: false })
    await fleet.tokensOf(processes)
    expect(requestsOf(fleet)).toBe(1)
    expect(processes.map(({ heard }) => heard.includes('tokenFound'))).toEqual([false, true])
  })

  it('shares tokens on behalf of a user with that user only', async () => {
    const { tokenExchange } = await import('../src/index.ts')
    const fleet = new Fleet()
    fleet.server.byDefault = {}
    const processes = fleet.processes(2, { grant: tokenExchange() })
    const texts: string[] = []
    for (const { tokens } of processes)
      for (const subjectToken of ['of-ann', 'of-bob']) texts.push(await tokens.getAccessToken({ subjectToken }))
    expect(texts).toEqual(['token-1', 'token-2', 'token-1', 'token-2'])
  })
})

describe('a rejected token', () => {
  it('is replaced by one request of the fleet, however many report it', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(8)
    await fleet.tokensOf(processes)
    for (const { tokens } of processes) tokens.invalidate({}, 'token-1')
    expect(new Set(await fleet.tokensOf(processes))).toEqual(new Set(['token-2']))
    expect(requestsOf(fleet)).toBe(2)
  })

  it('that is reported late is replaced by what the store has', async () => {
    const fleet = new Fleet()
    const [first, late] = [fleet.join(), fleet.join()]
    await fleet.tokensOf([first, late])
    first.tokens.invalidate({}, 'token-1')
    await fleet.tokensOf([first])
    await fleet.clock.advance(20 * SECOND)
    late.tokens.invalidate({}, 'token-1')
    expect(await late.tokens.getAccessToken()).toBe('token-2')
    expect(requestsOf(fleet)).toBe(2)
  })

  it('is used on when another of its key was replaced moments ago: once in 30 seconds, for the fleet', async () => {
    const fleet = new Fleet()
    const [first, second] = [fleet.join(), fleet.join()]
    await fleet.tokensOf([first])
    first.tokens.invalidate({}, 'token-1')
    await fleet.tokensOf([first, second])
    second.tokens.invalidate({}, 'token-2')
    expect(await fleet.tokensOf([second])).toEqual(['token-2'])
    expect(requestsOf(fleet)).toBe(2)
    await fleet.clock.advance(40 * SECOND)
    second.tokens.invalidate({}, 'token-2')
    expect(await fleet.tokensOf([second])).toEqual(['token-3'])
  })

  it('that the server gives again is replaced by that, which is another to the store', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token() }
    const [first, late] = [fleet.join(), fleet.join()]
    await fleet.tokensOf([first, late])
    first.tokens.invalidate({}, 'token-1')
    await fleet.tokensOf([first])
    await fleet.clock.advance(20 * SECOND)
    late.tokens.invalidate({}, 'token-1')
    await fleet.tokensOf([late])
    expect(late.heard).toEqual(['tokenFound', 'tokenRejected', 'tokenFound'])
    expect(late.tokens.inspect({})).toMatchObject({ state: 'fresh', failure: undefined })
    expect(requestsOf(fleet)).toBe(2)
  })

  it('whichever it is, is not what the store gives after it was forgotten', async () => {
    const fleet = new Fleet()
    const [first] = fleet.processes(1)
    await fleet.tokensOf(fleet.processes(1))
    await first?.tokens.getToken()
    first?.tokens.invalidate({})
    expect(await fleet.tokensOf([first as FleetProcess])).toEqual(['token-2'])
  })
})

describe('a token that may not be removed for all, because another was moments ago,', () => {
  it('is used for ten seconds at most, by a process that has just started too', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(2)
    await fleet.tokensOf(processes)
    for (const { tokens } of processes) tokens.invalidate({}, 'token-1')
    await fleet.tokensOf(processes, 15 * SECOND)
    // All that were revoked are rejected, and those that come later are not.
    processes.push(fleet.join())
    for (let second = 0; second < 11; second++) {
      for (const text of await fleet.tokensOf(processes, 500)) {
        for (const { tokens } of processes) if (text === 'token-2') tokens.invalidate({}, text)
      }
      await fleet.clock.advance(500)
    }
    expect(await fleet.tokensOf(processes)).toEqual(['token-3', 'token-3', 'token-3'])
    expect(requestsOf(fleet)).toBe(3)
  })

  const rejectedTwice = async (expiresIn = 3600) => {
    const fleet = new Fleet()
    fleet.server.expiresIn = expiresIn
    const one = fleet.join()
    await fleet.tokensOf([one], SECOND)
    one.tokens.invalidate({}, 'token-1')
    await fleet.tokensOf([one], 11 * SECOND)
    return { fleet, one }
  }

  it('is replaced for whoever forgets it', async () => {
    const { fleet, one } = await rejectedTwice()
    one.tokens.invalidate({})
    expect(await fleet.tokensOf([one])).toEqual(['token-3'])
  })

  it('is replaced for whoever needs one that is valid for a certain time', async () => {
    const { fleet, one } = await rejectedTwice()
    one.tokens.invalidate({}, 'token-2')
    const longer = one.tokens.getAccessToken({ minValidityMs: MINUTE })
    await fleet.clock.advance(SECOND)
    expect(await longer).toBe('token-3')
  })

  it('is replaced when it is over', async () => {
    const { fleet, one } = await rejectedTwice(12)
    one.tokens.invalidate({}, 'token-2')
    expect(await fleet.tokensOf([one])).toEqual(['token-3'])
  })
})

describe('a caller with a wish of its own', () => {
  it('gets a new token by force, which the others then have', async () => {
    const fleet = new Fleet()
    const [first, second] = [fleet.join(), fleet.join()]
    await fleet.tokensOf([first, second])
    const forced = first.tokens.getAccessToken({ forceRefresh: true })
    await fleet.clock.advance(SECOND)
    expect(await forced).toBe('token-2')
    expect(await textsOf([second, fleet.join()])).toEqual(['token-1', 'token-2'])
    const byNewcomer = fleet.join().tokens.getAccessToken({ forceRefresh: true })
    await fleet.clock.advance(SECOND)
    expect(await byNewcomer).toBe('token-3')
    expect(requestsOf(fleet)).toBe(3)
  })

  it('gets a new token by force though another process was denied one a moment ago', async () => {
    const fleet = new Fleet()
    fleet.server.script.push({ status: 400, body: { error: 'invalid_scope' } })
    await expect(fleet.join().tokens.getToken()).rejects.toMatchObject({ error: 'invalid_scope' })
    const { tokens } = fleet.join()
    const forced = tokens.getAccessToken({ forceRefresh: true })
    await fleet.clock.advance(500)
    expect(await forced).toBe('token-1')
  })

  it("gets the store's token if that is valid for long enough, and else a new one", async () => {
    const fleet = new Fleet()
    await fleet.tokensOf([fleet.join()])
    await fleet.clock.advance(30 * MINUTE)
    const { tokens } = fleet.join()
    expect((await tokens.getToken({ minValidityMs: 20 * MINUTE })).reveal()).toBe('token-1')
    const longer = fleet.join().tokens.getAccessToken({ minValidityMs: 40 * MINUTE })
    await fleet.clock.advance(SECOND)
    expect(await longer).toBe('token-2')
    expect(requestsOf(fleet)).toBe(2)
  })

  it('gets a new token by force though encryption keys change and the store has a token under each', async () => {
    const fleet = new Fleet()
    const keys = [randomBytes(32), randomBytes(32)]
    const [before, between] = [fleet.join({}, { encryptionKeys: keys[0] }), fleet.join({}, { encryptionKeys: keys })]
    await fleet.tokensOf([between])
    await fleet.tokensOf([before])
    for (const { tokens } of [before, between]) {
      const forced = tokens.getAccessToken({ forceRefresh: true })
      await fleet.clock.advance(SECOND)
      expect(await forced).toBe(`token-${requestsOf(fleet)}`)
    }
    expect(requestsOf(fleet)).toBe(3)
    expect(between.store.calls.getOrLease).toBeLessThan(20)
  })

  it('leaves alone, and the others wait on', async () => {
    const fleet = new Fleet()
    const [holder, other] = [fleet.join(), fleet.join()]
    const begun = holder.tokens.getAccessToken()
    await fleet.clock.advance(10)
    const patient = other.tokens.getAccessToken()
    const hasty = expect(other.tokens.getAccessToken({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'wait_timeout' })
    await fleet.clock.advance(SECOND)
    await hasty
    expect([await begun, await patient]).toEqual(['token-1', 'token-1'])
  })

  it('waits for others no longer than a token request may take', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { hang: true }
    const holder = fleet.join({ timeoutMs: 60_000, attemptTimeoutMs: 60_000 })
    const held = expect(holder.tokens.getToken()).rejects.toThrow()
    await fleet.clock.advance(SECOND)
    const waiting = expect(fleet.join().tokens.getToken()).rejects.toMatchObject({ code: 'timeout' })
    await fleet.clock.advance(15_100)
    await waiting
    expect(requestsOf(fleet)).toBe(1)
    await fleet.clock.advance(60_000)
    await held
  })
})

describe('a failure', () => {
  const denied = { status: 401, body: { error: 'invalid_client', error_description: 'no such client' } }

  it('for good is one failed login of the fleet', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { ...denied, afterMs: 100 }
    const processes = fleet.processes(8)
    const outcomes = Promise.allSettled(processes.map(({ tokens }) => tokens.getToken()))
    await fleet.clock.advance(900)
    const errors = (await outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined))
    for (const error of errors) {
      expect(error).toMatchObject({
        name: 'TokenResponseError',
        error: 'invalid_client',
        status: 401,
        client: 'default',
      })
    }
    expect(new Set(errors.map(({ message }) => message)).size).toBe(1)
    expect(requestsOf(fleet)).toBe(1)
    // Each remembers it as one of its own.
    for (const { heard } of processes) expect(heard.filter((name) => name === 'tokenRequestFailed')).toHaveLength(1)
    for (const { tokens } of processes)
      expect(tokens.inspect({})).toMatchObject({ failure: { error: 'invalid_client' } })
  })

  it.each([
    ['one failed login of the fleet where the clocks are right', 0, 1],
    ["each process's own where its clock may be the cause", 60 * SECOND, 3],
  ])('of a key is %s', async (_, serversClockIsAheadMs, logins) => {
    const fleet = new Fleet()
    const headers = { date: new Date(fleet.clock.now() + serversClockIsAheadMs).toUTCString() }
    fleet.server.byDefault = { ...denied, headers, afterMs: 100 }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keyed = { clientSecret: undefined, clientAuthentication: privateKeyJwt({ key: privateKey }) }
    const outcomes = Promise.allSettled(fleet.processes(3, keyed).map(({ tokens }) => tokens.getToken()))
    await fleet.clock.advance(2000)
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(requestsOf(fleet)).toBe(logins)
  })

  it('of a process with a wrong secret is its own: the others notice nothing', async () => {
    const fleet = new Fleet()
    const answer = fleet.server.fetch
    const canary = fleet.join({
      clientSecret: 'wrong',
      transport: async (url, init) => {
        fleet.server.script.push({ ...denied, afterMs: 10 })
        return await answer(url, init)
      },
    })
    const others = fleet.processes(7)
    const failed = expect(canary.tokens.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    await fleet.clock.advance(50)
    await failed
    expect(new Set(await fleet.tokensOf(others))).toEqual(new Set(['token-1']))
    expect(others.flatMap(({ heard }) => heard)).not.toContain('tokenRequestFailed')
  })

  it('for good takes no valid token away, and does not keep one from a process that joins', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(2)
    await fleet.tokensOf(processes)
    fleet.server.byDefault = denied
    await use(fleet, processes, 50 * MINUTE, 10 * SECOND)
    expect(await textsOf([...processes, fleet.join()])).toEqual(['token-1', 'token-1', 'token-1'])
  })

  it('with a long Retry-After keeps a fleet without a valid token waiting for five minutes at the most', async () => {
    const fleet = new Fleet()
    fleet.server.expiresIn = 600
    const processes = fleet.processes(3)
    await fleet.tokensOf(processes)
    fleet.server.script.push({ status: 429, headers: { 'retry-after': '3600' }, body: { error: 'slow_down' } })
    await fleet.clock.advance(7 * MINUTE)
    await fleet.tokensOf(processes)
    await fleet.clock.advance(5 * MINUTE)
    expect(await fleet.tokensOf([fleet.join()])).toEqual(['token-2'])
  })

  it('of one process that cannot reach the server is made good by the next', async () => {
    const fleet = new Fleet()
    const cutOff = fleet.join({
      maxAttempts: 1,
      transport: async () => {
        throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
      },
    })
    const failed = expect(cutOff.tokens.getToken()).rejects.toMatchObject({ code: 'network' })
    await fleet.clock.advance(5)
    expect(await fleet.tokensOf([fleet.join()], 150)).toEqual(['token-1'])
    await failed
    // What it may not ask for itself, it finds, and keeps nobody from asking.
    const leases = cutOff.store.calls.getOrLease
    expect(await fleet.tokensOf([cutOff])).toEqual(['token-1'])
    expect(cutOff.store.calls.getOrLease).toBe(leases)
  })

  it('of a refresh is not repeated at once by the others', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(8)
    await fleet.tokensOf(processes)
    fleet.server.byDefault = { status: 503 }
    await fleet.clock.advance(40 * MINUTE)
    await textsOf(processes)
    await fleet.clock.advance(SECOND)
    expect(requestsOf(fleet)).toBe(2)
  })
})
