import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { GuardedStore } from '../../src/store/guarded-store.ts'
import { SharedToken } from '../../src/store/record.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import { TokenShare } from '../../src/store/token-share.ts'
import { canStartRedis, startSentinel, until } from '../support/redis.ts'
import { connectIoRedisSentinel, connectNodeRedisSentinel } from '../support/redis-clients.ts'

const ID = 'https://auth.example.com/token orders-service orders.read'
const HOUR = 3_600_000

const CLIENTS = [
  { client: 'redis', connect: connectNodeRedisSentinel },
  { client: 'ioredis', connect: connectIoRedisSentinel },
]

describe.skipIf(!canStartRedis)('a sentinel that puts a replica in the place of a server that died', () => {
  it.concurrent.each(CLIENTS)('is followed by $client: its tokens and leases are there', async ({ connect }) => {
    await using sentinel = await startSentinel()
    await until(() => sentinel.isReplicated())
    await using connected = await connect(sentinel)
    const encryptionKeys = randomBytes(32)
    // Each with a breaker of its own.
    const join = () => {
      const store = new RedisTokenStore(connected.client, { encryptionKeys, timeoutMs: 1000 })
      return new TokenShare(new GuardedStore(store, systemClock, () => {}), 'digest')
    }
    const token = (value: string) => new SharedToken({ value, tokenType: 'Bearer', scope: [], lifetimeMs: HOUR })
    const before = await join().ask(ID, undefined, { patienceMs: 10_000 })
    if (typeof before !== 'object' || !('lease' in before)) return expect.unreachable()
    await until(() => before.lease.put(token('before'), HOUR))
    const paused = await join().ask(`${ID} 2`, undefined, { patienceMs: 10_000 })
    if (typeof paused !== 'object' || !('lease' in paused)) return expect.unreachable()
    await until(() => sentinel.isReplicated())

    await sentinel.fail()
    await until(async () => (await join().find(ID))?.token.reveal() === 'before')
    await until(() => paused.lease.put(token('after'), HOUR))
    await until(async () => (await join().find(`${ID} 2`))?.token.reveal() === 'after')
  })
})
