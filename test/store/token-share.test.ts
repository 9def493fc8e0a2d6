import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import type { StoreEncryption, StoreEncryptionOptions } from '../../src/store/encryption.ts'
import { GuardedStore, type StoreCall, type StoreNotice } from '../../src/store/guarded-store.ts'
import { MemoryTokenStore, type StoreFault } from '../../src/store/memory-store.ts'
import { SharedToken } from '../../src/store/record.ts'
import type { SharedLease } from '../../src/store/shared-lease.ts'
import { type FreeAnswer, type ShareAnswer, TokenShare } from '../../src/store/token-share.ts'
import type { LeaseAnswer, TokenStore } from '../../src/store/token-store.ts'
import { withoutLeases } from '../support/store-without-leases.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const ID = 'https://auth.example.com/token orders-service orders.read'
const [K1, K2] = [randomBytes(32), randomBytes(32)]
const HOUR = 3_600_000

interface Process {
  readonly share: TokenShare
  readonly store: MemoryTokenStore
  readonly notices: StoreNotice[]
  readonly calls: StoreCall[]
}

class Fleet {
  readonly clock = new VirtualClock()
  readonly store: MemoryTokenStore

  constructor(protection: StoreEncryptionOptions = { encryptionKeys: K1 }) {
    this.store = new MemoryTokenStore({ clock: this.clock, ...protection })
  }

  /** A process that joins it. */
  join({ credential = 'digest', keys, clock = this.clock, by = (store) => store }: Joining = {}): Process {
    const store = this.store.connect(keys === undefined ? undefined : { encryptionKeys: keys })
    const [notices, calls]: [StoreNotice[], StoreCall[]] = [[], []]
    const guarded = new GuardedStore(
      by(store),
      clock,
      (notice) => notices.push(notice),
      (call) => calls.push(call),
    )
    return { share: new TokenShare(guarded, credential), store, notices, calls }
  }
}

/** A fleet, and two of its processes. */
function fleetOfTwo(protection?: StoreEncryptionOptions): [fleet: Fleet, one: Process, two: Process] {
  const fleet = new Fleet(protection)
  return [fleet, fleet.join(), fleet.join()]
}

interface Joining {
  readonly credential?: string
  readonly keys?: StoreEncryptionOptions['encryptionKeys']
  readonly clock?: Clock
  /** What it has between itself and the store. */
  readonly by?: (store: MemoryTokenStore) => TokenStore
}

const token = (value: string, lifetimeMs = HOUR) =>
  new SharedToken({ value, tokenType: 'Bearer', scope: ['orders.read'], lifetimeMs })

function leased(answer: ShareAnswer | FreeAnswer<never>): SharedLease {
  return typeof answer === 'object' && 'lease' in answer ? answer.lease : expect.unreachable(JSON.stringify(answer))
}

function found(answer: ShareAnswer | FreeAnswer<never>): { token: SharedToken; leftMs: number } {
  return typeof answer === 'object' && 'found' in answer ? answer.found : expect.unreachable(JSON.stringify(answer))
}

/** Requests a token as the holder of a lease. */
async function mint({ share }: Process, value: string, lifetimeMs = HOUR): Promise<SharedToken> {
  const lease = leased(await share.ask(ID))
  const minted = token(value, lifetimeMs)
  expect(await lease.put(minted, lifetimeMs)).toBe(true)
  return minted
}

describe('processes with one store', () => {
  it('make one request when all start at once: one has the lease, the others the token after it', async () => {
    const fleet = new Fleet()
    const processes = Array.from({ length: 8 }, () => fleet.join())
    const answers = await Promise.all(processes.map(({ share }) => share.ask(ID)))
    expect(answers.filter((answer) => answer === 'busy')).toHaveLength(7)
    const holder = answers.findIndex((answer) => answer !== 'busy')
    const waiting = processes.map(({ share }) => share.askUntilFree(ID, undefined, new AbortController().signal))
    await fleet.clock.advance(300)
    await leased(answers[holder] ?? 'busy').put(token('one'), HOUR)
    await fleet.clock.advance(250)
    for (const answer of await Promise.all(waiting.filter((_, i) => i !== holder))) {
      expect(found(answer).token.reveal()).toBe('one')
    }
  })

  it('ask again after 100 ms while another requests, then ever more slowly, up to every 200 ms', async () => {
    const fleet = new Fleet()
    leased(await fleet.join().share.ask(ID))
    const { share, store } = fleet.join()
    const left = new AbortController()
    const waiting = share.askUntilFree(ID, undefined, left.signal)
    const calls: number[] = []
    for (const ms of [0, 99.9, 0.1, 125, 156.25, 195.3125, 199.9, 0.1, 200]) {
      await fleet.clock.advance(ms)
      calls.push(store.calls.getOrLease)
    }
    expect(calls).toEqual([1, 1, 2, 3, 4, 5, 5, 6, 7])
    left.abort(new Error('The caller left'))
    await expect(waiting).rejects.toThrow('The caller left')
  })

  it('ask a slow store less often: it may be overrun by them', async () => {
    const fleet = new Fleet()
    leased(await fleet.join().share.ask(ID))
    const { share, store } = fleet.join()
    store.latencyMs = 300
    const left = new AbortController()
    const waiting = share.askUntilFree(ID, undefined, left.signal, { patienceMs: 1000 })
    await fleet.clock.advance(899)
    expect(store.calls.getOrLease).toBe(1)
    await fleet.clock.advance(1 + 900)
    expect(store.calls.getOrLease).toBe(3)
    left.abort(new Error('The caller left'))
    const rejected = expect(waiting).rejects.toThrow('The caller left')
    await fleet.clock.advance(300)
    await rejected
  })

  it('take over when the holder is gone', async () => {
    const fleet = new Fleet()
    leased(await fleet.join().share.ask(ID))
    const begun = fleet.clock.monotonicNow()
    const takenOver = fleet
      .join()
      .share.askUntilFree(ID, undefined, new AbortController().signal)
      .then((answer) => ({ answer, afterMs: fleet.clock.monotonicNow() - begun }))
    await fleet.clock.advance(6000)
    const { answer, afterMs } = await takenOver
    leased(answer)
    expect(afterMs).toBeGreaterThanOrEqual(5000)
    expect(afterMs).toBeLessThan(5250)
  })

  it('keep waiting as long as the holder is at work', async () => {
    const [fleet, holder, other] = fleetOfTwo()
    const lease = leased(await holder.share.ask(ID))
    const request = lease.during(() => fleet.clock.sleep(14_000))
    await fleet.clock.advance(13_000)
    expect(await other.share.ask(ID)).toBe('busy')
    await fleet.clock.advance(1000)
    await request
    expect(fleet.clock.pendingSleeps).toBe(0)
    await fleet.clock.advance(5000)
    leased(await other.share.ask(ID))
  })

  it('are not overwritten by a holder that slept through its lease', async () => {
    const [fleet, paused, other] = fleetOfTwo()
    const lease = leased(await paused.share.ask(ID))
    await fleet.clock.advance(5001)
    await mint(other, 'newer')
    expect(await lease.put(token('older'), HOUR)).toBe(false)
    expect((await fleet.join().share.find(ID))?.token.reveal()).toBe('newer')
  })

  it('may ask at once when the holder gives up, or after the pause that it sets', async () => {
    const [fleet, holder, other] = fleetOfTwo()
    await leased(await holder.share.ask(ID)).release()
    const lease = leased(await other.share.ask(ID))
    await lease.release(1000)
    expect(await holder.share.ask(ID)).toBe('busy')
    await fleet.clock.advance(1001)
    leased(await holder.share.ask(ID))
  })

  it('keep the valid token while one of them refreshes, and get the next with their next look', async () => {
    const [fleet, holder, other] = fleetOfTwo()
    const old = await mint(holder, 'old')
    const same = found(await other.share.ask(ID)).token
    const lease = leased(await holder.share.ask(ID, old))
    expect(await other.share.ask(ID, same)).toBe('busy')
    expect(found(await fleet.join().share.ask(ID)).token.reveal()).toBe('old')
    await lease.put(token('new'), HOUR)
    expect(found(await other.share.ask(ID, same)).token.reveal()).toBe('new')
  })

  it('make one request where the server gives the same token again', async () => {
    const [, holder, other] = fleetOfTwo()
    const first = await mint(holder, 'same')
    const known = found(await other.share.ask(ID)).token
    await leased(await holder.share.ask(ID, first)).put(token('same'), HOUR / 2)
    const again = found(await other.share.ask(ID, known))
    expect(again.leftMs).toBeLessThan(HOUR / 2)
    await leased(await other.share.ask(ID, again.token)).put(token('same'), HOUR / 4)
    expect(found(await holder.share.ask(ID, first)).leftMs).toBeLessThan(HOUR / 4)
  })

  it('see nothing of those with another secret: neither token, lease, error nor deletion', async () => {
    const fleet = new Fleet()
    const [good, wrong] = [fleet.join(), fleet.join({ credential: 'digest of a wrong secret' })]
    const minted = await mint(good, 'one')
    expect(await wrong.share.find(ID)).toBeUndefined()
    const lease = leased(await wrong.share.ask(ID))
    await lease.putError({ error: 'invalid_client' }, 60_000)
    await wrong.share.remove(ID, minted)
    expect(found(await fleet.join().share.ask(ID)).token.reveal()).toBe('one')
    leased(await good.share.ask(ID, minted))
  })

  it('share an error that will not pass, beside a token that is valid', async () => {
    const [fleet, holder, other] = fleetOfTwo()
    const old = await mint(holder, 'old')
    const known = found(await other.share.ask(ID)).token
    await leased(await holder.share.ask(ID, old)).putError({ error: 'invalid_client' }, 1000)
    expect(found(await fleet.join().share.ask(ID)).token.reveal()).toBe('old')
    expect(await other.share.ask(ID, known)).toMatchObject({
      failed: { error: { error: 'invalid_client' }, leftMs: 1000 },
    })
    await fleet.clock.advance(1000)
    leased(await other.share.ask(ID, known))
  })

  it('remove a rejected token once in 30 seconds, and make one request for it', async () => {
    const fleet = new Fleet()
    const processes = Array.from({ length: 8 }, () => fleet.join())
    await mint(fleet.join(), 'rejected')
    const known = await Promise.all(processes.map(async ({ share }) => found(await share.ask(ID)).token))
    const replace = ({ share }: Process, i: number) =>
      share.remove(ID, known[i]!).then(async (gone) => ({ gone, answer: await share.ask(ID, known[i]) }))
    const replaced = await Promise.all(processes.map(replace))
    expect(replaced.filter(({ answer }) => answer !== 'busy')).toHaveLength(1)
    expect(new Set(replaced.map(({ gone }) => gone))).toEqual(new Set(['removed']))
    const holder = replaced.findIndex(({ answer }) => answer !== 'busy')
    const next = token('rejected too')
    await leased(replaced[holder]!.answer).put(next, HOUR)
    expect(await processes[0]!.share.remove(ID, next)).toBe('kept')
    expect(await fleet.join().share.find(ID)).toBeDefined()
    await fleet.clock.advance(30_000)
    expect(await processes[0]!.share.remove(ID, next)).toBe('removed')
  })

  it('write without a lease only where there is nothing, and are replaced by whoever has one', async () => {
    const [, one, two] = fleetOfTwo()
    const own = token('one')
    expect(await one.share.put(ID, own, HOUR)).toBe(true)
    expect(await two.share.put(ID, token('two'), HOUR)).toBe(false)
    const lease = leased(await two.share.ask(ID, found(await two.share.ask(ID)).token))
    expect(await lease.put(token('two'), HOUR)).toBe(true)
    expect(found(await one.share.ask(ID, own)).token.reveal()).toBe('two')
  })

  it('give the lease up for a token that is over before it is written, and write none', async () => {
    const fleet = new Fleet()
    const { share, store } = fleet.join()
    expect(await leased(await share.ask(ID)).put(token('one'), 0.5)).toBe(false)
    leased(await fleet.join().share.ask(ID))
    expect(await share.put(ID, token('one'), 0.5)).toBe(false)
    expect(store.calls.set).toBe(0)
  })

  it('end the wait for another process as soon as something else will do', async () => {
    const fleet = new Fleet()
    leased(await fleet.join().share.ask(ID))
    const { share, store } = fleet.join()
    let looks = 0
    const otherwise = () => (++looks < 3 ? undefined : 'what is at hand')
    const waiting = share.askUntilFree(ID, undefined, new AbortController().signal, { otherwise })
    await fleet.clock.advance(1000)
    expect(await waiting).toEqual({ instead: 'what is at hand' })
    expect(store.calls.getOrLease).toBe(3)
  })

  it('remove an error that is not to count any more', async () => {
    const [, one, two] = fleetOfTwo()
    await leased(await one.share.ask(ID)).putError({ error: 'invalid_scope' }, HOUR)
    const answer = await two.share.ask(ID)
    if (typeof answer !== 'object' || !('failed' in answer)) return expect.unreachable()
    expect(await two.share.remove(ID, { ...answer.failed, error: { error: 'another' } })).toBe('removed')
    expect(await two.share.ask(ID)).toEqual(answer)
    expect(await two.share.remove(ID, answer.failed)).toBe('removed')
    leased(await two.share.ask(ID))
  })

  it('do not take a token for the store’s that the store did not take', async () => {
    const [fleet, paused, other] = fleetOfTwo()
    const lease = leased(await paused.share.ask(ID))
    await fleet.clock.advance(5001)
    await mint(other, 'same')
    const own = token('same')
    expect(await lease.put(own, HOUR)).toBe(false)
    leased(await paused.share.ask(ID, own))
  })

  it('are not kept alive by the renewal of a lease', async () => {
    const fleet = new Fleet()
    const sleeps: unknown[] = []
    const { clock } = fleet
    const { share } = fleet.join({
      clock: {
        now: () => clock.now(),
        monotonicNow: () => clock.monotonicNow(),
        random: () => 0,
        sleep: (ms, signal, options) => {
          if (ms === 1500) sleeps.push(options)
          return clock.sleep(ms, signal)
        },
      },
    })
    const lease = leased(await share.ask(ID))
    const request = lease.during(() => clock.sleep(2000))
    await clock.advance(2000)
    await request
    expect(sleeps).toEqual([{ ref: false }, { ref: false }])
  })
})

describe('clocks of different hosts', () => {
  const off = (clock: VirtualClock, ms: number): Clock => ({
    now: () => clock.now() + ms,
    monotonicNow: () => clock.monotonicNow() / 3,
    sleep: (forMs, signal) => clock.sleep(forMs, signal),
    random: () => 0.5,
  })

  it.each([
    [0, 60_000, 58_000],
    [-HOUR, 60_000, 58_000],
    [25_000, 60_000, 58_000],
    [45_000, 60_000, 43_000],
  ])(
    'that differ by %i ms leave a token of %i ms %i ms, which is never too long',
    async (offMs, lifetimeMs, leftMs) => {
      const fleet = new Fleet()
      await mint(fleet.join(), 'one', lifetimeMs)
      const reader = fleet.join({ clock: off(fleet.clock, offMs) })
      expect(found(await reader.share.ask(ID)).leftMs).toBe(leftMs)
      await fleet.clock.advance(leftMs)
      expect((await reader.share.find(ID))?.leftMs ?? 0).toBeLessThanOrEqual(lifetimeMs - leftMs)
    },
  )

  it('catch a token that a store took in long after it was sent', async () => {
    const fleet = new Fleet()
    const writer = fleet.join()
    const lease = leased(await writer.share.ask(ID))
    writer.store.fault = 'hang'
    const written = lease.put(token('one', 120_000), 120_000)
    await fleet.clock.advance(90_000)
    expect(await written).toBe(false)
    writer.store.fault = undefined
    await fleet.clock.settle()
    const { leftMs } = found(await fleet.join().share.ask(ID))
    expect(leftMs).toBeLessThanOrEqual(60_000)
  })
})

describe('encryption keys that change', () => {
  const PAIRS: readonly (readonly [string, readonly Buffer[], readonly Buffer[], number])[] = [
    ['[old] and [old, new]', [K1], [K1, K2], 1],
    ['[old, new] and [new, old]', [K1, K2], [K2, K1], 1],
    ['[old, new] and [new]', [K1, K2], [K2], 1],
    ['[old] and [new], a step left out', [K1], [K2], 2],
  ]

  it.each(PAIRS)('%s: one request at a time', async (_, before, after, requests) => {
    for (const [first, second] of [
      [before, after],
      [after, before],
    ]) {
      const fleet = new Fleet()
      const one = fleet.join({ keys: first! })
      const two = fleet.join({ keys: second! })
      const lease = leased(await one.share.ask(ID))
      const answer = await two.share.ask(ID)
      expect(answer === 'busy' ? 1 : 2).toBe(requests)
      if (answer !== 'busy') continue
      const written = token('one')
      await lease.put(written, HOUR)
      const known = found(await two.share.ask(ID)).token
      await leased(await two.share.ask(ID, known)).put(token('two'), HOUR)
      expect(found(await one.share.ask(ID, written)).token.reveal()).toBe('two')
      expect([...one.notices, ...two.notices]).toEqual([])
    }
  })

  it('leave no lease behind that was had under one key only', async () => {
    const fleet = new Fleet()
    const cells = fleet.store.connect({ encryptionKeys: [K1, K2] }).encryption.cells('digest')
    const both = fleet.join({ keys: [K1, K2] })
    // Whoever holds the one asked for last keeps them from the other.
    const last = [K1, K2].find((key) => {
      const [cell] = fleet.store.connect({ encryptionKeys: key }).encryption.cells('digest')
      return cell?.keyId === cells[1]?.keyId
    })!
    const first = last === K1 ? K2 : K1
    leased(await fleet.join({ keys: last }).share.ask(ID))
    expect(await both.share.ask(ID)).toBe('busy')
    leased(await fleet.join({ keys: first }).share.ask(ID))
  })

  it.each([K1, K2])('find a token under either', async (key) => {
    const fleet = new Fleet()
    await mint(fleet.join({ keys: key }), 'one')
    const both = fleet.join({ keys: [K1, K2] })
    expect((await both.share.find(ID))?.token.reveal()).toBe('one')
    expect(both.notices).toEqual([])
  })

  it('remove a rejected token under both', async () => {
    const fleet = new Fleet()
    const minted = await mint(fleet.join({ keys: [K1, K2] }), 'rejected')
    expect(await fleet.join({ keys: [K1, K2] }).share.remove(ID, minted)).toBe('removed')
    for (const keys of [K1, K2]) expect(await fleet.join({ keys }).share.find(ID)).toBeUndefined()
  })
})

describe('records that cannot be read', () => {
  const CHANGES: readonly [string, (value: string) => string][] = [
    ['tampered with', (value) => `${value.slice(0, -9)}AAAAAAAA${value.slice(-1)}`],
    ['cut off', (value) => value.slice(0, -8)],
    ['foreign', () => 'hello'],
    ['empty', () => ''],
  ]

  it.each(CHANGES)('(%s) count as absent, are told about, and are replaced', async (_, change) => {
    const fleet = new Fleet()
    const old = await mint(fleet.join(), 'old')
    await leased(await fleet.join().share.ask(ID, old)).putError({ error: 'x' }, HOUR)
    fleet.store.tamper((record) => ({ ...record, value: change(record.value) }))
    const { share, notices } = fleet.join()
    expect(await share.find(ID)).toBeUndefined()
    const lease = leased(await share.ask(ID))
    expect(notices).toEqual([
      { kind: 'unreadable', record: 'token' },
      { kind: 'unreadable', record: 'token' },
      { kind: 'unreadable', record: 'error' },
    ])
    expect(await lease.put(token('new'), HOUR)).toBe(true)
    expect(found(await fleet.join().share.ask(ID)).token.reveal()).toBe('new')
  })

  it.each([NaN, undefined, null, 'seven', {}])(
    'are those with a fence that is no number, in the clear too: %s',
    async (fence) => {
      for (const protection of [{ encryptionKeys: K1 }, { plaintext: true }]) {
        const [fleet, one, two] = fleetOfTwo(protection)
        const old = await mint(one, 'old')
        await leased(await one.share.ask(ID, old)).putError({ error: 'x' }, HOUR)
        fleet.store.tamper((record) => ({ ...record, fence: fence as number }))
        expect(await two.share.find(ID)).toBeUndefined()
        expect(await one.share.find(ID, old)).toBeUndefined()
        const lease = leased(await two.share.ask(ID))
        expect(await one.share.ask(ID, old)).toBe('busy')
        expect(two.notices).toEqual([
          { kind: 'unreadable', record: 'token' },
          { kind: 'unreadable', record: 'token' },
          { kind: 'unreadable', record: 'error' },
        ])
        expect(await lease.put(token('new'), HOUR)).toBe(true)
        expect(found(await one.share.ask(ID, old)).token.reveal()).toBe('new')
      }
    },
  )

  it('are those moved from another key', async () => {
    const fleet = new Fleet()
    const { share } = fleet.join()
    await mint({ ...fleet.join(), share }, 'one')
    let moved = ''
    fleet.store.tamper((record) => {
      moved = record.value
      return record
    })
    await share.put('another identity', token('two'), HOUR)
    fleet.store.tamper((record) => ({ ...record, value: moved, fence: 0 }))
    const reader = fleet.join()
    expect(await reader.share.find('another identity')).toBeUndefined()
    expect(reader.notices).toEqual([{ kind: 'unreadable', record: 'token' }])
  })
})

describe('a store in trouble', () => {
  const FAULTS: readonly [StoreFault, string][] = [
    ['error', 'ERR'],
    ['loading', 'LOADING'],
    ['full', 'OOM'],
    ['hang', 'timeout'],
    ['partition', 'timeout'],
  ]

  it.each(FAULTS)('(%s) rejects nothing, costs 50 ms a call, and none after five', async (fault, reason) => {
    const fleet = new Fleet()
    const { share, store, notices } = fleet.join()
    store.fault = fault
    for (let i = 0; i < 5; i++) {
      const answer = share.ask(ID)
      await fleet.clock.advance(fault === 'hang' || fault === 'partition' ? 50 : 0)
      expect(await answer).toBe('unavailable')
    }
    expect(notices).toEqual([
      ...Array.from({ length: 5 }, () => ({ kind: 'failed', operation: 'getOrLease', reason })),
      { kind: 'suspended' },
    ])
    const calls = store.calls.getOrLease
    expect(await share.ask(ID)).toBe('unavailable')
    expect(await share.find(ID)).toBeUndefined()
    expect(await share.put(ID, token('one'), HOUR)).toBe(false)
    expect(await share.remove(ID, token('one'))).toBe('unavailable')
    expect(store.calls.getOrLease).toBe(calls)
  })

  it('is used again by itself, ten seconds after', async () => {
    const fleet = new Fleet()
    const { share, store, notices } = fleet.join()
    store.fault = 'error'
    for (let i = 0; i < 6; i++) await share.ask(ID)
    store.fault = undefined
    await fleet.clock.advance(10_000)
    leased(await share.ask(ID))
    expect(notices.at(-1)).toEqual({ kind: 'resumed' })
  })

  it('that answers too late leases nothing: the fleet does not wait for nobody', async () => {
    const fleet = new Fleet()
    const { share, store } = fleet.join()
    store.fault = 'hang'
    const answer = share.ask(ID)
    await fleet.clock.advance(50)
    expect(await answer).toBe('unavailable')
    store.fault = undefined
    await fleet.clock.settle()
    leased(await fleet.join().share.ask(ID))
  })

  it.each(['busy', 'found'])('that answers too late gives no lease up where it had none: %s', async (what) => {
    const fleet = new Fleet()
    const lease = leased(await fleet.join().share.ask(ID))
    if (what === 'found') await lease.put(token('one'), HOUR)
    const { share, store, notices } = fleet.join()
    store.fault = 'hang'
    const answer = share.ask(ID)
    await fleet.clock.advance(50)
    expect(await answer).toBe('unavailable')
    store.fault = undefined
    await fleet.clock.settle()
    expect(store.calls.renew).toBe(0)
    expect(notices).toHaveLength(1)
  })

  it('that lost everything is written again', async () => {
    const fleet = new Fleet()
    const { share } = fleet.join()
    const old = await mint(fleet.join(), 'old')
    fleet.store.restartEmpty()
    await fleet.clock.advance(1)
    const lease = leased(await share.ask(ID, old))
    expect(await lease.put(token('new'), HOUR)).toBe(true)
  })

  const answering = (encryption: StoreEncryption, answer: unknown): TokenStore => ({
    encryption,
    get: async () => answer as undefined,
    getOrLease: async () => answer as LeaseAnswer,
    renew: async () => answer as boolean,
    set: async () => answer as boolean,
    delete: async () => answer as boolean,
  })

  it.each([
    undefined,
    null,
    7,
    'leased',
    {},
    { token: null },
    { token: {} },
    { error: 'x' },
    { error: {} },
    { lease: null },
  ])('that answers nonsense rejects nothing: %j', async (answer) => {
    const { share } = new Fleet().join({ by: ({ encryption }) => answering(encryption, answer) })
    for (const known of [undefined, token('known')]) {
      expect(await share.ask(ID, known)).toBe('unavailable')
      expect(await share.find(ID, known)).toBeUndefined()
    }
  })

  it.each([undefined, null])('that says %s has nothing, and is in no trouble', async (answer) => {
    const { share, notices, calls } = new Fleet().join({ by: ({ encryption }) => answering(encryption, answer) })
    for (const known of [undefined, token('known')]) expect(await share.find(ID, known)).toBeUndefined()
    expect(notices).toEqual([])
    expect(calls.map(({ outcome }) => outcome)).toEqual(['none', 'none'])
  })

  it('says why by a code: words of a client may hold what was sent', async () => {
    const refuse = async () => {
      throw new Error("ERR unknown command 'EVALSHA', with args beginning with: 'secret token'")
    }
    const { share, notices } = new Fleet().join({
      by: ({ encryption }) => ({ ...answering(encryption, 'busy'), getOrLease: refuse }),
    })
    await share.ask(ID)
    expect(notices).toEqual([{ kind: 'failed', operation: 'getOrLease', reason: 'ERR' }])
  })
})

describe('a store without leases', () => {
  it('gives tokens that are there, and no say in who requests the next', async () => {
    const fleet = new Fleet()
    const join = () => fleet.join({ by: withoutLeases }).share
    const [one, two] = [join(), join()]
    expect(await one.ask(ID)).toBe('absent')
    const own = token('one')
    expect(await one.put(ID, own, HOUR)).toBe(true)
    expect(found(await two.ask(ID)).token.reveal()).toBe('one')
    expect(await one.ask(ID, own)).toBe('absent')
  })
})

describe('a store whose leases cannot be renewed', () => {
  it('leases, and has no trouble', async () => {
    const fleet = new Fleet()
    const withoutRenewal = (store: MemoryTokenStore): TokenStore => ({
      ...withoutLeases(store),
      getOrLease: (key, request) => store.getOrLease(key, request),
    })
    const { share, notices } = fleet.join({ by: withoutRenewal })
    const lease = leased(await share.ask(ID))
    const request = lease.during(() => fleet.clock.sleep(4000))
    await fleet.clock.advance(4000)
    await request
    expect(await fleet.join().share.ask(ID)).toBe('busy')
    await lease.release()
    expect(notices).toEqual([])
  })
})

describe('a call of the store', () => {
  it.each<[operation: string, call: (process: Process, lease: SharedLease) => Promise<unknown>, result: unknown]>([
    ['get', ({ share }) => share.find(ID), undefined],
    ['getOrLease', ({ share }) => share.ask(ID), 'unavailable'],
    ['set', (_, held) => held.put(token('one'), HOUR), false],
    ['set', (_, held) => held.putError({ code: 'x' }, HOUR), false],
    ['delete', ({ share }) => share.remove(ID, token('one')), 'unavailable'],
    ['renew', (_, held) => held.release(), undefined],
  ])('that is not carried out is told of by its name: %s', async (operation, call, result) => {
    const one = new Fleet().join()
    const held = leased(await one.share.ask(ID))
    one.store.fault = 'error'
    expect(await call(one, held)).toBe(result)
    expect(one.notices).toMatchObject([{ kind: 'failed', operation }])
  })

  it('is looked at sooner or later by a draw, so that a fleet does not ask in step', async () => {
    const looks = async (random: number, ms: number) => {
      const fleet = new Fleet()
      leased(await fleet.join().share.ask(ID))
      const clock = new VirtualClock({ random: () => random })
      const { share, store } = fleet.join({ clock })
      const left = new AbortController()
      const asking = share.askUntilFree(ID, undefined, left.signal).catch(() => {})
      await clock.advance(ms)
      left.abort()
      await asking
      return store.calls.getOrLease
    }
    expect([await looks(0, 74), await looks(0, 75)]).toEqual([1, 2])
    expect([await looks(1, 124), await looks(1, 125)]).toEqual([1, 2])
  })

  it('finds an error for as long as it is remembered', async () => {
    const [, one, two] = fleetOfTwo()
    await leased(await one.share.ask(ID)).putError({ code: 'x' }, 600_000)
    expect(await two.share.ask(ID)).toEqual({ failed: { error: { code: 'x' }, leftMs: 600_000 } })
  })

  it('finds a token that is newer than the known one, and not the known one itself', async () => {
    const [, one, two] = fleetOfTwo()
    const known = await mint(one, 'one')
    expect(await two.share.find(ID, known)).toBeUndefined()
    expect((await two.share.find(ID, token('another')))?.token.reveal()).toBe('one')
    await leased(await one.share.ask(ID, known)).put(token('two'), HOUR)
    expect((await two.share.find(ID, known))?.token.reveal()).toBe('two')
    // The same text once more is a newer token: it lives longer.
    await leased(await one.share.ask(ID, token('two'))).put(token('one'), HOUR)
    expect((await two.share.find(ID, known))?.token.reveal()).toBe('one')
  })
})
