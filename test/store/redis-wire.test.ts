import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { GuardedStore } from '../../src/store/guarded-store.ts'
import { SharedToken } from '../../src/store/record.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import { TokenShare } from '../../src/store/token-share.ts'
import { anyRedis, hasRedis } from '../support/redis.ts'
import { connectIoRedis, connectNodeRedis } from '../support/redis-clients.ts'
import { startRedisProxy } from '../support/redis-proxy.ts'

const SECRETS = [
  'marker-of-the-token',
  'marker-of-the-client',
  'marker-of-the-scope',
  'marker-of-the-secret',
  'marker-of-the-error',
]
const [VALUE, CLIENT, SCOPE, SECRET, ERROR] = SECRETS as [string, string, string, string, string]
const ID = `https://auth.example.com/token ${CLIENT} ${SCOPE}`
const HOUR = 3_600_000

const token = () => new SharedToken({ value: VALUE, tokenType: 'Bearer', scope: [SCOPE], lifetimeMs: HOUR })

const CLIENTS = [
  { client: 'redis', connect: connectNodeRedis },
  { client: 'ioredis', connect: connectIoRedis },
]

describe.skipIf(!hasRedis).each(CLIENTS)('what goes to Redis by $client', ({ connect }) => {
  async function recorded(protection: { plaintext: true } | { encryptionKeys: Uint8Array }) {
    const server = await anyRedis()
    const proxy = await startRedisProxy(server)
    const connected = await connect(proxy)
    const prefix = `evertoken-test-${process.pid}-${Date.now()}:`
    const store = new RedisTokenStore(connected.client, { ...protection, prefix, timeoutMs: 20_000 })
    const share = new TokenShare(new GuardedStore(store, systemClock, () => {}), SECRET)
    const sent = () => proxy.commands.filter(([name]) => /^eval/i.test(name ?? ''))
    return {
      share,
      proxy,
      sent,
      prefix,
      async [Symbol.asyncDispose]() {
        for (const open of [connected, proxy, server]) await open[Symbol.asyncDispose]()
      },
    }
  }

  /** All that a life has: token and error, lease, renewal, refusal, removal. */
  async function live(share: TokenShare): Promise<void> {
    const first = await share.ask(ID)
    if (typeof first !== 'object' || !('lease' in first)) return expect.unreachable()
    await first.lease.release(5000)
    const written = token()
    expect(await first.lease.put(written, HOUR)).toBe(true)
    expect((await share.find(ID))?.token.reveal()).toBe(VALUE)
    const second = await share.ask(ID, written)
    if (typeof second !== 'object' || !('lease' in second)) return expect.unreachable()
    expect(await second.lease.putError({ code: ERROR }, 60_000)).toBe(true)
    expect(await share.ask(ID, written)).toMatchObject({ failed: { error: { code: ERROR } } })
    expect(await share.remove(ID, written)).toBe('removed')
  }

  it('holds no secret, token, client id or scope in the clear, in either direction', async () => {
    await using record = await recorded({ encryptionKeys: randomBytes(32) })
    await live(record.share)
    expect(record.sent().length).toBeGreaterThan(7)
    for (const marker of SECRETS) {
      for (const spelling of ['utf8', 'hex', 'base64', 'base64url'] as const) {
        const text = Buffer.from(marker).toString(spelling).slice(0, 16)
        expect(record.proxy.seen).not.toContain(text)
      }
    }
  })

  it('is seen by the recorder that this is tested with', async () => {
    await using record = await recorded({ plaintext: true })
    await live(record.share)
    const decoded = [...record.proxy.seen.matchAll(/token\.plaintext\.\d+\.([\w+/=]+)/g)].map(([, text = '']) =>
      Buffer.from(text, 'base64').toString(),
    )
    expect(decoded.join()).toContain(VALUE)
    expect(decoded.join()).toContain(SCOPE)
  })

  it('is the source of a script only where Redis does not have it, and not for another failure', async () => {
    await using record = await recorded({ encryptionKeys: randomBytes(32) })
    await record.share.find(ID)
    const before = record.sent().length
    record.proxy.loading = true
    expect(await record.share.find(ID)).toBeUndefined()
    expect(await record.share.ask(ID)).toBe('unavailable')
    const names = record
      .sent()
      .slice(before)
      .map(([name]) => name?.toUpperCase())
    expect(names).toEqual(['EVALSHA', 'EVALSHA'])
  })

  it('is one command for each step, on one key with the prefix, and a script only once', async () => {
    await using record = await recorded({ encryptionKeys: randomBytes(32) })
    const { share, sent, prefix } = record
    await live(share)
    const before = sent().length
    const steps: (() => Promise<unknown>)[] = [
      () => share.ask(`${ID} 2`),
      () => share.find(`${ID} 2`),
      () => share.put(`${ID} 2`, token(), HOUR),
      () => share.remove(`${ID} 2`, token()),
    ]
    for (const [i, step] of steps.entries()) {
      await step()
      expect(sent().length - before).toBe(i + 1)
    }
    for (const [name, , keys, key] of sent().slice(before)) {
      expect([name?.toUpperCase(), keys]).toEqual(['EVALSHA', '1'])
      expect(key?.startsWith(prefix)).toBe(true)
    }
  })
})
