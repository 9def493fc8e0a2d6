import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import { Client } from '../src/clients.ts'
import { TokenEventEmitter } from '../src/events.ts'
import { tokenExchange } from '../src/index.ts'
import { TokenSources, type WantedToken } from '../src/token-sources.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

/** A client that counts how often its options are read to make something of a request. */
function counting(options: Partial<ClientOptions> = {}, name = 'orders', isClosed = () => false) {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const client = new Client(name, clientOf(server, options), '', {
    ...{ clock, events: new TokenEventEmitter(), max: 10, optionsOf: undefined, store: undefined, isClosed },
    ...{ onWarmToken: () => {}, isAttached: () => false },
  })
  let reads = 0
  const settings = {
    ...client.settings,
    get grant() {
      reads += 1
      return client.settings.grant
    },
  }
  return { client: { ...client, settings } as unknown as Client, reads: () => reads, server }
}

const DETAILS = [{ type: 'payment' }]

describe('the source of a token', () => {
  it.each<[string, Partial<ClientOptions>, WantedToken[]]>([
    ['no scope', {}, [{}, { scope: undefined }, { scope: [] }, { scope: '' }, { scope: '  ' }]],
    ['one scope', {}, [{ scope: 'read' }, { scope: ['read'] }, { scope: ' read ' }, { scope: ['read', 'read'] }]],
    ['two scopes', {}, [{ scope: 'a b' }, { scope: 'b a' }, { scope: ['b', 'a'] }, { scope: ' b  a ' }]],
    ['the scopes of the client', { scope: 'a b' }, [{}, { scope: 'a b' }, { scope: ['b', 'a'] }]],
  ])(
    'is one for %s, whichever way it is asked for, and is found without reading the request again',
    (_, options, ways) => {
      const sources = new TokenSources(10, 10)
      const { client, reads } = counting(options)
      const [first = {}, ...others] = ways
      const source = sources.of(client, first)
      expect(reads()).toBe(1)
      for (const wanted of others) expect(sources.of(client, wanted)).toBe(source)
      expect(reads()).toBe(1)
      expect(sources.values()).toEqual([source])
    },
  )

  it('is another for everything else that is asked for, and each is one', () => {
    const sources = new TokenSources(10, 10)
    const { client } = counting({ scope: 'a' })
    const wanted: WantedToken[] = [
      {},
      { scope: [] },
      { scope: 'b' },
      { resource: 'https://api.example.com' },
      { audience: 'https://api.example.com' },
      { parameters: { tenant: '7' } },
      { authorizationDetails: DETAILS },
    ]
    const made = wanted.map((one) => sources.of(client, one))
    expect(new Set(made).size).toBe(wanted.length)
    for (const [at, one] of wanted.entries()) expect(sources.of(client, one)).toBe(made[at])
    expect(sources.values()).toEqual(made)
  })

  it('asks for what is wanted', () => {
    const sources = new TokenSources(10, 10)
    const { client } = counting({ scope: 'a', audience: 'https://api.example.com' })
    expect(sources.of(client, {}).parameters()).toMatchObject({ scope: ['a'], audience: ['https://api.example.com'] })
    const narrow = { scope: 'b', resource: 'https://v2.example.com' }
    expect(sources.of(client, narrow).parameters()).toMatchObject({
      ...{ scope: ['b'], resource: ['https://v2.example.com'], audience: ['https://api.example.com'] },
    })
    expect(sources.of(client, narrow).parameters()).not.toHaveProperty('subject')
  })

  it.each([[[7]], [7], [{}], ['a\nb'], [['a', null]]])('is refused for scopes that are none: %j', (scope) => {
    const { client } = counting()
    expect(() => new TokenSources(10, 10).of(client, { scope } as unknown as WantedToken)).toThrow(/option `scope/)
  })

  it('on behalf of a user is refused to a client whose grant has no user', () => {
    const { client } = counting()
    const of = () => new TokenSources(10, 10).of(client, { subjectToken: 'alice' })
    expect(of).toThrow(TypeError)
    expect(of).toThrow(/`subjectToken` is not used by the grant of client "orders"/)
    expect(() => new TokenSources(10, 10).of(client, { subjectToken: '' })).toThrow(/option `subjectToken`/)
  })

  it('for nobody makes no request, and its callers learn why', async () => {
    let isClosed = false
    const { client, server } = counting({ grant: tokenExchange() }, 'orders', () => isClosed)
    const source = new TokenSources(10, 10).of(client, {})
    await expect(source.getToken()).rejects.toMatchObject({ code: 'subject_token_missing', client: 'orders' })
    // Nothing has failed that users of the same client would hear of.
    expect(source.inspect().failure).toBeUndefined()
    isClosed = true
    await expect(source.getToken()).rejects.toMatchObject({ code: 'closed' })
    expect(server.requests).toHaveLength(0)
  })

  it('for a user is that user’s, and is had', async () => {
    const sources = new TokenSources(10, 10)
    const { client, server } = counting({ grant: tokenExchange() })
    const alice = sources.of(client, { subjectToken: 'alice' })
    expect(sources.of(client, { subjectToken: 'alice' })).toBe(alice)
    expect(sources.of(client, { subjectToken: 'bob' })).not.toBe(alice)
    expect(sources.of(client, {})).not.toBe(alice)
    expect(alice.parameters().subject?.reveal()).toBe('alice')
    await alice.getToken()
    expect(server.requests.map(({ form }) => form.get('subject_token'))).toEqual(['alice'])
  })
})

describe('the sources of a manager', () => {
  it('for users have room of their own, and take none from the others', () => {
    const sources = new TokenSources(2, 1)
    const { client } = counting({ grant: tokenExchange() })
    const own = [sources.of(client, {}), sources.of(client, { scope: 'a' })]
    for (const subjectToken of ['alice', 'bob', 'carol']) sources.of(client, { subjectToken })
    const carol = sources.of(client, { subjectToken: 'carol' })
    expect(sources.values()).toEqual([...own, carol])
  })

  it('stay when they are pinned or held, and those of the service itself are told of as lasting', () => {
    const sources = new TokenSources(1, 1)
    const { client } = counting({ grant: tokenExchange() })
    sources.pin(client)
    const [pinned] = [...sources.pinned()]
    sources.pin(client)
    expect([...sources.pinned()]).toEqual([pinned])
    const held = sources.of(client, { scope: 'a' })
    const alice = sources.of(client, { subjectToken: 'alice' })
    sources.hold(held)
    sources.hold(alice)
    for (const scope of ['b', 'c']) sources.of(client, { scope })
    for (const subjectToken of ['bob', 'carol']) sources.of(client, { subjectToken })
    expect(sources.of(client, {})).toBe(pinned)
    expect(sources.of(client, { scope: 'a' })).toBe(held)
    expect(sources.of(client, { subjectToken: 'alice' })).toBe(alice)
    expect([...sources.lasting()]).toEqual([pinned, held])
  })

  it('of one client are forgotten at once, and no others', () => {
    const sources = new TokenSources(10, 10)
    const exchanging = counting({ grant: tokenExchange() }, 'exchange').client
    const { client } = counting()
    const kept = sources.of(client, {})
    const gone = [sources.of(exchanging, {}), sources.of(exchanging, { subjectToken: 'alice' })]
    expect(sources.deleteOf('exchange')).toEqual(gone)
    expect(sources.values()).toEqual([kept])
    expect(sources.deleteOf('exchange')).toEqual([])
  })
})
