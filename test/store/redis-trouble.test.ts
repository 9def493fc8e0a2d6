import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { GuardedStore, type StoreNotice } from '../../src/store/guarded-store.ts'
import { SharedToken } from '../../src/store/record.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import type { SharedLease } from '../../src/store/shared-lease.ts'
import { type ShareAnswer, TokenShare } from '../../src/store/token-share.ts'
import { askServer, canStartRedis, startRedis, until } from '../support/redis.ts'
import { connectIoRedis, connectNodeRedis } from '../support/redis-clients.ts'
import { startRedisProxy } from '../support/redis-proxy.ts'

const ID = 'https://auth.example.com/token orders-service orders.read'
const HOUR = 3_600_000

const token = (value = 'token') => new SharedToken({ value, tokenType: 'Bearer', scope: [], lifetimeMs: HOUR })

/** What is done to Redis, and undone. */
interface Trouble {
  readonly name: string
  readonly options?: readonly string[]
  begin(at: Place): unknown
  end(at: Place): unknown
  /** What calls fail with. */
  readonly reason: RegExp
  /** Whether Redis answers, and says what is the matter. */
  readonly answers?: boolean
}

interface Place {
  readonly redis: Awaited<ReturnType<typeof startRedis>>
  readonly proxy: Awaited<ReturnType<typeof startRedisProxy>>
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'killed',
    begin: ({ redis }) => redis.kill(),
    end: ({ redis }) => redis.restart(),
    reason: /^(?:timeout|ECONN\w+|\w*Error)$/,
  },
  {
    name: 'paused',
    begin: ({ redis }) => redis.pause(),
    end: ({ redis }) => redis.resume(),
    reason: /^timeout$/,
  },
  {
    // Much longer than a call may take, or a busy machine stops this process.
    name: 'slowed to 4 s',
    begin: ({ proxy }) => Object.assign(proxy, { delayMs: 4000 }),
    end: ({ proxy }) => Object.assign(proxy, { delayMs: 0 }),
    reason: /^timeout$/,
  },
  {
    name: 'full',
    begin: ({ redis }) => askServer(redis.port, 'CONFIG SET maxmemory 1'),
    end: ({ redis }) => askServer(redis.port, 'CONFIG SET maxmemory 0'),
    reason: /^(?:OOM|ERR)$/,
    answers: true,
  },
  {
    name: 'loading',
    begin: ({ proxy }) => Object.assign(proxy, { loading: true }),
    end: ({ proxy }) => Object.assign(proxy, { loading: false }),
    reason: /^LOADING$/,
    answers: true,
  },
]

const CLIENTS = [
  { client: 'redis', connect: connectNodeRedis },
  { client: 'ioredis', connect: connectIoRedis },
]

describe.skipIf(!canStartRedis).each(CLIENTS)('Redis in trouble, by $client', ({ connect }) => {
  it.concurrent.each(TROUBLES)(
    '$name: no call rejects or takes long, and it is used again by itself',
    async (trouble) => {
      await using redis = await startRedis()
      await using proxy = await startRedisProxy(redis)
      await using connected = await connect(proxy)
      const listeners = connected.errorListeners()
      const notices: StoreNotice[] = []
      // Where Redis answers, its answer is looked for, however busy this machine is.
      const timeoutMs = trouble.answers ? 10_000 : 50
      const store = new RedisTokenStore(connected.client, { encryptionKeys: randomBytes(32), timeoutMs })
      const join = () =>
        new TokenShare(new GuardedStore(store, systemClock, (notice) => notices.push(notice)), 'digest')
      // The first calls of a busy machine may take longer.
      await until(
        async () => (await join().put('present', token(), HOUR)) || (await join().find('present')) !== undefined,
      )
      notices.length = 0

      await trouble.begin({ redis, proxy })
      // Each with a breaker of its own, so that every call is tried.
      for (let i = 0; i < 5; i++) {
        const share = join()
        const begun = performance.now()
        expect(await share.ask(ID)).toBe('unavailable')
        expect(await share.put(ID, token(), HOUR)).toBe(false)
        // 50 ms each, and whatever a busy machine adds to that: without a limit some never end.
        expect(performance.now() - begun).toBeLessThan(20_000)
      }
      const failed = notices.flatMap((notice) => (notice.kind === 'failed' ? [notice.reason] : []))
      expect(failed).toHaveLength(10)
      for (const reason of failed) expect(reason).toMatch(trouble.reason)

      await trouble.end({ redis, proxy })
      await until(async () => {
        const answer = await join().ask(ID)
        return typeof answer === 'object' && ('lease' in answer || 'found' in answer)
      })
      expect(connected.errorListeners()).toBe(listeners)
    },
  )

  it('restarted empty: tokens are written again, with the scripts', async () => {
    await using redis = await startRedis()
    await using connected = await connect(redis)
    const store = new RedisTokenStore(connected.client, { encryptionKeys: randomBytes(32) })
    const share = new TokenShare(new GuardedStore(store, systemClock, () => {}), 'digest')
    const isThere = async () => (await share.put(ID, token(), HOUR)) || (await share.find(ID)) !== undefined
    await until(isThere)
    await redis.restart()
    await until(isThere)
    await until(async () => (await share.find(ID))?.token.reveal() === 'token')
  })

  it('restored from an older snapshot: its token counts as long as it is valid, and the next one takes its place', async () => {
    await using redis = await startRedis()
    await using connected = await connect(redis)
    const store = new RedisTokenStore(connected.client, { encryptionKeys: randomBytes(32), timeoutMs: 10_000 })
    // Each with a breaker of its own.
    const join = () => new TokenShare(new GuardedStore(store, systemClock, () => {}), 'digest')
    const leased = (answer: ShareAnswer): SharedLease =>
      typeof answer === 'object' && 'lease' in answer ? answer.lease : expect.unreachable(JSON.stringify(answer))
    const older = token('older')
    await leased(await join().ask(ID)).put(older, HOUR)
    expect(await askServer(redis.port, 'SAVE')).toContain('OK')
    const paused = leased(await join().ask(ID, older))
    await redis.restart()
    await until(async () => (await join().find(ID))?.token.reveal() === 'older')
    const lease = leased(await join().ask(ID, older))
    expect(await lease.put(token('newest'), HOUR)).toBe(true)
    expect(await paused.put(token('late'), HOUR)).toBe(false)
    expect((await join().find(ID))?.token.reveal()).toBe('newest')
  })

  it('is not blamed when this process was busy for longer than a call may take', async () => {
    await using redis = await startRedis()
    await using connected = await connect(redis)
    const store = new RedisTokenStore(connected.client, { encryptionKeys: randomBytes(32), timeoutMs: 100 })
    // Each with a breaker of its own.
    const join = () => new TokenShare(new GuardedStore(store, systemClock, () => {}), 'digest')
    await until(async () => {
      await join().put(ID, token(), HOUR)
      return (await join().find(ID)) !== undefined
    })
    const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))
    const found: (string | undefined)[] = []
    // Again where a busy machine let Redis not answer meanwhile.
    while (found.at(-1) === undefined && found.length < 10) {
      const finding = join().find(ID)
      await new Promise((resolve) => setImmediate(resolve))
      Atomics.wait(nobodyWakes, 0, 0, 500)
      found.push((await finding)?.token.reveal())
    }
    expect(found.at(-1)).toBe('token')
  })

  it('has no lease left behind by a call that it carries out too late', async () => {
    await using redis = await startRedis()
    await using connected = await connect(redis)
    const store = new RedisTokenStore(connected.client, { encryptionKeys: randomBytes(32) })
    const [cell] = store.encryption.cells('digest')
    const key = `evertoken:${cell?.name(ID)}`
    redis.pause()
    expect(await new TokenShare(new GuardedStore(store, systemClock, () => {}), 'digest').ask(ID)).toBe('unavailable')
    redis.resume()
    // A lease was given, and is nobody's: one that lapses has an owner still.
    const isGivenUp = /^\*2\r\n\$\d+\r\n\d+\r\n\$-1\r\n$/
    await until(async () => isGivenUp.test(await askServer(redis.port, `HMGET ${key} issued owner`)))
  })
})
