import { deepEqual, equal, ok } from 'node:assert/strict'
import { DELETE_PAUSE_MS, type TokenStore } from '../store/token-store.ts'
import { KEY, SHORT_MS, TTL, token } from './store-contract-steps.ts'

/** A store under test, and its time. */
export interface StoreUnderTest {
  /** Two ways to the same empty store, as two processes have them; may be the same object. */
  readonly store: TokenStore
  readonly other: TokenStore
  /** Lets the store's time pass: a clock moved by hand, or waiting. */
  pass(ms: number): Promise<void>
  /** Loses everything, as a restart without persistence does; omit for a store that cannot. */
  lose?(): Promise<void>
}

/** One promise of {@link TokenStore}. */
export interface StoreContractCase {
  readonly title: string
  /** Whether it waits for seconds of the store's time. */
  readonly slow?: boolean
  /** @throws AssertionError if the store breaks the promise */
  run(under: StoreUnderTest): Promise<void>
}

/**
 * The contract of {@link TokenStore} as tests for any test runner: run each case with a store of its own, which is empty.
 *
 * ```ts
 * for (const { title, run } of storeContract) test(title, () => run(storeUnderTest()))
 * ```
 */
export const storeContract: readonly StoreContractCase[] = [
  {
    title: 'finds nothing in an empty store',
    async run({ store }) {
      equal(await store.get(KEY), undefined)
    },
  },
  {
    title: 'gives back what was written, with what is left of its time',
    async run({ store, other }) {
      ok(await store.set(KEY, token('one'), TTL))
      const { leftMs, ...record } = found(await other.get(KEY))
      deepEqual(record, { value: 'one', fingerprint: 'print of one', fence: 0 })
      ok(leftMs > 50_000 && leftMs <= 60_000, `left: ${leftMs}`)
    },
  },
  {
    title: 'keeps keys apart, by letter case too',
    async run({ store }) {
      await store.set(KEY, token('one'), TTL)
      equal(await store.get(KEY.toLowerCase()), undefined)
      await store.set(KEY.toLowerCase(), token('two'), TTL)
      equal((await store.get(KEY))?.value, 'one')
    },
  },
  {
    title: 'keeps a value of 64 KiB',
    async run({ store }) {
      const value = 'x'.repeat(65_536)
      await store.set(KEY, token(value), TTL)
      equal((await store.get(KEY))?.value, value)
    },
  },
  {
    title: 'forgets a record when its time is over',
    slow: true,
    async run({ store, pass }) {
      await store.set(KEY, token('one'), { ttlMs: SHORT_MS })
      await pass(SHORT_MS + 50)
      equal(await store.get(KEY), undefined)
      ok(await store.set(KEY, token('two'), TTL))
    },
  },
  {
    title: 'writes without a lease only where there is nothing',
    async run({ store, other }) {
      ok(await store.set(KEY, token('one'), TTL))
      equal(await other.set(KEY, token('two'), TTL), false)
      equal((await store.get(KEY))?.value, 'one')
    },
  },
  {
    title: 'deletes the record with this fingerprint',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      ok(await other.delete(KEY, 'print of one'))
      equal(await store.get(KEY), undefined)
    },
  },
  {
    title: 'deletes no record with another fingerprint',
    async run({ store }) {
      await store.set(KEY, token('two'), TTL)
      ok(await store.delete(KEY, 'print of one'), 'it is not there any more')
      equal((await store.get(KEY))?.value, 'two')
    },
  },
  {
    title: 'deletes one token of a key within 30 seconds',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      ok(await store.delete(KEY, 'print of one'))
      await store.set(KEY, token('two'), TTL)
      equal(await other.delete(KEY, 'print of two'), false)
      equal((await store.get(KEY))?.value, 'two')
      await store.set(`${KEY}2`, token('three'), TTL)
      ok(await store.delete(`${KEY}2`, 'print of three'), 'each key for itself')
    },
  },
  {
    title: 'deletes another token after 30 seconds, though it was asked to before',
    slow: true,
    async run({ store, pass }) {
      await store.set(KEY, token('one'), TTL)
      await store.delete(KEY, 'print of one')
      await store.set(KEY, token('two'), { ttlMs: DELETE_PAUSE_MS * 2 })
      await pass(DELETE_PAUSE_MS / 2)
      equal(await store.delete(KEY, 'print of two'), false)
      await pass(DELETE_PAUSE_MS / 2 + 50)
      ok(await store.delete(KEY, 'print of two'))
      equal(await store.get(KEY), undefined)
    },
  },
]

function found<T>(record: T | undefined): T {
  ok(record !== undefined, 'a record')
  return record
}
