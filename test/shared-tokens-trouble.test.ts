import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TokenStore } from '../src/index.ts'
import type { StoreFault } from '../src/store/memory-store.ts'
import { TokenManager } from '../src/token-manager.ts'
import { Fleet, type FleetProcess } from './support/fleet.ts'
import { clientOf } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const FAULTS: readonly StoreFault[] = ['error', 'loading', 'full', 'hang', 'partition']

/** Each asks for its token every 10 seconds. Returns how many had to wait. */
async function use({ clock }: Fleet, processes: readonly FleetProcess[], forMs: number): Promise<number> {
  let waited = 0
  for (let passed = 0; passed < forMs; passed += 10 * SECOND) {
    waited += processes.filter(({ tokens }) => tokens.source().peek() === undefined).length
    const all = Promise.all(processes.map(({ tokens }) => tokens.getToken()))
    all.catch(() => {})
    await clock.advance(10 * SECOND)
    await all
  }
  return waited
}

describe('while a store has trouble', () => {
  it.each(FAULTS)('nobody waits, and each process makes one request per rotation at most: %s', async (fault) => {
    const fleet = new Fleet()
    const processes = fleet.processes(8)
    await fleet.tokensOf(processes)
    fleet.store.fault = fault
    expect(await use(fleet, processes, 4 * HOUR)).toBe(0)
    // No two refreshes of a process are less than half an hour apart.
    expect(fleet.server.requests.length).toBeLessThanOrEqual(1 + 8 * 7)
    fleet.store.fault = undefined
    await use(fleet, processes, HOUR)
    const before = fleet.server.requests.length
    await use(fleet, processes, 3 * HOUR)
    // Shared again, by itself: two thirds of an hour, or up to two minutes less, from one request to the next.
    expect(fleet.server.requests.length - before).toBeLessThanOrEqual(5)
    expect(processes.flatMap(({ heard }) => heard)).not.toContain('tokenRequestFailed')
  })

  it('refreshes are spread over the window', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(20)
    await fleet.tokensOf(processes)
    fleet.store.fault = 'error'
    await use(fleet, processes, 58 * MINUTE)
    const times = fleet.server.requests.slice(1).map(({ at }) => at)
    expect(times).toHaveLength(20)
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(10 * MINUTE)
  })

  it.each([
    ['hang', {}, 1000],
    ['partition', {}, 1000],
    ['partition', { timeoutMs: 1000 }, 200],
    ['error', {}, 0],
    ['loading', {}, 0],
    ['full', {}, 0],
  ] as const)('the first token of a process is late once: %s, %o, by %i ms', async (fault, options, byMs) => {
    const fleet = new Fleet()
    fleet.store.fault = fault
    const { tokens, heard } = fleet.join(options)
    const lateBy = async (scope: string) => {
      const begun = fleet.clock.monotonicNow()
      const late = tokens.getToken({ scope }).then(() => fleet.clock.monotonicNow() - begun - 100)
      await fleet.clock.advance(2 * SECOND)
      return await late
    }
    expect(await lateBy('orders.read')).toBe(byMs)
    expect(heard.slice(0, 2)).toEqual(['storeFailed', 'tokenRequested'])
    // From then on by the time that a call may take, until the store is left alone.
    const later = [await lateBy('orders.write'), await lateBy('a'), await lateBy('b'), await lateBy('c')]
    for (const ms of later) expect(ms).toBeLessThanOrEqual(Math.min(byMs, 50))
    expect(await lateBy('d')).toBe(0)
  })

  it('that is slow, processes that start together share their token all the same', async () => {
    const fleet = new Fleet()
    fleet.store.latencyMs = 400
    expect(new Set(await fleet.tokensOf(fleet.processes(20), 4 * SECOND))).toEqual(new Set(['token-1']))
    expect(fleet.server.requests).toHaveLength(1)
  })

  it('that lasts, it is left alone, and tried again later', async () => {
    const fleet = new Fleet()
    fleet.store.fault = 'error'
    const { tokens, heard, store } = fleet.join()
    for (let call = 0; call < 10; call++) {
      const forced = tokens.getToken({ forceRefresh: true })
      await fleet.clock.advance(200)
      await forced
    }
    expect(heard.filter((name) => name === 'storeSuspended')).toHaveLength(1)
    const calls = { ...store.calls }
    const alone = tokens.getToken({ forceRefresh: true })
    await fleet.clock.advance(200)
    await alone
    expect(store.calls).toEqual(calls)
    fleet.store.fault = undefined
    await fleet.clock.advance(10 * SECOND)
    const forced = tokens.getToken({ forceRefresh: true })
    await fleet.clock.advance(200)
    await forced
    expect(heard).toContain('storeResumed')
  })

  it('a record that was tampered with counts as absent, with an event', async () => {
    const fleet = new Fleet()
    await fleet.tokensOf([fleet.join()])
    fleet.store.tamper((record) => ({ ...record, value: `${record.value.slice(0, -4)}AAAA` }))
    const other = fleet.join()
    expect(await fleet.tokensOf([other])).toEqual(['token-2'])
    expect(other.heard).toContain('storeRecordUnreadable')
  })
})

describe('a store without leases', () => {
  it('shares tokens too: whoever refreshes first does so for the others', async () => {
    const fleet = new Fleet()
    const processes = fleet.processes(8).map((process): FleetProcess => {
      const { encryption } = process.store
      const store: TokenStore = {
        encryption,
        get: (key) => process.store.get(key),
        set: (key, record, options) => process.store.set(key, record, options),
        delete: (key, fingerprint) => process.store.delete(key, fingerprint),
      }
      return { ...process, tokens: new TokenManager({ ...clientOf(fleet.server), clock: fleet.clock, store }) }
    })
    await fleet.tokensOf(processes.slice(0, 1))
    expect(new Set(await fleet.tokensOf(processes))).toEqual(new Set(['token-1']))
    expect(await use(fleet, processes, 4 * HOUR)).toBe(0)
    // A request each would be more than forty.
    expect(fleet.server.requests.length).toBeLessThanOrEqual(12)
  })
})

describe('while the encryption key is changed', () => {
  const [old, next] = [randomBytes(32), randomBytes(32)]

  it('in two steps, processes before and after share their token', async () => {
    const fleet = new Fleet()
    const join = (encryptionKeys: Buffer[]): FleetProcess => {
      const store = fleet.store.connect({ encryptionKeys })
      return {
        ...fleet.join(),
        store,
        tokens: new TokenManager({ ...clientOf(fleet.server), clock: fleet.clock, store }),
      }
    }
    await fleet.tokensOf([join([old])])
    expect(await fleet.tokensOf([join([old, next]), join([next, old])])).toEqual(['token-1', 'token-1'])
    await fleet.clock.advance(50 * MINUTE)
    const [both] = [join([old, next])]
    await fleet.tokensOf([both])
    both.tokens.invalidate({})
    await fleet.tokensOf([both])
    expect(await fleet.tokensOf([join([old]), join([next])])).toEqual(['token-2', 'token-2'])
  })
})

describe('while the authorization server is away', () => {
  it('processes try one after another, and wait for each other no longer than for an answer', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { status: 503, afterMs: 3000 }
    const processes = fleet.processes(4, { maxAttempts: 1 })
    const first = Promise.allSettled(processes.map(({ tokens }) => tokens.getToken()))
    await fleet.clock.advance(13 * SECOND)
    for (const { status } of await first) expect(status).toBe('rejected')
    expect(fleet.server.requests).toHaveLength(4)
    const again = processes.map(async ({ tokens }) => {
      const begun = fleet.clock.monotonicNow()
      await tokens.getToken().catch(() => {})
      return Math.round((fleet.clock.monotonicNow() - begun) / SECOND)
    })
    await fleet.clock.advance(10 * SECOND)
    expect((await Promise.all(again)).sort((a, b) => a - b)).toEqual([3, 5, 5, 6])
  })

  it('all have their token as soon as one of them does', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { status: 503, afterMs: 100 }
    const processes = fleet.processes(4, { maxAttempts: 1 })
    const failed = Promise.allSettled(processes.map(({ tokens }) => tokens.getToken()))
    await fleet.clock.advance(20 * SECOND)
    await failed
    fleet.server.byDefault = { afterMs: 100 }
    expect(new Set(await fleet.tokensOf(processes))).toEqual(new Set(['token-1']))
    expect(fleet.server.requests).toHaveLength(5)
  })

  it('what it asked one process to wait, all do', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { status: 429, headers: { 'retry-after': '60' }, afterMs: 10 }
    const processes = fleet.processes(8)
    const failed = Promise.allSettled(processes.map(({ tokens }) => tokens.getToken()))
    await fleet.clock.advance(30 * SECOND)
    for (const { status } of await failed) expect(status).toBe('rejected')
    expect(fleet.server.requests).toHaveLength(1)
  })
})

describe('a process that slept through its request', () => {
  it('begins it again, and finds what another has requested meanwhile', async () => {
    const fleet = new Fleet()
    const clock = new VirtualClock()
    const sleeper = fleet.join({ clock })
    fleet.server.script.push({ hang: true })
    const token = sleeper.tokens.getAccessToken()
    await clock.settle()
    expect(await fleet.tokensOf([fleet.join()], 6 * SECOND)).toEqual(['token-1'])
    clock.suspend(MINUTE)
    const joined = sleeper.tokens.getAccessToken()
    await fleet.clock.settle()
    expect([await token, await joined]).toEqual(['token-1', 'token-1'])
    expect(fleet.server.requests).toHaveLength(2)
  })
})
