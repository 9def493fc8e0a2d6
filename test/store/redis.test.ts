import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisTokenStore } from '../../src/store/redis.ts'
import type { Lease } from '../../src/store/token-store.ts'
import { leaseContract } from '../../src/testing/lease-contract.ts'
import { type StoreUnderTest, storeContract } from '../../src/testing/store-contract.ts'
import { KEY, token } from '../../src/testing/store-contract-steps.ts'
import { anyRedis, canStartRedis, hasRedis, SKIPPED, startCluster, startSentinel } from '../support/redis.ts'
import {
  type Connect,
  type ConnectedClient,
  connectIoRedis,
  connectIoRedisCluster,
  connectIoRedisSentinel,
  connectNodeRedis,
  connectNodeRedisCluster,
  connectNodeRedisSentinel,
} from '../support/redis-clients.ts'

if (SKIPPED !== undefined) process.stderr.write(SKIPPED)

interface Way {
  readonly name: string
  readonly connect: Connect
  readonly start: () => Promise<AsyncDisposable & { readonly url: string }>
  readonly isThere: boolean
}

const WAYS: readonly Way[] = [
  { name: 'redis', connect: connectNodeRedis, start: anyRedis, isThere: hasRedis },
  { name: 'ioredis', connect: connectIoRedis, start: anyRedis, isThere: hasRedis },
  { name: 'redis, a cluster', connect: connectNodeRedisCluster, start: startCluster, isThere: canStartRedis },
  { name: 'ioredis, a cluster', connect: connectIoRedisCluster, start: startCluster, isThere: canStartRedis },
  { name: 'redis, by a sentinel', connect: connectNodeRedisSentinel, start: startSentinel, isThere: canStartRedis },
  { name: 'ioredis, by a sentinel', connect: connectIoRedisSentinel, start: startSentinel, isThere: canStartRedis },
]

// Half a minute of the deletion's pause is not waited for.
const LONG_MS = 5000
const SHIFT = `redis.call('HINCRBY', KEYS[1], 'deleted', -ARGV[1] * 1000)`

const RECORD = token('one')

let tests = 0

describe.each(WAYS)('the store in Redis by $name', ({ connect, start, isThere }) => {
  let server: Awaited<ReturnType<typeof start>> | undefined
  let near: ConnectedClient
  let far: ConnectedClient
  beforeAll(async () => {
    if (!isThere) return
    server = await start()
    near = await connect(server)
    far = await connect(server)
  })
  afterAll(async () => {
    for (const open of [far, near, server]) await open?.[Symbol.asyncDispose]()
  })

  function underTest(): StoreUnderTest & { readonly store: RedisTokenStore; readonly key: string } {
    tests += 1
    const prefix = `evertoken-test-${process.pid}-${Date.now()}-${tests}:`
    const key = `${prefix}${KEY}`
    return {
      key,
      store: new RedisTokenStore(near.client, { prefix, plaintext: true }),
      other: new RedisTokenStore(far.client, { prefix, plaintext: true }),
      pass: async (ms) => (ms > LONG_MS ? void (await near.change(SHIFT, key, String(ms))) : await wait(ms)),
      lose: async () => void (await near.change(`redis.call('DEL', KEYS[1])`, key)),
    }
  }

  it.skipIf(!isThere).concurrent.each([...storeContract, ...leaseContract])(
    '$title',
    async ({ run }) => await run(underTest()),
  )

  it.skipIf(!isThere)('counts as absent what somebody else has put in its place', async () => {
    const { store, key } = underTest()
    await near.change(`redis.call('SET', KEYS[1], 'foreign', 'PX', 60000)`, key)
    expect(await store.get(KEY)).toBeUndefined()
    const lease = await leaseOf(store)
    expect(await store.set(KEY, RECORD, { ttlMs: 60_000, lease })).toBe(true)
  })

  it.skipIf(!isThere)('issues newer fences though its clock was set back', async () => {
    const { store, key } = underTest()
    const { fence } = await leaseOf(store)
    const later = fence + 3_600_000_000
    await near.change(`redis.call('HSET', KEYS[1], 'issued', ARGV[1])`, key, String(later))
    expect((await leaseOf(store)).fence).toBe(later + 1)
  })

  it.skipIf(!isThere)('believes no fence that nobody can have issued', async () => {
    const { store, key } = underTest()
    const lease = await leaseOf(store)
    const most = String(Number.MAX_SAFE_INTEGER)
    await near.change(`redis.call('HSET', KEYS[1], 'issued', 'nonsense', 'written', ARGV[1])`, key, most)
    expect(await store.set(KEY, RECORD, { ttlMs: 60_000, lease })).toBe(true)
  })

  it.skipIf(!isThere)('keeps nothing longer than a minute after it is of use', async () => {
    const { store, key } = underTest()
    await store.set(KEY, RECORD, { ttlMs: 60_000, lease: await leaseOf(store) })
    const leftMs = Number(await near.change(`return redis.call('PTTL', KEYS[1])`, key))
    expect(leftMs).toBeGreaterThan(110_000)
    expect(leftMs).toBeLessThanOrEqual(120_000)
  })
})

async function leaseOf(store: RedisTokenStore): Promise<Lease> {
  const answer = await store.getOrLease(KEY, { owner: 'a', ttlMs: 5000 })
  return typeof answer === 'object' && 'lease' in answer ? answer.lease : expect.unreachable(JSON.stringify(answer))
}
