import { describe, expect, it } from 'vitest'
import { MemoryTokenStore } from '../../src/store/memory-store.ts'
import type { Lease } from '../../src/store/token-store.ts'
import { leaseContract } from '../../src/testing/lease-contract.ts'
import { type StoreUnderTest, storeContract } from '../../src/testing/store-contract.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const KEY = '1:key'
const record = { kind: 'token' as const, value: 'one', fingerprint: 'print of one' }

function underTest(): StoreUnderTest {
  const clock = new VirtualClock()
  const store = new MemoryTokenStore({ clock, plaintext: true })
  const lose = async () => {
    store.restartEmpty()
    await clock.advance(1)
  }
  return { store, other: store.connect(), pass: (ms) => clock.advance(ms), lose }
}

describe('the store in memory', () => {
  it.each([...storeContract, ...leaseContract])('$title', async ({ run }) => await run(underTest()))

  it('issues newer fences though its clock is set back', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const first = await store.getOrLease(KEY, { owner: 'a', ttlMs: 1000 })
    clock.moveWall(-3_600_000)
    const second = await store.getOrLease(KEY, { owner: 'a', ttlMs: 1000 })
    const fences = [first, second].map((answer) => (answer as { lease: Lease }).lease.fence)
    expect(fences[1]).toBe((fences[0] ?? 0) + 1)
  })

  it.each(['error', 'loading'] as const)('with the fault "%s" fails every call', async (fault) => {
    const store = new MemoryTokenStore({ plaintext: true })
    store.fault = fault
    await expect(store.get(KEY)).rejects.toThrow('injected')
    await expect(store.connect().set(KEY, record, { ttlMs: 1000 })).rejects.toThrow('injected')
    store.fault = undefined
    await expect(store.get(KEY)).resolves.toBeUndefined()
  })

  it('when full, gives what it has and takes nothing', async () => {
    const store = new MemoryTokenStore({ plaintext: true })
    await store.set(KEY, record, { ttlMs: 1000 })
    store.fault = 'full'
    expect(await store.get(KEY)).toMatchObject({ value: 'one' })
    await expect(store.set('1:other', record, { ttlMs: 1000 })).rejects.toThrow('OOM')
    await expect(store.getOrLease('1:other', { owner: 'a', ttlMs: 1000 })).rejects.toThrow('OOM')
  })

  it('when it hangs, carries out later what it was asked', async () => {
    const store = new MemoryTokenStore({ plaintext: true })
    store.fault = 'hang'
    const answer = store.connect().set(KEY, record, { ttlMs: 1000 })
    store.fault = undefined
    await expect(answer).resolves.toBe(true)
  })

  it('behind a partition is out of reach for one process only', async () => {
    const store = new MemoryTokenStore({ plaintext: true })
    const [near, far] = [store.connect(), store.connect()]
    far.fault = 'partition'
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    void far.set(KEY, record, { ttlMs: 1000 }).then(settle, settle)
    await expect(near.set(KEY, { ...record, value: 'two' }, { ttlMs: 1000 })).resolves.toBe(true)
    far.fault = undefined
    expect(await far.get(KEY)).toMatchObject({ value: 'two' })
    expect(isSettled).toBe(false)
  })

  it('takes as long as it is told', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    store.latencyMs = 500
    const answer = store.get(KEY).then(() => clock.monotonicNow())
    const begun = clock.monotonicNow()
    await clock.advance(1000)
    expect((await answer) - begun).toBe(500)
  })

  it('says what is wrong with it, and by a code why a call fails', async () => {
    const store = new MemoryTokenStore({ plaintext: true })
    expect(store.fault).toBeUndefined()
    store.fault = 'loading'
    expect(store.fault).toBe('loading')
    await expect(store.get(KEY)).rejects.toMatchObject({ code: 'LOADING' })
    store.fault = 'full'
    await expect(store.connect().set(KEY, record, { ttlMs: 1000 })).rejects.toMatchObject({ code: 'OOM' })
    const full = store.connect()
    store.fault = undefined
    full.fault = 'full'
    await expect(full.set(KEY, record, { ttlMs: 1000 })).rejects.toMatchObject({ code: 'OOM' })
    await expect(store.set(KEY, record, { ttlMs: 1000 })).resolves.toBe(true)
  })

  it('that hangs goes on hanging when that is said once more', async () => {
    const store = new MemoryTokenStore({ plaintext: true })
    store.fault = 'hang'
    let isAnswered = false
    const answer = store.get(KEY).then(() => {
      isAnswered = true
    })
    store.fault = 'hang'
    await new Promise((resolve) => setImmediate(resolve))
    expect(isAnswered).toBe(false)
    store.fault = undefined
    await answer
  })

  it('counts the calls that are made, of each process its own', async () => {
    const store = new MemoryTokenStore({ plaintext: true })
    const other = store.connect()
    const answer = await store.getOrLease(KEY, { owner: 'a', ttlMs: 1000 })
    await store.renew(KEY, (answer as { lease: Lease }).lease, 1000)
    await store.set(KEY, record, { ttlMs: 1000 })
    await store.set(KEY, record, { ttlMs: 1000 })
    await store.get(KEY)
    await store.delete(KEY, record.fingerprint)
    expect(store.calls).toEqual({ get: 1, getOrLease: 1, renew: 1, set: 2, delete: 1 })
    expect(other.calls).toEqual({ get: 0, getOrLease: 0, renew: 0, set: 0, delete: 0 })
  })

  it('shows all that is stored, and lets it be changed or removed by who can write to it', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    await store.set(KEY, record, { ttlMs: 1000 })
    await store.set('1:other', record, { ttlMs: 1000 })
    await clock.advance(400)
    expect(store.connect().dump()).toContain('print of one')
    const seen: unknown[] = []
    store.tamper((found, kind) => {
      seen.push([kind, found.leftMs])
      return seen.length === 1 ? { ...found, value: 'forged', leftMs: 50 } : undefined
    })
    expect(seen).toEqual([
      ['token', 600],
      ['token', 600],
    ])
    expect(await store.get(KEY)).toMatchObject({ value: 'forged', leftMs: 50 })
    expect(await store.get('1:other')).toBeUndefined()
  })

  it('refuses options of its kind by their names', () => {
    expect(() => new MemoryTokenStore(undefined as never)).toThrow(TypeError)
    expect(() => new MemoryTokenStore({ plaintext: 'yes' } as never)).toThrow('`plaintext`')
  })
})
