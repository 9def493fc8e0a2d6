import { setTimeout as wait } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisClient, RedisTokenStore } from '../../src/store/redis.ts'
import { leaseContract, type StoreUnderTest, storeContract } from '../../src/testing/store-contract.ts'
import { anyRedis, canStartRedis, hasRedis, startCluster, type TestRedis, WITHOUT_REDIS } from '../support/redis.ts'

if (!hasRedis) process.stderr.write(`${WITHOUT_REDIS}\n`)

interface Connected {
  readonly client: RedisClient
  /** Runs a script on one key, in the way of the client. */
  change(script: string, key: string, ...values: string[]): Promise<unknown>
  close(): unknown
}

interface Way {
  readonly name: string
  readonly isThere: boolean
  open(): Promise<{ connect(): Promise<Connected>; close(): Promise<void> }>
}

const ignore = () => {}

async function nodeRedis(client: ReturnType<typeof createClient>): Promise<Connected> {
  await client.on('error', ignore).connect()
  const change = (script: string, key: string, ...values: string[]) =>
    client.eval(script, { keys: [key], arguments: values })
  return { client, change, close: () => client.destroy() }
}

async function nodeRedisCluster(client: ReturnType<typeof createCluster>): Promise<Connected> {
  await client.on('error', ignore).connect()
  const change = (script: string, key: string, ...values: string[]) =>
    client.eval(script, { keys: [key], arguments: values })
  return { client, change, close: () => client.destroy() }
}

async function ioRedis(client: Redis | Cluster): Promise<Connected> {
  client.on('error', ignore)
  const change = (script: string, key: string, ...values: string[]) => client.eval(script, 1, key, ...values)
  return { client, change, close: () => client.disconnect() }
}

const one = (name: string, connect: (server: TestRedis) => Promise<Connected>): Way => ({
  name,
  isThere: hasRedis,
  async open() {
    const server = await anyRedis()
    return { connect: () => connect(server), close: async () => await server[Symbol.asyncDispose]() }
  },
})

const three = (name: string, connect: (ports: readonly number[]) => Promise<Connected>): Way => ({
  name,
  isThere: canStartRedis,
  async open() {
    const cluster = await startCluster()
    return { connect: () => connect(cluster.ports), close: async () => await cluster[Symbol.asyncDispose]() }
  },
})

const WAYS: readonly Way[] = [
  one('redis', ({ url }) => nodeRedis(createClient({ url }))),
  one('ioredis', ({ url }) => ioRedis(new Redis(url))),
  three('redis, a cluster', ([port]) =>
    nodeRedisCluster(createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] })),
  ),
  three('ioredis, a cluster', ([port]) => ioRedis(new Cluster([{ host: '127.0.0.1', port }]))),
]

// Half a minute of the deletion's pause is not waited for.
const LONG_MS = 1000
const SHIFT = `redis.call('HINCRBY', KEYS[1], 'deleted', -ARGV[1] * 1000)`

let tests = 0

describe.each(WAYS.filter(({ isThere }) => isThere))('the store in Redis by $name', ({ open }) => {
  let way: Awaited<ReturnType<Way['open']>>
  let near: Connected
  let far: Connected
  beforeAll(async () => {
    way = await open()
    near = await way.connect()
    far = await way.connect()
  })
  afterAll(async () => {
    near.close()
    far.close()
    await way.close()
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

  it.concurrent.each([...storeContract, ...leaseContract])('$title', async ({ run }) => await run(underTest()))

  it('counts as absent what somebody else has put in its place', async () => {
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
