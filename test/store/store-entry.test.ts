import { describe, expect, it } from 'vitest'
import {
  deleteRecord,
  emptyEntry,
  foundOrBusy,
  grantLease,
  living,
  renewLease,
  type StoreEntry,
  writeRecord,
} from '../../src/store/store-entry.ts'

const token = { kind: 'token', value: 'one', fingerprint: 'print of one' } as const
const error = { kind: 'error', value: 'no', fingerprint: 'print of no' } as const
const ask = { owner: 'a', ttlMs: 100 }

/** An entry with a lease of `a` from instant 0 to 100, with the fence 5000. */
function leased(): { entry: StoreEntry; lease: { owner: string; fence: number } } {
  const entry = emptyEntry()
  return { entry, lease: grantLease(entry, ask, 0, 5) }
}

describe('what is kept under a key', () => {
  it('lapses at the very instant at which its time is up', () => {
    const entry = emptyEntry()
    writeRecord(entry, token, { ttlMs: 100 }, 0)
    expect(living(entry.token, 99)).toMatchObject({ value: 'one', leftMs: 1 })
    expect(living(entry.token, 100)).toBeUndefined()
    expect(living(undefined, 0)).toBeUndefined()
  })

  it('is found, the token before the error, unless it is not wanted', () => {
    const entry = emptyEntry()
    expect(foundOrBusy(entry, ask, 0)).toBeUndefined()
    writeRecord(entry, error, { ttlMs: 100 }, 0)
    expect(foundOrBusy(entry, ask, 0)).toMatchObject({ error: { value: 'no' } })
    writeRecord(entry, token, { ttlMs: 100, lease: { owner: 'a', fence: 0 } }, 0)
    writeRecord(entry, error, { ttlMs: 100 }, 0)
    expect(foundOrBusy(entry, ask, 0)).toMatchObject({ token: { value: 'one' } })
    const stale = (fence: number) => ({ ...ask, stale: { fingerprint: token.fingerprint, fence } })
    expect(foundOrBusy(entry, stale(0), 0)).toMatchObject({ error: { value: 'no' } })
    expect(foundOrBusy(entry, stale(-1), 0)).toMatchObject({ token: { value: 'one' } })
  })
})

describe('a lease', () => {
  it('keeps others busy until the very instant at which it lapses, and not its owner', () => {
    const { entry } = leased()
    const other = { ...ask, owner: 'b' }
    expect(foundOrBusy(entry, other, 99)).toBe('busy')
    expect(foundOrBusy(entry, other, 100)).toBeUndefined()
    expect(foundOrBusy(entry, ask, 99)).toBeUndefined()
  })

  it('that ends later than twice its time from now is none', () => {
    const { entry } = leased()
    expect([100, 50, 49].map((ttlMs) => foundOrBusy(entry, { owner: 'b', ttlMs }, 0))).toEqual([
      'busy',
      'busy',
      undefined,
    ])
  })

  it('has a fence that is newer than every lease and every token of its key, and else the time', () => {
    const { entry, lease } = leased()
    expect(lease.fence).toBe(5000)
    expect(grantLease(entry, ask, 0, 5).fence).toBe(5001)
    expect(grantLease(entry, ask, 0, 6).fence).toBe(6000)
    writeRecord(entry, token, { ttlMs: 100, lease: { owner: 'x', fence: 9000 } }, 0)
    expect(grantLease(entry, ask, 0, 6).fence).toBe(9001)
  })

  it('is renewed by who holds it, and given up for no time at all', () => {
    const { entry, lease } = leased()
    const other = { ...ask, owner: 'b' }
    expect(renewLease(entry, { ...lease, owner: 'b' }, 100, 50)).toBe(false)
    expect(renewLease(entry, { ...lease, fence: 1 }, 100, 50)).toBe(false)
    expect(renewLease(entry, lease, 100, 50)).toBe(true)
    expect(foundOrBusy(entry, other, 149)).toBe('busy')
    expect(renewLease(entry, lease, 0, 60)).toBe(true)
    expect(entry.lease).toBeUndefined()
    expect(renewLease(entry, lease, 100, 60)).toBe(false)
  })

  it('ends with the record for which it was given, and nobody else ends it', () => {
    const { entry, lease } = leased()
    writeRecord(entry, token, { ttlMs: 100, lease: { owner: 'b', fence: lease.fence } }, 0)
    expect(entry.lease).toBeDefined()
    writeRecord(entry, token, { ttlMs: 100, lease }, 0)
    expect(entry.lease).toBeUndefined()
  })
})

describe('a record that is written', () => {
  it('takes the place of one with an older or the same fence, never of one with a newer', () => {
    const { entry, lease } = leased()
    const { fence } = lease
    const write = (by: number) => writeRecord(entry, token, { ttlMs: 100, lease: { owner: 'a', fence: by } }, 0)
    expect([write(fence), write(fence), write(fence + 1), write(fence)]).toEqual([true, true, true, false])
    expect(entry.token?.fence).toBe(fence + 1)
  })

  it('does not come after a newer token of its key, even if that is gone', () => {
    const { entry, lease } = leased()
    writeRecord(entry, token, { ttlMs: 100, lease: { owner: 'x', fence: lease.fence + 1 } }, 0)
    expect(writeRecord(entry, token, { ttlMs: 100, lease }, 200)).toBe(false)
    expect(writeRecord(entry, error, { ttlMs: 100, lease }, 200)).toBe(false)
  })

  it('of an error does not take the place of a newer error', () => {
    const entry = emptyEntry()
    const write = (fence: number) => writeRecord(entry, error, { ttlMs: 100, lease: { owner: 'a', fence } }, 0)
    expect([write(7), write(6), write(7), write(8)]).toEqual([true, false, true, true])
  })

  it('without a lease is written only where there is none of its kind', () => {
    const entry = emptyEntry()
    expect(writeRecord(entry, token, { ttlMs: 100 }, 0)).toBe(true)
    expect(writeRecord(entry, token, { ttlMs: 100 }, 99)).toBe(false)
    expect(writeRecord(entry, error, { ttlMs: 100 }, 99)).toBe(true)
    expect(writeRecord(entry, token, { ttlMs: 100 }, 100)).toBe(true)
  })

  it.each([
    ['older', 6, true],
    ['of the same lease', 7, true],
    ['newer', 8, false],
  ])('of a token removes an error that is %s, or leaves it', (_, fence, isRemoved) => {
    const entry = emptyEntry()
    writeRecord(entry, error, { ttlMs: 100, lease: { owner: 'a', fence } }, 0)
    writeRecord(entry, token, { ttlMs: 100, lease: { owner: 'a', fence: 7 } }, 0)
    expect(entry.error === undefined).toBe(isRemoved)
  })
})

describe('a record that is removed', () => {
  it('is the one that is named, and no other', () => {
    const entry = emptyEntry()
    writeRecord(entry, token, { ttlMs: 100 }, 0)
    writeRecord(entry, error, { ttlMs: 100 }, 0)
    expect(deleteRecord(entry, 'another print', 0)).toBe(true)
    expect([entry.token, entry.error]).not.toContain(undefined)
    expect(deleteRecord(entry, error.fingerprint, 0)).toBe(true)
    expect(entry.error).toBeUndefined()
    expect(deleteRecord(entry, token.fingerprint, 0)).toBe(true)
    expect(entry.token).toBeUndefined()
  })

  it('protects the next token for half a minute, but no error', () => {
    const entry = emptyEntry()
    const write = (now: number) => writeRecord(entry, token, { ttlMs: 100_000 }, now)
    write(0)
    expect(deleteRecord(entry, token.fingerprint, 1000)).toBe(true)
    write(1000)
    writeRecord(entry, error, { ttlMs: 100_000 }, 1000)
    expect(deleteRecord(entry, token.fingerprint, 30_999)).toBe(false)
    expect(deleteRecord(entry, error.fingerprint, 30_999)).toBe(true)
    expect(entry.token).toBeDefined()
    expect(deleteRecord(entry, token.fingerprint, 31_000)).toBe(true)
    expect(entry.token).toBeUndefined()
  })

  it('is gone already when its time is up: nothing is protected by that', () => {
    const entry = emptyEntry()
    writeRecord(entry, token, { ttlMs: 100 }, 0)
    expect(deleteRecord(entry, token.fingerprint, 100)).toBe(true)
    expect(entry.deletedAt).toBeUndefined()
  })
})
