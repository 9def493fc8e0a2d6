import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisTokenStore } from '../../src/store/redis.ts'
import { leaseContract } from '../../src/testing/lease-contract.ts'
import { type StoreUnderTest, storeContract } from '../../src/testing/store-contract.ts'
import { anyRedis, canStartRedis, hasRedis, startCluster, startSentinel, WITHOUT_REDIS } from '../support/redis.ts'
import {
  type ConnectedClient,
  connectIoRedis,
  connectIoRedisCluster,
  connectIoRedisSentinel,
  connectNodeRedis,
  connectNodeRedisCluster,
  connectNodeRedisSentinel,
} from '../support/redis-clients.ts'

if (!hasRedis) process.stderr.write(`${WITHOUT_REDIS}\n`)

interface Way {
  readonly name: string
  readonly connect: (url: string) => Promise<ConnectedClient>
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
const LONG_MS = 1000
const SHIFT = `redis.call('HINCRBY', KEYS[1], 'deleted', -ARGV[1] * 1000)`

let tests = 0

describe.each(WAYS)('the store in Redis by $name', ({ connect, start, isThere }) => {
  let server: Awaited<ReturnType<typeof start>> | undefined
  let near: ConnectedClient
  let far: ConnectedClient
  beforeAll(async () => {
    if (!isThere) return
    server = await start()
    near = await connect(server.url)
    far = await connect(server.url)
  })
  afterAll(async () => {
    for (const open of [far, near, server]) await open?.[Symbol.asyncDispose]()
  })

  function underTest(): StoreUnderTest {
    tests += 1
    const prefix = `evertoken-test-${process.pid}-${Date.now()}-${tests}:`
    const key = `${prefix}1:AbC-_0`
    return {
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
    const { store } = underTest()
    const prefix = `evertoken-test-${process.pid}-${Date.now()}-foreign:`
    const own = new RedisTokenStore(near.client, { prefix, plaintext: true })
    await near.change(`redis.call('SET', KEYS[1], 'foreign', 'PX', 60000)`, `${prefix}1:a`)
    expect(await own.get('1:a')).toBeUndefined()
    await near.change(
      `redis.call('HSET', KEYS[1], 'written', '9007199254740991', 'issued', 'nonsense') redis.call('PEXPIRE', KEYS[1], 60000)`,
      `${prefix}1:b`,
    )
    expect(await own.getOrLease('1:b', { owner: 'a', ttlMs: 1000 })).toMatchObject({ lease: { owner: 'a' } })
    expect(await store.get('1:a')).toBeUndefined()
  })
})
