import { equal, ok } from 'node:assert/strict'
import type { StoreContractCase } from './store-contract.ts'
import { error, getOrLease, KEY, leased, SHORT_MS, TTL, token } from './store-contract-steps.ts'

/** What holds for the errors that stores with leases keep: part of `leaseContract`. */
export const errorContract: readonly StoreContractCase[] = [
  {
    title: 'gives the error to everybody who asks for a lease, and gives the lease up',
    async run({ store, other }) {
      const lease = leased(await getOrLease(store, 'a'))
      ok(await store.set(KEY, error('denied'), { ...TTL, lease }))
      const answer = await getOrLease(other, 'b')
      ok(typeof answer === 'object' && 'error' in answer)
      equal(answer.error.value, 'denied')
      equal(answer.error.fence, lease.fence)
      equal(await other.get(KEY), undefined)
      leased(await getOrLease(other, 'b', { stale: answer.error }))
    },
  },
  {
    title: 'keeps a token beside an error, and gives the error to those for whom the token is stale',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      const stale = { fingerprint: 'print of one', fence: 0 }
      await store.set(KEY, error('denied'), { ...TTL, lease: leased(await getOrLease(store, 'a', { stale })) })
      const cold = await getOrLease(other, 'b')
      ok(typeof cold === 'object' && 'token' in cold)
      const due = await getOrLease(other, 'b', { stale })
      ok(typeof due === 'object' && 'error' in due)
    },
  },
  {
    title: 'removes the error when a token comes',
    async run({ store, other }) {
      await store.set(KEY, error('denied'), { ...TTL, lease: leased(await getOrLease(store, 'a')) })
      const again = await getOrLease(store, 'a', { stale: { fingerprint: 'print of denied', fence: 2 ** 52 } })
      const lease = leased(again)
      await store.set(KEY, token('one'), { ...TTL, lease })
      leased(await getOrLease(other, 'b', { stale: { fingerprint: 'print of one', fence: lease.fence } }))
    },
  },
  {
    title: 'keeps an error beside a token that was requested before it',
    slow: true,
    async run({ store, other, pass }) {
      const late = leased(await getOrLease(store, 'a', { ttlMs: SHORT_MS }))
      await pass(SHORT_MS + 50)
      await other.set(KEY, error('denied'), { ...TTL, lease: leased(await getOrLease(other, 'b')) })
      ok(await store.set(KEY, token('older'), { ...TTL, lease: late }))
      const answer = await getOrLease(other, 'b', { stale: { fingerprint: 'print of older', fence: late.fence } })
      ok(typeof answer === 'object' && 'error' in answer)
    },
  },
  {
    title: 'deletes an error by its fingerprint, at any time',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      await store.delete(KEY, 'print of one')
      await store.set(KEY, error('denied'), { ...TTL, lease: leased(await getOrLease(store, 'a')) })
      ok(await other.delete(KEY, 'print of denied'))
      leased(await getOrLease(other, 'b'))
    },
  },
  {
    title: 'forgets an error when its time is over',
    slow: true,
    async run({ store, other, pass }) {
      const lease = leased(await getOrLease(store, 'a'))
      await store.set(KEY, error('denied'), { ttlMs: SHORT_MS, lease })
      await pass(SHORT_MS + 50)
      leased(await getOrLease(other, 'b'))
    },
  },
]
