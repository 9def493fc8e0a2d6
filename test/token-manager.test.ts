import { describe, expect, it } from 'vitest'
import { TokenError, TokenManager } from '../src/index.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf, managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const text = async (token: Promise<{ reveal(): string }>) => (await token).reveal()

describe('one request per token', () => {
  it('makes one token request for 1,000 concurrent cold callers', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { afterMs: 200 }
    const callers = Promise.all(Array.from({ length: 1000 }, () => text(tokens.getToken())))
    await clock.advance(200)
    expect(new Set(await callers)).toEqual(new Set(['token-1']))
    expect(server.requests).toHaveLength(1)
  })

  it('makes one token request for 1,000 concurrent callers at expiry', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    await clock.advance(3600_000)
    const callers = Promise.all(Array.from({ length: 1000 }, () => text(tokens.getToken())))
    expect(new Set(await callers)).toEqual(new Set(['token-2']))
    expect(server.requests).toHaveLength(2)
  })

  it('makes the bounded attempts once when the request fails, and gives all 1,000 callers the same error', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { status: 503 }
    const callers = Promise.allSettled(Array.from({ length: 1000 }, () => tokens.getToken()))
    await clock.advance(15_000)
    const errors = new Set((await callers).map((caller) => caller.status === 'rejected' && caller.reason))
    expect(errors.size).toBe(1)
    expect([...errors][0]).toBeInstanceOf(TokenError)
    expect([...errors][0]).toMatchObject({ code: 'server_unavailable', status: 503 })
    expect(server.requests).toHaveLength(3)
  })

  it('makes one token request for 1,000 late reports that a revoked token was rejected', async () => {
    const { tokens, server, clock } = managed()
    const revoked = await tokens.getToken()
    await clock.advance(60_000)
    for (let report = 0; report < 1000; report++) {
      tokens.invalidate(undefined, revoked)
      const replacement = await tokens.getToken()
      expect(replacement.reveal()).toBe('token-2')
      await clock.advance(100)
    }
    expect(server.requests).toHaveLength(2)
  })
})

describe('the identity of a token', () => {
  it('keeps tokens of two scopes asked for at once apart', async () => {
    const { tokens, server } = managed()
    const [read, write] = await Promise.all([
      text(tokens.getToken({ scope: 'read' })),
      text(tokens.getToken({ scope: 'write' })),
    ])
    expect(read).not.toBe(write)
    const byScope = Object.fromEntries(server.requests.map(({ form }, n) => [form.get('scope'), `token-${n + 1}`]))
    expect({ read, write }).toEqual(byScope)
  })

  it('gives one token for the same scopes in any order and spelling', async () => {
    const { tokens, server } = managed()
    const all = await Promise.all(
      [{ scope: 'a b' }, { scope: ['b', 'a'] }, { scope: 'b  a b' }].map((request) => text(tokens.getToken(request))),
    )
    expect(new Set(all).size).toBe(1)
    expect(server.requests).toHaveLength(1)
  })

  it.each([
    { scope: 'other' },
    { resource: 'https://api.example.com' },
    { audience: 'https://api.example.com' },
    { parameters: { tenant: 'b' } },
  ])('keeps the token for %j apart from the configured one', async (request) => {
    const { tokens, server } = managed({ scope: 'read', parameters: { tenant: 'a' } })
    const configured = await text(tokens.getToken())
    expect(await text(tokens.getToken(request))).not.toBe(configured)
    expect(await text(tokens.getToken(request))).toBe('token-2')
    expect(await text(tokens.getToken())).toBe(configured)
    expect(server.requests).toHaveLength(2)
  })

  it('keeps the tokens of two clients apart even if they are configured alike', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server), b: clientOf(server) } })
    const both = await Promise.all([text(tokens.getToken({ client: 'a' })), text(tokens.getToken({ client: 'b' }))])
    expect(new Set(both).size).toBe(2)
    expect(server.requests).toHaveLength(2)
  })
})

describe('clients', () => {
  it('asks a function for the options of a client at its first use, and keeps them', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const asked: string[] = []
    const tokens = new TokenManager({
      clock,
      clients: (name: string) => {
        asked.push(name)
        return clientOf(server, { clientId: `id-of-${name}`, clientAuthentication: 'client_secret_post' })
      },
    })
    await tokens.getToken({ client: 'acme' })
    await tokens.getToken({ client: 'acme', scope: 'more' })
    expect(asked).toEqual(['acme'])
    expect(server.requests.map(({ form }) => form.get('client_id'))).toEqual(['id-of-acme', 'id-of-acme'])
  })

  it('forgets a removed client: its handles fail, and the next use of the name asks anew', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    let asked = 0
    const clients = (_name: string) => {
      asked += 1
      return clientOf(server)
    }
    const tokens = new TokenManager({ clock, clients })
    const handle = tokens.source({ client: 'acme' })
    await handle.getToken()
    tokens.removeClient('acme')
    expect(handle.peek()).toBeUndefined()
    await expect(handle.getToken()).rejects.toMatchObject({ code: 'unknown_client', client: 'acme' })
    expect(await text(tokens.getToken({ client: 'acme' }))).toBe('token-2')
    expect(asked).toBe(2)
  })

  it('forgets a removed client even if it was pushed out of the cache since its handle was made', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager({ clock, maxTokens: 1, clients: (_name: string) => clientOf(server) })
    const handle = tokens.source({ client: 'acme' })
    await handle.getToken()
    await tokens.getToken({ client: 'other' })
    tokens.removeClient('acme')
    await expect(handle.getToken()).rejects.toMatchObject({ code: 'unknown_client', client: 'acme' })
  })

  it('serves callers that wait while their client is removed', async () => {
    const { server, clock } = managed()
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server) } })
    server.byDefault = { afterMs: 100 }
    const waiting = text(tokens.getToken({ client: 'a' }))
    await clock.settle()
    tokens.removeClient('a')
    await clock.advance(100)
    expect(await waiting).toBe('token-1')
  })

  it('names the clients there are when one is unknown', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager({ clock, clients: { orders: clientOf(server), billing: clientOf(server) } })
    // @ts-expect-error the compiler knows the names
    const mistake = tokens.getToken({ client: 'order' })
    await expect(mistake).rejects.toThrow('There is no client "order". This manager has "orders", "billing".')
    await expect(mistake).rejects.toMatchObject({ code: 'unknown_client', client: 'order' })
  })

  it('demands a client name where there are several', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager({ clock, clients: { orders: clientOf(server), billing: clientOf(server) } })
    // @ts-expect-error the compiler demands it too
    await expect(tokens.getToken()).rejects.toThrow(/option `client` must be given/)
  })
})

describe('options of the manager', () => {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  it.each([
    [undefined, /`options` must be an object/],
    [{ ...clientOf(server), maxTokens: '10' }, /`maxTokens` must be a whole number from 1 to 1000000/],
    [{ ...clientOf(server), clock: { now: Date.now } }, /`clock` must be an object with the method `monotonicNow`/],
    [{ ...clientOf(server), logger: { info() {} } }, /`logger` must be an object with the method `debug`/],
    [{ ...clientOf(server), clientID: 'x' }, /`clientID` is not an option. Did you mean `clientId`\?/],
    [{ clients: {} }, /`clients` must name at least one client/],
    [{ ...clientOf(server), maxTokens: 1e9 }, /`maxTokens` must be a whole number from 1 to 1000000/],
    [{ ...clientOf(server), clientSecret: Promise.resolve('x') }, /`clientSecret` is object, not a string. Await it/],
    // biome-ignore lint/style/useTemplate: this is how it happens.
    [{ ...clientOf(server), clientSecret: '' + undefined }, /`clientSecret` is the text "undefined"/],
    [{ clients: [] }, /`clients` must be an object/],
    [{ clients: new Map() }, /`clients` must be an object. Use `Object.fromEntries/],
    [{ clients: { a: clientOf(server) }, scope: 'read' }, /`scope` is not an option beside `clients`/],
    [{ clients: { a: { ...clientOf(server), scope: 'a"b' } } }, /`clients.a.scope` has an illegal character/],
  ])('are checked at construction (%#)', (options, message) => {
    const make = () => new TokenManager(options as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  it('are its own: what is on a prototype is not an option, nor of a request', async () => {
    const options = Object.create({ scope: 'admin', clients: { a: clientOf(server) } })
    const tokens = new TokenManager(Object.assign(options, { clock, ...clientOf(server) }))
    await tokens.getToken(Object.create({ scope: 'admin' }))
    expect(server.requests.at(-1)?.form.has('scope')).toBe(false)
  })

  it('cannot be mistaken in events either', () => {
    const { tokens } = managed()
    expect(() => tokens.on('tokenRefreshed' as never, () => {})).toThrow(/There are tokenRequested, tokenReceived/)
    expect(() => tokens.on('tokenReceived', undefined as never)).toThrow(/`listener` must be a function/)
  })
})

describe('a request', () => {
  it.each([
    [{ scopes: 'read' }, /`scopes` is not an option/],
    [{ scope: 'a"b' }, /`scope` has an illegal character/],
    [{ scope: 'a\tb' }, /`scope` has an illegal character/],
    [{ resource: 'not a uri' }, /`resource` must be an absolute URI/],
    [{ parameters: { grant_type: 'password' } }, /`parameters.grant_type` is set by evertoken/],
    [{ signal: new AbortController() }, /`signal` must be an AbortSignal. Of an AbortController/],
    [{ timeoutMs: Number.NaN }, /`timeoutMs` must be a number of milliseconds/],
    [{ minValidityMs: '5000' }, /`minValidityMs` must be a number of milliseconds/],
    [{ forceRefresh: 'false' }, /`forceRefresh` must be true or false/],
  ])('with the wrong option %j is refused by name, before anything is sent', async (request, message) => {
    const { tokens, server } = managed()
    const attempt = tokens.getToken(request as object)
    await expect(attempt).rejects.toThrow(TypeError)
    await expect(attempt).rejects.toThrow(message)
    expect(server.requests).toHaveLength(0)
  })

  it.each([
    ['resolves', async () => ({}) as object],
    ['rejects', () => Promise.reject(new Error('no such tenant'))],
  ])('for a client whose options are a promise is refused, also where that %s', async (_kind, options) => {
    const tokens = new TokenManager({ clock: new VirtualClock(), clients: options as never })
    const attempt = tokens.getToken({ client: 'acme' } as never)
    await expect(attempt).rejects.toThrow(/`clients\("acme"\)` must return options, not a promise of them/)
  })

  it('for a handle takes nothing that belongs to one call', () => {
    const { tokens } = managed()
    // @ts-expect-error the compiler knows it too
    expect(() => tokens.source({ minValidityMs: 60_000 })).toThrow(/`minValidityMs` is not an option/)
    // @ts-expect-error the compiler knows it too
    expect(() => tokens.invalidate({ forceRefresh: true })).toThrow(/`forceRefresh` is not an option/)
  })

  it('to invalidate something that is no token is refused', () => {
    const { tokens } = managed()
    expect(() => tokens.invalidate({}, null as never)).toThrow(/`rejected` must be a token or its text/)
  })
})

describe('handles', () => {
  it('are one object per token, however the token is asked for', () => {
    const { tokens } = managed({ scope: 'read' })
    expect(tokens.source({ scope: ['read'] })).toBe(tokens.source())
    expect(tokens.source({ scope: 'a b' })).toBe(tokens.source({ scope: 'b a' }))
  })

  it('peek at a usable token without asking for one', async () => {
    const { tokens, server, clock } = managed()
    const source = tokens.source()
    expect(source.peek()).toBeUndefined()
    await source.getToken()
    expect(source.peek()?.reveal()).toBe('token-1')
    await clock.advance(3591_000)
    expect(source.peek()).toBeUndefined()
    expect(server.requests).toHaveLength(1)
  })

  it('give a bare function that returns the text of the token and ignores its arguments', async () => {
    const { tokens } = managed()
    const { getAccessToken } = tokens.source()
    const bare = getAccessToken as (...anything: unknown[]) => Promise<string>
    expect(await bare({ forceRefresh: true }, 1)).toBe('token-1')
    expect(await tokens.getAccessToken()).toBe('token-1')
  })

  it('stay the one source of their key when a flood of other keys pushes them out of the cache', async () => {
    const { tokens, server } = managed({ maxTokens: 5 })
    const held = tokens.source({ scope: 'held' })
    await held.getToken()
    for (let n = 0; n < 50; n++) await tokens.getToken({ scope: `other-${n}` })
    expect(await text(tokens.getToken({ scope: 'held' }))).toBe(await text(held.getToken()))
    expect(server.requests).toHaveLength(51)
  })
})

describe('the cache', () => {
  it('never loses the tokens of configured clients to a flood of scopes, and bounds the rest', async () => {
    const { tokens, server } = managed({ maxTokens: 10 })
    await tokens.getToken()
    for (let n = 0; n < 100; n++) await tokens.getToken({ scope: `scope-${n}` })
    await tokens.getToken()
    expect(server.requests).toHaveLength(101)
    expect(tokens.inspect()).toHaveLength(11)
  })

  it('never starts a second request for a key that was pushed out while its first one runs', async () => {
    const { tokens, server, clock } = managed({ maxTokens: 2 })
    await tokens.getToken()
    server.script.push({ afterMs: 1000 })
    const first = text(tokens.getToken({ scope: 'slow' }))
    await clock.settle()
    for (let n = 0; n < 10; n++) await tokens.getToken({ scope: `scope-${n}` })
    const second = text(tokens.getToken({ scope: 'slow' }))
    await clock.advance(1000)
    expect(await first).toBe(await second)
    expect(server.requests.filter(({ form }) => form.get('scope') === 'slow')).toHaveLength(1)
  })
})

describe('ready', () => {
  it('resolves when every configured client has its token, and stays so when the server goes away', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server), b: clientOf(server) } })
    await tokens.ready()
    expect(server.requests).toHaveLength(2)
    server.byDefault = { refuse: true }
    await clock.advance(7200_000)
    await tokens.ready()
    expect(server.requests).toHaveLength(2)
  })

  it('says which client has no token and why, and asks again only for that one', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const bad = new AuthorizationServer(clock)
    bad.byDefault = { status: 401, body: { error: 'invalid_client' } }
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server), b: clientOf(bad) } })
    await expect(tokens.ready()).rejects.toMatchObject({ client: 'b', error: 'invalid_client' })
    bad.byDefault = {}
    await clock.advance(2000)
    await tokens.ready()
    expect(server.requests).toHaveLength(1)
  })
})

describe('close', () => {
  it('starts no request, serves what is cached, and refuses the rest', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    await tokens.close()
    expect(await text(tokens.getToken())).toBe('token-1')
    await expect(tokens.getToken({ scope: 'other' })).rejects.toMatchObject({ code: 'closed' })
    await clock.advance(3000_000)
    expect(await text(tokens.getToken())).toBe('token-1')
    await clock.advance(600_000)
    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'closed' })
    expect(server.requests).toHaveLength(1)
  })

  it('serves callers that wait, and resolves after them', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { afterMs: 500 }
    const order: string[] = []
    const waiting = text(tokens.getToken()).then((token) => order.push(token))
    await clock.settle()
    const closing = tokens.close().then(() => order.push('closed'))
    await clock.advance(500)
    await Promise.all([waiting, closing])
    expect(order).toEqual(['token-1', 'closed'])
  })

  it('abandons a refresh that nobody waits for', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    await clock.advance(3000_000)
    server.byDefault = { hang: true }
    await tokens.getToken()
    await clock.settle()
    expect(server.requests).toHaveLength(2)
    await tokens.close()
    expect(clock.pendingSleeps).toBe(0)
  })

  it('revokes the tokens when asked, and no longer serves them', async () => {
    const { tokens, server } = managed({ revocationEndpoint: 'https://auth.example.com/oauth2/revoke' })
    await tokens.getToken()
    server.script.push({ body: '' })
    await tokens.close({ revoke: true })
    const { url, form, headers } = server.requests[1] ?? expect.unreachable()
    expect(url).toBe('https://auth.example.com/oauth2/revoke')
    expect(Object.fromEntries(form)).toEqual({ token: 'token-1', token_type_hint: 'access_token' })
    expect(headers.authorization).toMatch(/^Basic /)
    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'closed' })
  })

  it('tells of a revocation that failed, and does not fail itself', async () => {
    const { tokens, server } = managed({ revocationEndpoint: 'https://auth.example.com/oauth2/revoke' })
    await tokens.getToken()
    const failures: unknown[] = []
    tokens.on('revocationFailed', ({ error }) => failures.push(error))
    server.script.push({ status: 503, body: 'token-1 is busy' })
    await tokens.close({ revoke: true })
    expect(failures).toHaveLength(1)
    expect(failures[0]).toMatchObject({ code: 'server_unavailable', retryable: true })
    expect(String(failures[0])).not.toContain('token-1')
  })

  it('is what `await using` does', async () => {
    const { tokens } = managed()
    {
      await using manager = tokens
      await manager.getToken()
    }
    await expect(tokens.getToken({ scope: 'other' })).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('invalidateAll', () => {
  it('forgets the tokens of one client, or of all', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server), b: clientOf(server) } })
    const a = tokens.source({ client: 'a' })
    const b = tokens.source({ client: 'b' })
    await tokens.ready()
    tokens.invalidateAll({ client: 'a' })
    expect([a.peek(), b.peek()]).toEqual([undefined, expect.anything()])
    tokens.invalidateAll()
    expect(b.peek()).toBeUndefined()
  })
})

describe('inspect', () => {
  it('says in words why a token is used or requested', async () => {
    const { tokens, clock, server } = managed({ scope: 'read' })
    const says = () => tokens.inspect({}).explanation
    expect(says()).toBe('There is no token; the next call requests one.')
    await tokens.getToken()
    expect(says()).toBe('The cached token is used; a refresh is due in 2340 s, it is used for 3590 s more.')
    await clock.advance(2400_000)
    expect(says()).toBe('The cached token is used for 1190 s more; the next call starts a refresh in the background.')
    server.byDefault = { status: 503 }
    await tokens.getToken()
    await clock.settle()
    expect(says()).toBe(
      'The cached token is used for 1190 s more; requests pause after a failure (server_unavailable).',
    )
    expect(tokens.inspect()).toHaveLength(1)
    expect(tokens.inspect()[0]).toMatchObject({
      client: 'default',
      state: 'refresh due',
      lastRequestReason: 'refresh due',
    })
  })
})
