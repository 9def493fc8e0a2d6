import { equal, ok } from 'node:assert/strict'
import { errorContract } from './error-contract.ts'
import type { StoreContractCase } from './store-contract.ts'
import { getOrLease, KEY, leased, SHORT_MS, TTL, token } from './store-contract-steps.ts'

/** What holds for stores with leases beside {@link storeContract}. */
export const leaseContract: readonly StoreContractCase[] = [
  {
    title: 'leases a key to one owner and tells the others that it is busy',
    async run({ store, other }) {
      const lease = leased(await getOrLease(store, 'a'))
      equal(lease.owner, 'a')
      ok(Number.isSafeInteger(lease.fence) && lease.fence > 0, `fence: ${lease.fence}`)
      equal(await getOrLease(other, 'b'), 'busy')
      leased(await getOrLease(other, 'b', { key: `${KEY}2` }))
    },
  },
  {
    title: 'leases a key once, however many ask at the same time',
    async run({ store, other }) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => getOrLease(i % 2 === 0 ? store : other, `owner ${i}`)),
      )
      equal(answers.filter((answer) => answer !== 'busy').length, 1)
    },
  },
  {
    title: 'gives the token to everybody, and no lease',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      for (const owner of ['a', 'b']) {
        const answer = await getOrLease(other, owner)
        ok(typeof answer === 'object' && 'token' in answer)
        equal(answer.token.value, 'one')
      }
    },
  },
  {
    title: 'leases a key whose token is stale, and keeps the token',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      const stale = { fingerprint: 'print of one', fence: 0 }
      leased(await getOrLease(store, 'a', { stale }))
      equal(await getOrLease(other, 'b', { stale }), 'busy')
      equal((await other.get(KEY))?.value, 'one')
      const cold = await getOrLease(other, 'c')
      ok(typeof cold === 'object' && 'token' in cold, 'who has no token gets it')
    },
  },
  {
    title: 'gives a token that was written again, though it is the stale one',
    async run({ store, other }) {
      const first = leased(await getOrLease(store, 'a'))
      await store.set(KEY, token('one'), { ...TTL, lease: first })
      const stale = { fingerprint: 'print of one', fence: first.fence }
      const second = leased(await getOrLease(store, 'a', { stale }))
      await store.set(KEY, token('one'), { ...TTL, lease: second })
      const answer = await getOrLease(other, 'b', { stale })
      ok(typeof answer === 'object' && 'token' in answer)
      equal(answer.token.fence, second.fence)
    },
  },
  {
    title: 'writes with the fence of the lease, gives the lease up, and raises the next fence',
    async run({ store, other }) {
      const first = leased(await getOrLease(store, 'a'))
      ok(await store.set(KEY, token('one'), { ...TTL, lease: first }))
      equal((await other.get(KEY))?.fence, first.fence)
      const second = leased(
        await getOrLease(other, 'b', { stale: { fingerprint: 'print of one', fence: first.fence } }),
      )
      ok(second.fence > first.fence)
    },
  },
  {
    title: 'gives the lease again to the owner who has it, and forgets the earlier one',
    async run({ store, other }) {
      const first = leased(await getOrLease(store, 'a'))
      const second = leased(await getOrLease(store, 'a'))
      ok(second.fence > first.fence)
      equal(await store.renew?.(KEY, first, 5000), false)
      equal(await store.renew?.(KEY, first, 0), false)
      equal(await getOrLease(other, 'b'), 'busy')
      equal(await store.renew?.(KEY, second, 5000), true)
    },
  },
  {
    title: 'leases the key to the next when the lease has lapsed',
    slow: true,
    async run({ store, other, pass }) {
      const lapsed = leased(await getOrLease(store, 'a'))
      equal(await getOrLease(other, 'b'), 'busy')
      equal(await store.renew?.(KEY, lapsed, SHORT_MS), true)
      await pass(SHORT_MS + 50)
      const taken = leased(await getOrLease(other, 'b'))
      ok(taken.fence > lapsed.fence)
      equal(await store.renew?.(KEY, lapsed, 5000), false)
      equal(await other.renew?.(KEY, taken, 5000), true)
    },
  },
  {
    title: 'leases the key to the next when the lease ends later than any lease does',
    async run({ store, other }) {
      const endless = leased(await getOrLease(store, 'a', { ttlMs: 3_600_000 }))
      const taken = leased(await getOrLease(other, 'b', { ttlMs: 5000 }))
      ok(taken.fence > endless.fence)
      equal(await getOrLease(store, 'c', { ttlMs: 5000 }), 'busy')
    },
  },
  {
    title: 'holds a lease as long as it is renewed, from then on',
    slow: true,
    async run({ store, other, pass }) {
      // Longer than others: it must not lapse, however busy the machine is, before it is renewed.
      const lease = leased(await getOrLease(store, 'a', { ttlMs: SHORT_MS * 5 }))
      await pass(SHORT_MS / 2)
      equal(await store.renew?.(KEY, lease, SHORT_MS * 12), true)
      await pass(SHORT_MS * 5)
      equal(await getOrLease(other, 'b'), 'busy')
    },
  },
  {
    title: 'gives a lease up when it is renewed for no time',
    async run({ store, other }) {
      equal(await store.renew?.(KEY, leased(await getOrLease(store, 'a')), 0), true)
      leased(await getOrLease(other, 'b'))
    },
  },
  {
    title: 'renews nothing that was never leased',
    async run({ store }) {
      equal(await store.renew?.(KEY, { owner: 'a', fence: 1 }, 5000), false)
      leased(await getOrLease(store, 'b'))
    },
  },
  {
    title: 'never overwrites a token with one of an older fence, and leaves the lease of another alone',
    slow: true,
    async run({ store, other, pass }) {
      const paused = leased(await getOrLease(store, 'a', { ttlMs: SHORT_MS }))
      await pass(SHORT_MS + 50)
      const taken = leased(await getOrLease(other, 'b'))
      ok(await other.set(KEY, token('newer'), { ...TTL, lease: taken }))
      const third = await getOrLease(other, 'c', { stale: { fingerprint: 'print of newer', fence: taken.fence } })
      equal(await store.set(KEY, token('older'), { ...TTL, lease: paused }), false)
      equal((await store.get(KEY))?.value, 'newer')
      equal(await store.renew?.(KEY, leased(third), 5000), true)
    },
  },
  {
    title: 'writes no token of an older fence after the newer one is gone',
    slow: true,
    async run({ store, other, pass }) {
      const paused = leased(await getOrLease(store, 'a', { ttlMs: SHORT_MS }))
      await pass(SHORT_MS + 50)
      await other.set(KEY, token('newer'), { ...TTL, lease: leased(await getOrLease(other, 'b')) })
      ok(await other.delete(KEY, 'print of newer'))
      equal(await store.set(KEY, token('older'), { ...TTL, lease: paused }), false)
      equal(await store.get(KEY), undefined)
    },
  },
  {
    title: 'writes the token of a lease that has lapsed, if nobody wrote a newer one',
    slow: true,
    async run({ store, other, pass }) {
      const late = leased(await getOrLease(store, 'a', { ttlMs: SHORT_MS }))
      await pass(SHORT_MS + 50)
      const taken = leased(await getOrLease(other, 'b'))
      ok(await store.set(KEY, token('older'), { ...TTL, lease: late }))
      equal(await other.renew?.(KEY, taken, 5000), true)
      ok(await other.set(KEY, token('newer'), { ...TTL, lease: taken }))
      equal((await store.get(KEY))?.value, 'newer')
    },
  },
  {
    title: 'replaces a token that was written without a lease',
    async run({ store, other }) {
      await store.set(KEY, token('one'), TTL)
      const lease = leased(await getOrLease(other, 'b', { stale: { fingerprint: 'print of one', fence: 0 } }))
      ok(await other.set(KEY, token('two'), { ...TTL, lease }))
      equal((await store.get(KEY))?.value, 'two')
    },
  },
  ...errorContract,
  {
    title: 'issues newer fences after it lost everything, and takes the token of a lease from before',
    async run({ store, other, lose }) {
      if (lose === undefined) return
      const before = leased(await getOrLease(store, 'a'))
      await lose()
      const after = leased(await getOrLease(other, 'b'))
      ok(after.fence > before.fence)
      equal(await store.renew?.(KEY, before, 5000), false)
      ok(await other.set(KEY, token('newer'), { ...TTL, lease: after }))
      equal(await store.set(KEY, token('older'), { ...TTL, lease: before }), false)
      equal((await store.get(KEY))?.value, 'newer')
    },
  },
]
