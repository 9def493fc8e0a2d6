import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { StoreCell } from '../../src/store/encryption.ts'
import { foundError, foundToken } from '../../src/store/found-record.ts'
import { GuardedStore, type StoreNotice } from '../../src/store/guarded-store.ts'
import { MemoryTokenStore } from '../../src/store/memory-store.ts'
import { errorRecord, SharedToken, type SharedTokenInit, tokenRecord } from '../../src/store/record.ts'
import type { NewRecord, StoredRecord } from '../../src/store/token-store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR
const KEY = '1:key'

/** A process that reads what is found in its store. */
function reader() {
  const clock = new VirtualClock()
  const store = new MemoryTokenStore({ clock, encryptionKeys: randomBytes(32) })
  const notices: StoreNotice[] = []
  const shared = new GuardedStore(store, clock, (notice) => notices.push(notice))
  const cell = store.encryption.cells('credential')[0] as StoreCell
  const place = { cell, key: KEY, fence: 7 }
  const stored = ({ value, fingerprint }: NewRecord, leftMs: number): StoredRecord => ({
    ...{ value, fingerprint, fence: 7, leftMs },
  })
  return {
    clock,
    notices,
    /** Finds a token that another process wrote, who believed that it lives on for `leftMs`. */
    token(init: Partial<SharedTokenInit>, leftMs = HOUR, believedMs = leftMs) {
      const token = new SharedToken({
        value: 'secret',
        tokenType: 'Bearer',
        scope: ['read'],
        lifetimeMs: HOUR,
        ...init,
      })
      return foundToken(stored(tokenRecord(token, clock.now() + believedMs, place), leftMs), cell, KEY, shared)
    },
    /** Finds an error in the same way. */
    error(content: unknown, leftMs = 1000, believedMs = leftMs) {
      const record = errorRecord(content as object, clock.now() + believedMs, place)
      return foundError(stored(record, leftMs), cell, KEY, shared)
    },
  }
}

describe('a token that is found', () => {
  it.each<[what: string, init: Partial<SharedTokenInit>]>([
    ['a plain one', {}],
    ['one that is bound to a key', { tokenType: 'DPoP' }],
    ['one for nothing in particular', { scope: [] }],
    ['one with all that a server may say', { refreshInMs: 60_000, authorizationDetails: [{ type: 'a' }] }],
    ['one to be refreshed at once', { refreshInMs: 0 }],
    ['one that lives for a year', { lifetimeMs: YEAR }],
    ['one of a single character', { value: '!' }],
    ['one with spaces in it', { value: 'a b' }],
  ])('is what was written: %s', (_, { value = 'secret', ...init }) => {
    const { token, notices } = reader()
    const found = token({ value, ...init }, init.lifetimeMs)?.token
    expect(found).toMatchObject({ tokenType: 'Bearer', scope: ['read'], lifetimeMs: HOUR, ...init })
    expect(found?.reveal()).toBe(value)
    expect(notices).toEqual([])
  })

  it.each<[what: string, init: object]>([
    ['another type', { tokenType: 'MAC' }],
    ['no type', { tokenType: undefined }],
    ['scopes that are no list', { scope: 'read' }],
    ['a scope that is no text', { scope: ['read', 7] }],
    ['details that are none', { authorizationDetails: [{}] }],
    ['no lifetime', { lifetimeMs: undefined }],
    ['a lifetime of nothing', { lifetimeMs: 0 }],
    ['a lifetime before its time', { lifetimeMs: -1 }],
    ['a lifetime of more than a year', { lifetimeMs: YEAR + 1 }],
    ['a lifetime in words', { lifetimeMs: '3600000' }],
    ['a refresh in words', { refreshInMs: '60000' }],
    ['a refresh before its time', { refreshInMs: -1 }],
    ['a refresh after a year', { refreshInMs: YEAR + 1 }],
    ['no text', { value: '' }],
    ['a line break', { value: 'a\r\nb' }],
    ['a space at its beginning', { value: ' a' }],
    ['a space at its end', { value: 'a ' }],
    ['characters outside ASCII', { value: 'tökén' }],
  ])('counts as absent with %s, which is told', (_, init) => {
    const { token, notices } = reader()
    expect(token(init as Partial<SharedTokenInit>)).toBeUndefined()
    expect(notices).toEqual([{ kind: 'unreadable', record: 'token' }])
  })

  it.each([
    ['the store', HOUR, 60_000, HOUR, 60_000 - 2000],
    ['the clock of the writer, which may be half a minute behind', HOUR, HOUR, 60_000, 90_000 - 2000],
    ['its lifetime', 60_000, HOUR, HOUR, 60_000 - 2000],
    ['its lifetime, if that is short', 20_000, HOUR, HOUR, 20_000 - 1000],
  ])(
    'is believed in for as long as %s says, less what the way takes',
    (_, lifetimeMs, leftMs, believedMs, expected) => {
      expect(reader().token({ lifetimeMs }, leftMs, believedMs)?.leftMs).toBe(expected)
    },
  )

  it('is none when that is nothing, though it can be read', () => {
    const { token, notices } = reader()
    expect(token({}, 2001)?.leftMs).toBe(1)
    expect(token({}, 2000)).toBeUndefined()
    expect(token({}, HOUR, -28_000)).toBeUndefined()
    expect(token({}, HOUR, -27_999)?.leftMs).toBe(1)
    expect(notices).toEqual([])
  })

  it('has details that nobody changes for all who use it', () => {
    const details = reader().token({ authorizationDetails: [{ type: 'a', actions: ['read'] }] })?.token
      .authorizationDetails
    for (const part of [details, details?.[0], details?.[0]?.actions]) {
      expect(part).toBeDefined()
      expect(part).toSatisfy(Object.isFrozen)
    }
  })

  it('is shown without the token', () => {
    const found = reader().token({})?.token
    expect(inspect(found)).toMatch(
      /^SharedToken \{\s+tokenType: 'Bearer',\s+scope: \[ 'read' \],\s+lifetimeMs: 3600000/,
    )
    expect(inspect(found, { showHidden: true, depth: 9 }) + JSON.stringify(found)).not.toContain('secret')
  })
})

describe('an error that is found', () => {
  it('is what was written, for as long as store and writer say, and for an hour at the most', () => {
    const { error, notices } = reader()
    expect(error({ code: 'request_denied' })).toEqual({ error: { code: 'request_denied' }, leftMs: 1000 })
    expect(error({}, HOUR, 5000)?.leftMs).toBe(35_000)
    expect(error({}, 2 * HOUR)?.leftMs).toBe(HOUR)
    expect(error({}, 1)?.leftMs).toBe(1)
    expect(error({}, 0)).toBeUndefined()
    expect(notices).toEqual([])
  })

  it.each([['text'], [7], [null], [true]])('counts as absent where it is %j, which is told', (content) => {
    const { error, notices } = reader()
    expect(error(content)).toBeUndefined()
    expect(notices).toEqual([{ kind: 'unreadable', record: 'error' }])
  })
})
