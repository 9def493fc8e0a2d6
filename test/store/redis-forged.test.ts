import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { GuardedStore, type StoreNotice } from '../../src/store/guarded-store.ts'
import { SharedToken } from '../../src/store/record.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import { TokenShare } from '../../src/store/token-share.ts'
import { anyRedis, hasRedis, type TestRedis } from '../support/redis.ts'
import { type ConnectedClient, connectNodeRedis } from '../support/redis-clients.ts'

const ID = 'https://auth.example.com/token orders-service orders.read'
const HOUR = 3_600_000

const token = () => new SharedToken({ value: 'token', tokenType: 'Bearer', scope: [], lifetimeMs: HOUR })

// An hour from now, by the clock of Redis in microseconds.
const LATER = `string.format('%.0f', (redis.call('TIME')[1] + 3600) * 1000000)`

/** A record that anybody may write who can write to Redis, as an expression in Lua for each field. */
const forged = (kind: string, { print = `'print'`, fence = `'1'`, until = LATER } = {}) =>
  `'${kind}', 'x', '${kind}_print', ${print}, '${kind}_fence', ${fence}, '${kind}_until', ${until}`

const NO_NUMBERS = [
  'nan',
  '-nan',
  'inf',
  '-inf',
  '1e300',
  '-1e300',
  '9007199254740993',
  '1.4',
  '0.5',
  '-0.5',
  'seven',
  '',
]

describe.skipIf(!hasRedis)('what somebody else has written in Redis in the place of a token', () => {
  let server: TestRedis
  let connected: ConnectedClient
  beforeAll(async () => {
    if (!hasRedis) return
    server = await anyRedis()
    connected = await connectNodeRedis(server)
  })
  afterAll(async () => {
    for (const open of [connected, server]) await open?.[Symbol.asyncDispose]()
  })

  it.concurrent.each<[what: string, fields: string]>([
    ['a token without a fingerprint', `'token', 'x', 'token_until', ${LATER}`],
    ['an error without a fingerprint', `'error', 'x', 'error_until', ${LATER}`],
    ['a token with a fingerprint that is no text', forged('token', { print: `'\\255\\254'` })],
    ['an error with a fingerprint that is no text', forged('error', { print: `'\\255\\254'` })],
    ...NO_NUMBERS.flatMap((text): [string, string][] => [
      [`a token with the fence "${text}"`, forged('token', { fence: `'${text}'` })],
      [`an error with the fence "${text}"`, forged('error', { fence: `'${text}'` })],
      [`a token that ends at "${text}"`, forged('token', { until: `'${text}'` })],
      [`an error that ends at "${text}"`, forged('error', { until: `'${text}'` })],
      [`a lease that ends at "${text}"`, `'owner', 'x', 'lease', '1', 'lease_until', '${text}'`],
      [`the last fences "${text}"`, `'issued', '${text}', 'written', '${text}'`],
      [`a deletion at "${text}"`, `'deleted', '${text}'`],
    ]),
  ])('counts as absent, and gives way to a token, which can be removed: %s', async (_, fields) => {
    const [encryptionKeys, prefix] = [
      randomBytes(32),
      `evertoken-test-${process.pid}-${randomBytes(6).toString('hex')}:`,
    ]
    const store = new RedisTokenStore(connected.client, { encryptionKeys, prefix, timeoutMs: 10_000 })
    const notices: StoreNotice[] = []
    const join = () => new TokenShare(new GuardedStore(store, systemClock, (one) => notices.push(one)), 'digest')
    const key = `${prefix}${store.encryption.cells('digest')[0]?.name(ID)}`
    await connected.change(`redis.call('HSET', KEYS[1], ${fields})`, key)

    expect(await join().find(ID)).toBeUndefined()
    const answer = await join().ask(ID)
    if (typeof answer !== 'object' || !('lease' in answer)) return expect.unreachable(JSON.stringify(answer))
    const written = token()
    expect(await answer.lease.put(written, HOUR)).toBe(true)
    expect((await join().find(ID))?.token.reveal()).toBe('token')
    expect(await join().remove(ID, written)).toBe('removed')
    expect(notices.filter(({ kind }) => kind !== 'unreadable')).toEqual([])
  })
})
