import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisTokenStore } from '../../src/store/redis.ts'
import { leaseContract } from '../../src/testing/lease-contract.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { KEY, TTL, token } from '../../src/testing/store-contract-steps.ts'
import { anyRedis, askServer, canStartRedis, freePort, hasRedis, startRedis } from '../support/redis.ts'
import {
  type Connect,
  type ConnectedClient,
  connectIoRedis,
  connectIoRedisWith,
  connectNodeRedis,
  connectNodeRedisOfBuffers,
  connectNodeRedisPool,
  connectNodeRedisWithResp,
  type RedisAddress,
} from '../support/redis-clients.ts'
import { TestAuthority } from '../support/tls.ts'

// All that the store needs, as it says.
const RIGHTS = '~evertoken-test-* -@all +evalsha +eval +time +hgetall +hset +hdel +del +pttl +pexpire'
// What the clients send when they connect.
const OF_CLIENTS = '+hello +client +info +ping'

/** A server that is spoken to by TLS only, by a user who may do no more than it takes. */
async function startSecured(): Promise<RedisAddress & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'evertoken-tls-'))
  const authority = new TestAuthority()
  const { cert, key } = authority.issue()
  const files = { cert, key, 'ca-cert': authority.cert }
  const options = Object.entries(files).flatMap(([name, text]) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return [`--tls-${name}-file`, file]
  })
  const port = String(await freePort())
  const redis = await startRedis('--tls-port', port, '--tls-auth-clients', 'no', ...options)
  await askServer(redis.port, `ACL SETUSER orders on >correct-horse ${RIGHTS} ${OF_CLIENTS}`)
  await askServer(redis.port, 'ACL SETUSER default off')
  return {
    url: `rediss://orders:correct-horse@127.0.0.1:${port}`,
    ca: authority.cert,
    async [Symbol.asyncDispose]() {
      await redis[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

interface Way {
  readonly name: string
  readonly connect: Connect
  readonly start?: () => Promise<RedisAddress & AsyncDisposable>
}

const WAYS: readonly Way[] = [
  { name: 'redis, with version 2 of the protocol', connect: connectNodeRedisWithResp(2) },
  { name: 'redis, with version 3 of the protocol', connect: connectNodeRedisWithResp(3) },
  { name: 'redis, a pool', connect: connectNodeRedisPool },
  { name: 'redis that returns Buffers', connect: connectNodeRedisOfBuffers },
  { name: 'redis by TLS, as a user with few rights', connect: connectNodeRedis, start: startSecured },
  { name: 'ioredis with a prefix of its own', connect: connectIoRedisWith({ keyPrefix: 'of-the-application:' }) },
  { name: 'ioredis that pipelines by itself', connect: connectIoRedisWith({ enableAutoPipelining: true }) },
  { name: 'ioredis by TLS, as a user with few rights', connect: connectIoRedis, start: startSecured },
]

const AT_ONCE = [...storeContract, ...leaseContract].filter(({ slow = false }) => !slow)

let tests = 0

describe.each(WAYS)('the store by $name', ({ connect, start }) => {
  const isThere = start === undefined ? hasRedis : canStartRedis
  const open: AsyncDisposable[] = []
  let near: ConnectedClient
  let far: ConnectedClient
  beforeAll(async () => {
    if (!isThere) return
    const server = await (start ?? anyRedis)()
    open.push(server)
    near = await connect(server)
    far = await connect(server)
    open.unshift(far, near)
  })
  afterAll(async () => {
    for (const one of open) await one[Symbol.asyncDispose]()
  })

  it.skipIf(!isThere).concurrent.each(AT_ONCE)('$title', async ({ run }) => {
    tests += 1
    const prefix = `evertoken-test-${process.pid}-${Date.now()}-${tests}:`
    const connected = ({ client }: ConnectedClient) => new RedisTokenStore(client, { prefix, plaintext: true })
    await run({ store: connected(near), other: connected(far), pass: async () => {} })
  })
})

describe.skipIf(!canStartRedis)('the store by a user who may not read it', () => {
  it('fails, and removes nothing', async () => {
    await using server = await startRedis()
    await askServer(server.port, `ACL SETUSER blind on >horse ${RIGHTS} ${OF_CLIENTS} -hgetall`)
    await using seeing = await connectNodeRedis(server)
    await using blind = await connectNodeRedis({ url: `redis://blind:horse@127.0.0.1:${server.port}` })
    const storeOf = ({ client }: ConnectedClient) =>
      new RedisTokenStore(client, { prefix: 'evertoken-test-', plaintext: true })
    const [store, other] = [storeOf(seeing), storeOf(blind)]
    expect(await store.set(KEY, token('one'), TTL)).toBe(true)
    await expect(other.get(KEY)).rejects.toThrow()
    await expect(other.getOrLease(KEY, { owner: 'a', ttlMs: 5000 })).rejects.toThrow()
    expect(await store.get(KEY)).toMatchObject({ value: 'one' })
  })
})
