import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TokenEvents } from '../../src/events.ts'
import { EVENT_NAMES } from '../../src/events.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import type { StoredRecord, TokenStore } from '../../src/store/token-store.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { Fleet } from '../support/fleet.ts'
import { clientOf } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** What a process gets and says that has this store. */
async function processWith(store: TokenStore) {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const tokens = new TokenManager({ clock, ...clientOf(server), store })
  const heard: (keyof TokenEvents)[] = []
  for (const name of EVENT_NAMES) tokens.on(name, () => heard.push(name))
  const token = tokens.getAccessToken()
  token.catch(() => {})
  await clock.advance(SECOND)
  return { token: await token, heard, requests: server.requests.length }
}

const SAYS_SO = /^store(?:Failed|RecordUnreadable)$/

describe('a Redis that answers with something else', () => {
  const HUGE = 'x'.repeat(8_000_000)
  const FENCE = '9007199254740992'

  it.each<[string, unknown]>([
    ['nothing', null],
    ['an empty list', []],
    ['a list of nothing', [null, null]],
    ['a text', 'lease'],
    ['a number', 7],
    ['an object', { lease: 1 }],
    ['what it does not know', ['leased', '7']],
    ['a token without anything', ['token']],
    ['a token of nothing', ['token', null, null, null, null]],
    ['a token with a fence that is too large', ['token', '1.token.x', 'print', FENCE, '60000']],
    ['a token that is enormous', ['token', HUGE, 'print', '7', '60000']],
    ['a token for ever', ['token', '1.token.x.9.x', 'print', '7', '1e999']],
    ['an error of nothing', ['error', null, null, 'x', 'y']],
    ['a lease without a fence', ['lease']],
    ['a lease with a fence that is none', ['lease', 'seven']],
  ])('costs no token, and an event says so: %s', async (_, reply) => {
    const answer = async () => reply
    const store = new RedisTokenStore({ evalSha: answer, eval: answer }, { encryptionKeys: randomBytes(32) })
    const { token, heard, requests } = await processWith(store)
    expect({ token, requests }).toEqual({ token: 'token-1', requests: 1 })
    expect(heard).toContainEqual(expect.stringMatching(SAYS_SO))
  })

  it('costs no token: a lease with a fence as large as there may be', async () => {
    const answer = async () => ['lease', FENCE]
    const store = new RedisTokenStore({ evalSha: answer, eval: answer }, { encryptionKeys: randomBytes(32) })
    expect(await processWith(store)).toMatchObject({ token: 'token-1', requests: 1 })
  })
})

describe('a store that answers with something else', () => {
  const record: StoredRecord = { value: '1.token.x.9.x', fingerprint: 'print', fence: 7, leftMs: 60_000 }

  it.each<[string, unknown]>([
    ['a token of wrong types', { token: { value: 7, fingerprint: null, fence: 'x', leftMs: 'soon' } }],
    ['a token that is a list', { token: [] }],
    ['a token of nobody, again and again', { token: record }],
    ['an error of nobody, again and again', { error: record }],
    ['a lease that is a number', { lease: 7 }],
  ])('costs no token, and an event says so: %s', async (_, answer) => {
    const { encryption } = new Fleet().store
    const calls: string[] = []
    const lie = (name: string) => async () => {
      calls.push(name)
      return answer as never
    }
    const store = {
      ...{ encryption, get: lie('get'), getOrLease: lie('getOrLease'), renew: lie('renew') },
      ...{ set: lie('set'), delete: lie('delete') },
    }
    const { token, heard, requests } = await processWith(store)
    expect({ token, requests }).toEqual({ token: 'token-1', requests: 1 })
    expect(heard).toContainEqual(expect.stringMatching(SAYS_SO))
    expect(calls.length).toBeLessThan(12)
  })

  it('or throws at once, costs no token', async () => {
    const { encryption } = new Fleet().store
    const fail = () => {
      throw new Error('Not connected')
    }
    const { token, heard } = await processWith({ encryption, get: fail, getOrLease: fail, set: fail, delete: fail })
    expect(token).toBe('token-1')
    expect(heard).toContain('storeFailed')
  })
})

describe('a record in the clear, which anybody may have written,', () => {
  const about = { tokenType: 'Bearer', scope: [], lifetimeMs: 3_600_000 }

  it.each<[string, unknown, string?]>([
    ['nothing', undefined],
    ['null', null],
    ['without a type', { ...about, tokenType: undefined }],
    ['without scopes', { ...about, scope: undefined }],
    ['with a scope that is a number', { ...about, scope: [7] }],
    ['with a lifetime that is none', { ...about, lifetimeMs: 'long' }],
    ['with a hint that is none', { ...about, refreshInMs: 'soon' }],
    ['with a type that there is not', { ...about, tokenType: 'Bearer\r\nX: y' }],
    ['with details that are none', { ...about, authorizationDetails: 'all' }],
    ['with a token that is none', about, 'a\r\nX: y'],
    ['with no token', about, ''],
  ])('counts as absent, with an event: %s', async (_, content, value = 'other') => {
    const fleet = new Fleet()
    const plaintext = { plaintext: true }
    await fleet.tokensOf([fleet.join({}, plaintext)])
    const text = Buffer.from(`${JSON.stringify(content)}\n${value}`).toString('base64')
    fleet.store.tamper((record) => ({ ...record, value: record.value.replace(/[^.]+$/, text) }))
    const { tokens, heard } = fleet.join({}, plaintext)
    expect(await fleet.tokensOf([{ tokens } as never])).toEqual(['token-2'])
    expect(heard).toContain('storeRecordUnreadable')
  })
})

describe('an older record of the same place that was written back', () => {
  /** Token 2 has taken the place of token 1, whose record is written back. */
  async function replayed() {
    const fleet = new Fleet()
    const [first, second] = [fleet.join(), fleet.join()]
    await fleet.tokensOf([first, second])
    let older: StoredRecord | undefined
    fleet.store.tamper((record) => {
      older = record
      return record
    })
    await fleet.clock.advance(45 * MINUTE)
    await fleet.tokensOf([first], 2 * MINUTE)
    expect(await fleet.tokensOf([first])).toEqual(['token-2'])
    fleet.store.tamper(() => older)
    return { fleet, first, second }
  }

  it('takes the newer token from nobody, and the next refresh puts it right', async () => {
    const { fleet, first } = await replayed()
    expect(await fleet.tokensOf([first])).toEqual(['token-2'])
    await fleet.clock.advance(45 * MINUTE)
    await fleet.tokensOf([first], 2 * MINUTE)
    expect(await fleet.tokensOf([first, fleet.join()])).toEqual(['token-3', 'token-3'])
  })

  it('is used by who has no token, only as long as it is valid', async () => {
    const { fleet } = await replayed()
    const late = fleet.join()
    expect(await fleet.tokensOf([late])).toEqual(['token-1'])
    // Its record says when the token is over, whatever the store says.
    await fleet.clock.advance(15 * MINUTE)
    expect(await fleet.tokensOf([late, fleet.join()])).toEqual(['token-3', 'token-3'])
  })

  it('is no better than the token of who refreshes', async () => {
    const { fleet, second } = await replayed()
    expect(second.tokens.source().peek()?.reveal()).toBe('token-1')
    await fleet.tokensOf([second], 2 * MINUTE)
    expect(await fleet.tokensOf([second])).toEqual(['token-3'])
  })
})
