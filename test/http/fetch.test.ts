import { describe, expect, it } from 'vitest'
import { createTokenFetch, type TokenFetchOptions } from '../../src/http/fetch.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { sendJson, startServer } from '../support/http-server.ts'
import { clientOf, managed } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { failureOf } from './axios-api.ts'
import { FetchApi } from './fetch-api.ts'

const API = 'https://api.example.com'
const ORDERS = `${API}/orders`

/** A fetch for the API. */
function made(options: Partial<TokenFetchOptions<never>> = {}) {
  const api = new FetchApi()
  const { clock, server, tokens } = managed({ scope: 'orders.read' })
  const tokenFetch = createTokenFetch(tokens, { origins: [API], fetch: api.fetch, ...options })
  return { api, clock, server, tokens, tokenFetch }
}

describe('a fetch with tokens', () => {
  it('sends requests with a valid token and otherwise as they are', async () => {
    await using api = await startServer((response, request) => sendJson(response, request))
    const { tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin] })
    const init = { method: 'POST', body: '{"id":1}', headers: { 'content-type': 'application/json', 'x-own': '1' } }
    const plain = await (await fetch(`${api.origin}/orders?page=2`, init)).json()
    for (const headers of [
      init.headers,
      Object.entries(init.headers) as [string, string][],
      new Headers(init.headers),
    ]) {
      const answer = await tokenFetch(`${api.origin}/orders?page=2`, { ...init, headers })
      expect(answer).toMatchObject({ status: 200, url: `${api.origin}/orders?page=2`, redirected: false })
      expect(await answer.json()).toEqual({
        ...(plain as object),
        headers: { ...(plain as { headers: object }).headers, authorization: 'Bearer token-1' },
      })
    }
  })

  it('uses a token until a refresh is due, and asks for one at a time', async () => {
    const { api, clock, server, tokenFetch } = made()
    await Promise.all(Array.from({ length: 100 }, () => tokenFetch(ORDERS)))
    expect(server.requests).toHaveLength(1)
    await clock.advance(3000_000)
    await tokenFetch(ORDERS)
    await clock.advance(1000)
    await tokenFetch(ORDERS)
    expect(server.requests).toHaveLength(2)
    expect(api.authorizations).toEqual([...Array(101).fill('Bearer token-1'), 'Bearer token-2'])
  })

  it('calls fetch at once when a token is at hand', async () => {
    const { api, tokens, tokenFetch } = made()
    await tokens.getToken()
    const answers = [tokenFetch(ORDERS), tokenFetch(new URL(ORDERS)), tokenFetch(new Request(ORDERS))]
    await Promise.resolve()
    expect(api.requests).not.toEqual([])
    await Promise.all(answers)
  })

  it('hands on all that fetch is given, in its own object', async () => {
    const { api, tokenFetch } = made()
    const init = Object.freeze({
      method: 'POST',
      headers: Object.freeze({ 'X-Own': '1' }),
      keepalive: true,
      dispatcher: 'of another kind',
      token: undefined,
    })
    await tokenFetch(ORDERS, init as never)
    expect(api.requests[0]?.input).toBe(ORDERS)
    expect(api.requests[0]?.init).toEqual({
      ...{ method: 'POST', keepalive: true, dispatcher: 'of another kind', redirect: 'manual' },
      headers: { 'X-Own': '1', Authorization: 'Bearer token-1' },
    })
    await tokenFetch(ORDERS, { method: 'DELETE', token: false })
    expect(api.requests[1]).toMatchObject({ input: ORDERS, init: { method: 'DELETE' } })
    expect(api.requests[1]?.init).toEqual({ method: 'DELETE' })
  })

  it('hands on headers that can be read once only, with a token or without', async () => {
    const { api, tokenFetch } = made({ onOtherOrigin: 'omit' })
    const once = (name: string) => new Map([[name, '1']]).entries() as never
    await tokenFetch(ORDERS, { headers: once('x-own') })
    await tokenFetch('https://other.example.com/', { headers: once('x-own') })
    await tokenFetch(ORDERS, { headers: once('authorization') })
    const seen = api.requests.map(({ headers }) => [headers.get('x-own'), headers.get('authorization')])
    expect(seen).toEqual([
      ['1', 'Bearer token-1'],
      ['1', null],
      [null, '1'],
    ])
  })

  it('takes what is inherited, as fetch does: from a `Request`, or an object with defaults', async () => {
    const { api, tokenFetch } = made()
    await tokenFetch(ORDERS, new Request('https://other.example/', { method: 'PUT', body: 'x', headers: { a: '1' } }))
    await tokenFetch(ORDERS, Object.create({ method: 'PUT', headers: { a: '1' }, body: 'x' }))
    await tokenFetch(ORDERS, Object.create({ token: false }))
    await tokenFetch(ORDERS, null as never)
    expect(api.requests.map(({ method, body, headers }) => `${method} ${body} ${headers.get('a')}`)).toEqual([
      ...['PUT x 1', 'PUT x 1'],
      ...['GET  null', 'GET  null'],
    ])
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', null, 'Bearer token-1'])
  })

  it('lets what is given beside a `Request` take precedence', async () => {
    const { api, tokenFetch } = made()
    const request = new Request(ORDERS, { method: 'PUT', headers: { a: '1', b: '2' }, body: 'x' })
    await tokenFetch(request.clone())
    await tokenFetch(request.clone(), { headers: { b: '3' } })
    await tokenFetch(request, { method: 'POST', headers: undefined as never })
    expect(api.requests.map(({ method, headers, body }) => [method, headers.get('a'), headers.get('b'), body])).toEqual(
      [
        ['PUT', '1', '2', 'x'],
        ['PUT', null, '3', 'x'],
        ['POST', '1', '2', 'x'],
      ],
    )
    expect(request.bodyUsed).toBe(true)
  })

  it('takes a `Request` of another make, whatever class it has', async () => {
    const { tokens } = managed()
    class OtherRequest {
      readonly url = ORDERS
      readonly headers = new Headers({ a: '1' })
      readonly [Symbol.toStringTag] = 'Request'
    }
    class OwnRequest extends Request {}
    const seen: unknown[] = []
    const tokenFetch = createTokenFetch(tokens, {
      origins: [API],
      fetch: async (...given: unknown[]) => {
        seen.push(given)
        return new Response()
      },
    })
    const requests = [new OtherRequest() as never, new OwnRequest(ORDERS, { headers: { a: '1' } })]
    for (const request of requests) await tokenFetch(request)
    const headers = [
      ['a', '1'],
      ['Authorization', 'Bearer token-1'],
    ]
    expect(seen).toEqual(requests.map((request) => [request, expect.objectContaining({ headers })]))
  })

  it('is sent by the global fetch there is at the time, if not by another', async () => {
    const { tokens } = managed()
    const tokenFetch = createTokenFetch(tokens, { origins: [API] })
    const api = new FetchApi()
    const present = globalThis.fetch
    try {
      globalThis.fetch = api.fetch
      await tokenFetch(ORDERS)
      const replacing = createTokenFetch(tokens, { origins: [API] })
      globalThis.fetch = replacing
      await fetch(ORDERS)
      await fetch(ORDERS, { headers: { authorization: 'Basic own' } })
    } finally {
      globalThis.fetch = present
    }
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Basic own'])
  })

  it('may replace the global fetch once more, beside another that does', async () => {
    const api = new FetchApi()
    const present = globalThis.fetch
    const options = { origins: [API], onOtherOrigin: 'omit' } as const
    try {
      globalThis.fetch = api.fetch
      globalThis.fetch = createTokenFetch(managed().tokens, options)
      globalThis.fetch = createTokenFetch(managed().tokens, { ...options, origins: ['https://other.example'] })
      for (const url of [ORDERS, 'https://other.example/', 'https://third.example/']) await fetch(url)
    } finally {
      globalThis.fetch = present
    }
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', null])
  })

  it('fails without sending when there is no token to be had', async () => {
    const { api, server, tokenFetch } = made()
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    const request = new Request(ORDERS, { method: 'POST', body: 'x' })
    expect(await failureOf(tokenFetch(request))).toMatchObject({ name: 'TokenResponseError', error: 'invalid_scope' })
    expect(request.bodyUsed).toBe(false)
    expect(api.requests).toEqual([])
  })
})

describe('the token', () => {
  it('is what the options say, or the request in their place', async () => {
    const { api, server, tokens, tokenFetch } = made({ audience: 'orders' })
    await tokenFetch(ORDERS)
    await tokenFetch(ORDERS, { token: {} })
    await tokenFetch(ORDERS, { token: { scope: 'orders.write' } })
    await tokenFetch(ORDERS, { token: { resource: 'https://api.example.com', audience: 'x', parameters: { a: '1' } } })
    await tokenFetch(ORDERS, { token: tokens.source({ scope: 'handle' }) })
    await tokenFetch(ORDERS, { token: false })
    expect(api.authorizations).toEqual([1, 1, 2, 3, 4, null].map((n) => n && `Bearer token-${n}`))
    const asked = server.requests.map(({ form }) =>
      ['scope', 'audience', 'resource', 'a'].map((name) => form.get(name)),
    )
    expect(asked).toEqual([
      ['orders.read', 'orders', null, null],
      ['orders.write', 'orders', null, null],
      ['orders.read', 'x', 'https://api.example.com', '1'],
      ['handle', null, null, null],
    ])
  })

  it('is that of the client named, whose parameters are not those of another', async () => {
    const { clock, server } = managed()
    const clients = {
      orders: clientOf(server, { clientId: 'orders', scope: 'orders.read' }),
      billing: clientOf(server, { clientId: 'billing', scope: 'billing.read' }),
    }
    const tokens = new TokenManager({ clock, clients })
    const api = new FetchApi()
    const shared = { origins: [API], fetch: api.fetch }
    const tokenFetch = createTokenFetch(tokens, { ...shared, client: 'orders', audience: 'a' })
    await tokenFetch(ORDERS)
    await tokenFetch(ORDERS, { token: { client: 'billing' } })
    const choosing = createTokenFetch(tokens, shared)
    expect(await failureOf(choosing(ORDERS))).toMatchObject({ name: 'TypeError', message: /`client`/ })
    await choosing(ORDERS, { token: { client: 'billing', scope: 'billing.write' } })
    const asked = server.requests.map(({ form, headers }) => [
      atob((headers.authorization ?? headers.Authorization ?? '').slice('Basic '.length)).split(':')[0],
      form.get('scope'),
      form.get('audience'),
    ])
    expect(asked).toEqual([
      ['orders', 'orders.read', 'a'],
      ['billing', 'billing.read', null],
      ['billing', 'billing.write', null],
    ])
    expect(() => createTokenFetch(tokens, { ...shared, client: 'stock' as never })).toThrow(
      expect.objectContaining({ code: 'unknown_client' }),
    )
  })

  it('is at hand again after its client was removed and configured anew', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const tokens = new TokenManager<string>({ clock, clients: () => clientOf(server) })
    const api = new FetchApi()
    const tokenFetch = createTokenFetch(tokens, { client: 'tenant', origins: [API], fetch: api.fetch })
    await tokenFetch(ORDERS)
    tokens.removeClient('tenant')
    await tokenFetch(ORDERS)
    await tokenFetch(ORDERS)
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2'])
  })

  it.each([{ token: false }, { token: { scope: 'admin' } }])(
    'is not what somebody has put on Object.prototype: %j',
    async (polluted) => {
      const { api, server, tokenFetch } = made()
      Object.defineProperty(Object.prototype, 'token', { value: polluted.token, configurable: true })
      try {
        await tokenFetch(ORDERS)
        await tokenFetch(ORDERS, { method: 'DELETE' })
      } finally {
        Reflect.deleteProperty(Object.prototype, 'token')
      }
      expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
      expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['orders.read'])
    },
  )

  it.each([[true], [null], ['orders.read'], [1], [[]], [() => 'x']])(
    'is refused where it is none: %s',
    async (token) => {
      const { api, tokenFetch } = made()
      expect(await failureOf(tokenFetch(ORDERS, { token: token as never }))).toMatchObject({ name: 'TypeError' })
      expect(api.requests).toEqual([])
    },
  )

  it('is refused where it is given itself, or its text, and shown in neither case', async () => {
    const { api, tokens, tokenFetch } = made()
    const token = await tokens.getToken()
    for (const wrong of [token, token.reveal()]) {
      const error = await failureOf(tokenFetch(ORDERS, { token: wrong as never }))
      expect(error.message).toMatch(/`token` must be .* Such as .*scope/)
      expect(String(error.stack)).not.toContain(token.reveal())
    }
    expect(api.requests).toEqual([])
  })

  it.each([{ scopes: 'a' }, { scope: 'a"b' }, { timeoutMs: 1 }])(
    'is refused where a parameter is wrong: %j',
    async (token) => {
      const { api, tokenFetch } = made()
      expect(await failureOf(tokenFetch(ORDERS, { token: token as never }))).toMatchObject({ name: 'TypeError' })
      expect(api.requests).toEqual([])
    },
  )
})

describe('an `Authorization` of the caller’s', () => {
  const spellings: [string, () => RequestInit['headers']][] = [
    ['an object', () => ({ Authorization: 'Basic own' })],
    ['an object in upper case', () => ({ AUTHORIZATION: 'Basic own' })],
    ['a list', () => [['authorization', 'Basic own']]],
    ['Headers', () => new Headers({ authorization: 'Basic own' })],
    ['a map', () => new Map([['authorization', 'Basic own']]) as never],
  ]

  it.each(spellings)('stays, and says so: %s', async (_, headers) => {
    const { api, server, tokens, tokenFetch } = made({ client: undefined })
    const heard: unknown[] = []
    tokens.on('authorizationKept', (event) => heard.push(event))
    const given = headers() ?? {}
    await tokenFetch(ORDERS, { headers: given, token: { scope: 'x' } })
    if (!(given instanceof Map)) await tokenFetch(new Request(ORDERS, { headers: given }))
    await tokenFetch('https://other.example/', { headers: given })
    expect(new Set(api.authorizations)).toEqual(new Set(['Basic own']))
    expect(api.requests[0]?.init).toEqual({ headers: given })
    expect(heard.at(0)).toEqual({ client: 'default', origin: API })
    expect(heard.at(-1)).toEqual({ client: 'default', origin: 'https://other.example' })
    expect(server.requests).toEqual([])
  })

  it.each<[string, unknown]>([
    ['an object', { Authorization: '' }],
    ['an object with undefined', { authorization: undefined }],
    ['an object with both', { authorization: '', Authorization: null }],
    ['a list', [['Authorization', '']]],
    ['Headers', new Headers({ authorization: '' })],
  ])('counts as none when it is empty: %s', async (_, headers) => {
    const { api, tokenFetch } = made()
    const given = structuredClone(headers instanceof Headers ? [...headers] : headers)
    await tokenFetch(ORDERS, { headers: headers as never })
    expect(api.authorizations).toEqual(['Bearer token-1'])
    expect(headers instanceof Headers ? [...headers] : headers).toEqual(given)
  })

  it('needs no client, where it would have to be named', async () => {
    const api = new FetchApi()
    const tokens = new TokenManager<string>({ clients: () => expect.unreachable() })
    const tokenFetch = createTokenFetch(tokens, { origins: [API], fetch: api.fetch })
    await tokenFetch(ORDERS, { headers: { Authorization: 'Basic own' } })
    expect(api.authorizations).toEqual(['Basic own'])
  })

  it('is not looked for where fetch takes no headers', async () => {
    const { api, tokenFetch } = made()
    for (const headers of [null, 5, 'a: 1', [['a']], [null]]) {
      expect(await failureOf(tokenFetch(ORDERS, { headers: headers as never }))).toMatchObject({ name: 'TypeError' })
    }
    expect(api.requests).toEqual([])
  })
})

describe('a token in a header of its own', () => {
  const applyToken = (token: { reveal(): string }) => ({ 'X-Auth-Token': token.reveal(), 'x-kind': 'key' })

  it.each<[string, unknown, (string | null)[]]>([
    ['none', {}, [null, 'token-1', 'key']],
    ['an `Authorization`, for a gateway say', { Authorization: 'Basic own' }, ['Basic own', 'token-1', 'key']],
    ['a list with that', [['authorization', 'Basic own']], ['Basic own', 'token-1', 'key']],
    ['the header itself', { 'x-auth-token': 'own' }, [null, 'own', null]],
    ['the header itself in a list', [['X-Auth-Token', 'own']], [null, 'own', null]],
    ['the header itself, empty', { 'X-AUTH-TOKEN': '' }, [null, 'token-1', 'key']],
    ['the header beside it', new Headers({ 'X-Kind': 'own' }), [null, 'token-1', 'key']],
  ])('goes with the caller’s headers, or gives way to the same one: %s', async (_, headers, expected) => {
    const api = new FetchApi()
    const { tokens } = managed({ applyToken })
    const heard: unknown[] = []
    tokens.on('authorizationKept', (event) => heard.push(event))
    const tokenFetch = createTokenFetch(tokens, { origins: [API], fetch: api.fetch })
    for (let times = 0; times < 2; times++) await tokenFetch(ORDERS, { headers: headers as never })
    const sent = api.requests.map(({ headers }) =>
      ['authorization', 'x-auth-token', 'x-kind'].map((name) => headers.get(name)),
    )
    expect(sent).toEqual([expected, expected])
    expect(heard).toEqual(expected.includes('own') ? Array(2).fill({ client: 'default', origin: API }) : [])
  })
})

describe('a signal', () => {
  it.each(['in init', 'of a `Request`'])(
    'ends the wait for a token at once, of its own caller only: %s',
    async (where) => {
      const { api, clock, server, tokenFetch } = made()
      server.byDefault = { afterMs: 1000 }
      const leaving = new AbortController()
      const other = tokenFetch(ORDERS)
      const { signal } = leaving
      const answer = where === 'in init' ? tokenFetch(ORDERS, { signal }) : tokenFetch(new Request(ORDERS, { signal }))
      const failure = failureOf(answer)
      const reason = new Error('gone')
      leaving.abort(reason)
      let settled: unknown
      void failure.then((error) => {
        settled = error
      })
      await new Promise(setImmediate)
      expect(settled).toBe(reason)
      await clock.advance(2000)
      expect((await other).status).toBe(200)
      expect(api.requests).toHaveLength(1)
      expect(server.requests).toHaveLength(1)
    },
  )

  it('is that in `init` where a `Request` has one too, or none if that is null', async () => {
    const { api, tokenFetch } = made()
    const gone = AbortSignal.abort(new Error('gone'))
    const request = new Request(ORDERS, { signal: gone })
    expect(await failureOf(tokenFetch(request))).toMatchObject({ message: 'gone' })
    await tokenFetch(request, { signal: new AbortController().signal })
    await tokenFetch(request, { signal: null })
    expect(api.requests).toHaveLength(2)
  })

  it('ends the wait for another token, and gives up the answer that asked for it', async () => {
    const { api, clock, server, tokens, tokenFetch } = made()
    await tokens.getToken()
    server.byDefault = { afterMs: 1000 }
    const leaving = new AbortController()
    const cancelled: unknown[] = []
    api.answer = () => {
      setImmediate(() => leaving.abort(new Error('gone')))
      return new Response(new ReadableStream({ cancel: () => void cancelled.push('cancelled') }), { status: 401 })
    }
    expect(await failureOf(tokenFetch(ORDERS, { signal: leaving.signal }))).toMatchObject({ message: 'gone' })
    expect(cancelled).toEqual(['cancelled'])
    await clock.advance(2000)
  })

  it('ends a request under way, as in fetch', async () => {
    const leaving = new AbortController()
    await using api = await startServer(() => leaving.abort())
    const { tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin] })
    const failure = await failureOf(tokenFetch(api.origin, { signal: leaving.signal }))
    expect(failure).toMatchObject({ name: 'AbortError' })
  })

  it('that is none is refused', async () => {
    const { tokenFetch } = made()
    expect(await failureOf(tokenFetch(ORDERS, { signal: {} as never }))).toMatchObject({ name: 'TypeError' })
  })
})

describe('createTokenFetch', () => {
  const { tokens } = managed()
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /`origins` must be given.*https:\/\/api\.example\.com/],
    ['no origins', {}, /`origins` must be given/],
    ['no origins to omit others', { onOtherOrigin: 'omit' }, /`origins` must be given/],
    ['an empty list', { origins: [] }, /`origins` must be given/],
    ['one origin', { origins: API }, /`origins` must be a list of origins/],
    ['a path', { origins: [`${API}/v1`] }, /`origins\[0\]` must be an origin/],
    ['http', { origins: ['http://api.example.com'] }, /`origins\[0\]` must be an https origin/],
    ['another way', { origins: [API], onOtherOrigin: 'allow' }, /`onOtherOrigin` must be/],
    ['another mode', { origins: [API], replay: true }, /`replay` must be/],
    ['no function to recognise answers', { origins: [API], isTokenRejected: 403 }, /`isTokenRejected` must be/],
    ['no function to send', { origins: [API], fetch: {} }, /`fetch` must be a function/],
    ['null to send', { origins: [API], fetch: null }, /`fetch` must be a function/],
    ['a misspelt option', { origins: [API], origin: API }, /`origin` is not an option.*`origins`/],
    ['a scope that is none', { origins: [API], scope: 1 }, /`scope` must be/],
    ['a list', [], /`options` must be an object/],
    ['null', null, /`origins` must be given/],
  ])('names a wrong option: %s', (_, options, message) => {
    expect(() => createTokenFetch(tokens, options as never)).toThrow(TypeError)
    expect(() => createTokenFetch(tokens, options as never)).toThrow(message)
  })

  it.each([undefined, null, {}, 'x', { issuer: 'https://auth.example.com' }])('wants a manager: %j', (manager) => {
    expect(() => createTokenFetch(manager as never, { origins: [API] })).toThrow(/`manager` must be a TokenManager/)
  })

  it('says where a handle belongs that is given as the manager', () => {
    const handle = managed().tokens.source()
    const wrong = () => createTokenFetch(handle as never, { origins: [API] })
    expect(wrong).toThrow(/`manager` must be a TokenManager.*`token` of a request/)
  })

  it('reads its options once', async () => {
    const api = new FetchApi()
    const options = { origins: [API], fetch: api.fetch }
    const tokenFetch = createTokenFetch(tokens, options)
    options.origins.splice(0, 1, 'https://other.example')
    options.fetch = () => Promise.reject(new Error('not this'))
    expect((await tokenFetch(ORDERS)).status).toBe(200)
  })
})
