import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { inspect } from 'node:util'
import type { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { tokenInterceptor } from '../../src/http/undici.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { clientOf, managed } from '../support/managed.ts'
import { failureOf } from './axios-api.ts'
import { startApi, type UndiciApi, VERSIONS } from './undici-versions.ts'

const ROOT = { path: '/', method: 'GET' } as const

describe.each(VERSIONS)('a request by %s', (_, undici) => {
  const { Agent, BalancedPool, Client, interceptors, MockAgent, Pool } = undici
  const agent = ({ intercept }: UndiciApi) => new Agent().compose(intercept())

  it.each<[string, (one: UndiciApi) => Promise<unknown>]>([
    ['request', async (one) => (await undici.request(one.api.origin, { dispatcher: agent(one) })).body.text()],
    [
      'request of a dispatcher',
      async (one) => (await agent(one).request({ origin: one.api.origin, ...ROOT })).body.text(),
    ],
    [
      'stream',
      async (one) => {
        const chunks: unknown[] = []
        const sink = new Writable({ write: (chunk, _, done) => done(chunks.push(chunk) === 0 ? null : undefined) })
        await undici.stream(one.api.origin, { dispatcher: agent(one), method: 'GET' }, () => sink)
        return chunks.join('')
      },
    ],
    [
      'pipeline',
      async (one) => {
        const duplex = undici.pipeline(one.api.origin, { dispatcher: agent(one), method: 'POST' }, ({ body }) => body)
        return (await duplex.end('x').toArray()).join('')
      },
    ],
    ['fetch', async (one) => (await undici.fetch(one.api.origin, { dispatcher: agent(one) })).text()],
    [
      'fetch with a body',
      async (one) => (await undici.fetch(one.api.origin, { dispatcher: agent(one), method: 'POST', body: 'x' })).text(),
    ],
    [
      'a Pool',
      async (one) => {
        const pool = new Pool(one.api.origin).compose(one.intercept())
        return (await pool.request({ origin: one.api.origin, ...ROOT })).body.text()
      },
    ],
    [
      'a Client',
      async (one) => {
        const client = new Client(one.api.origin).compose(one.intercept())
        return (await client.request({ origin: one.api.origin, ...ROOT })).body.text()
      },
    ],
    [
      'a BalancedPool',
      async (one) => {
        const pool = new BalancedPool(one.api.origin).compose(one.intercept())
        return (await pool.request({ origin: one.api.origin, ...ROOT })).body.text()
      },
    ],
    [
      'a RetryAgent',
      async (one) =>
        (await undici.request(one.api.origin, { dispatcher: new undici.RetryAgent(agent(one)) })).body.text(),
    ],
    [
      'a mock',
      async (one) => {
        const mock = new MockAgent()
        mock.disableNetConnect()
        const seen = { headers: { authorization: 'Bearer token-1' } }
        mock
          .get(one.api.origin)
          .intercept({ path: '/', ...seen })
          .reply(200, 'done')
        const dispatcher = mock.compose(one.intercept())
        const answer = await (await undici.request(one.api.origin, { dispatcher })).body.text()
        await undici.request(one.api.origin, { dispatcher: agent(one) })
        return answer
      },
    ],
    [
      'the global dispatcher, and Node’s own fetch',
      async (one) => {
        const before = undici.getGlobalDispatcher()
        undici.setGlobalDispatcher(agent(one))
        try {
          await (await undici.request(one.api.origin)).body.text()
          await (await undici.fetch(one.api.origin)).text()
          return await (await fetch(one.api.origin)).text()
        } finally {
          undici.setGlobalDispatcher(before)
        }
      },
    ],
  ])('carries the token, by %s', async (_, send) => {
    await using one = await startApi()
    expect(await send(one)).toBe('done')
    expect(new Set(one.authorizations())).toEqual(new Set(['Bearer token-1']))
    expect(one.server.requests).toHaveLength(1)
  })

  it('is dispatched at once while the token is at hand, and gets what the dispatcher says', async () => {
    const { tokens } = managed()
    await tokens.getToken()
    const sent: Dispatcher.DispatchOptions[] = []
    for (const answer of [true, false]) {
      const dispatch = tokenInterceptor(tokens, { origins: ['https://api.example.com'] })(
        (options: never, _handler: never) => {
          sent.push(options)
          return answer
        },
      )
      const result = dispatch({ origin: 'https://api.example.com', ...ROOT } as never, {} as never)
      expect(result).toBe(answer)
    }
    expect(sent).toHaveLength(2)
  })

  it('leaves the caller’s options as they are, and a token that is due is refreshed meanwhile', async () => {
    await using one = await startApi()
    const dispatcher = agent(one)
    const headers = Object.freeze({ 'x-own': '1' })
    const options = Object.freeze({ origin: one.api.origin, ...ROOT, headers })
    await dispatcher.request(options)
    await one.clock.advance(3_590_000 - 1)
    const refreshed = new Promise((resolve) => one.tokens.on('tokenReceived', resolve))
    await dispatcher.request(options)
    await refreshed
    await dispatcher.request(options)
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
    expect(one.server.requests).toHaveLength(2)
  })

  it.each<[string, unknown]>([
    ['an object', { 'X-Own': '1', authorization: undefined }],
    ['an object with an empty header', { 'X-Own': '1', Authorization: '' }],
    ['an object with null', { 'X-Own': '1', AUTHORIZATION: null }],
    ['a list', ['X-Own', '1']],
    ['a list with an empty header', ['X-Own', '1', 'authorization', '']],
    ['pairs', [['X-Own', '1']]],
    ['a Map', new Map([['X-Own', '1']])],
    ['a Map with a list', new Map([['X-Own', ['1']]])],
    ['Headers', new Headers({ 'X-Own': '1' })],
  ])('keeps its other headers: %s', async (_, headers) => {
    await using one = await startApi()
    const dispatcher = agent(one)
    for (let times = 0; times < 2; times++) {
      await dispatcher.request({ origin: one.api.origin, ...ROOT, headers: headers as never })
    }
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-1'])
    expect(one.api.requests.map(({ headers }) => headers['x-own'])).toEqual(['1', '1'])
  })

  it.each<[string, object]>([
    ['without a token', { token: false }],
    ['to another origin', { origins: ['https://api.example.com'], onOtherOrigin: 'omit' }],
    ['with an `Authorization` of its own', { authorization: 'Basic own' }],
    ['with a token', {}],
  ])(
    'keeps headers that an iterator gives once: %s',
    async (_, { token, authorization, ...options }: { token?: false; authorization?: string }) => {
      await using one = await startApi()
      const headers = Object.entries({ 'x-own': '1', ...(authorization && { authorization }) })[Symbol.iterator]()
      const dispatcher = new Agent().compose(one.intercept(options))
      await dispatcher.request({ origin: one.api.origin, ...ROOT, headers: headers as never, token } as never)
      expect(one.api.requests.map(({ headers }) => headers['x-own'])).toEqual(['1'])
    },
  )

  it.each<[string, unknown]>([
    ['an object', { authorization: 'Basic own' }],
    ['in capitals', { AUTHORIZATION: 'Basic own' }],
    ['a list', ['Authorization', 'Basic own']],
    ['pairs', new Map([['AuthoriZation', 'Basic own']])],
    ['Headers', new Headers({ authorization: 'Basic own' })],
  ])('keeps an `Authorization` of its own: %s', async (_, headers) => {
    await using one = await startApi()
    const heard: unknown[] = []
    one.tokens.on('authorizationKept', (event) => heard.push(event))
    await agent(one).request({ origin: one.api.origin, ...ROOT, headers: headers as never })
    expect(one.authorizations()).toEqual(['Basic own'])
    expect(heard).toEqual([{ client: 'default', origin: one.api.origin }])
    expect(one.server.requests).toHaveLength(0)
  })

  it('keeps an `Authorization` of its own where the manager has several clients and none is named', async () => {
    await using one = await startApi()
    const tokens = new TokenManager({ clients: { a: clientOf(one.server), b: clientOf(one.server) } })
    const dispatcher = new Agent().compose(tokenInterceptor(tokens, { origins: [one.api.origin] }))
    const heard: unknown[] = []
    tokens.on('authorizationKept', ({ client }) => heard.push(client))
    const request = { origin: one.api.origin, ...ROOT, headers: { authorization: 'Basic own' } }
    await dispatcher.request(request)
    await dispatcher.request({ ...request, token: { client: 'b' } } as never)
    expect(one.authorizations()).toEqual(['Basic own', 'Basic own'])
    expect(heard).toEqual([undefined, 'b'])
    expect(await failureOf(dispatcher.request({ origin: one.api.origin, ...ROOT }))).toBeInstanceOf(TypeError)
  })

  it('carries its token whatever a polluted prototype says', async () => {
    await using one = await startApi()
    const dispatcher = agent(one)
    Object.defineProperty(Object.prototype, 'token', { value: false, configurable: true })
    try {
      await dispatcher.request({ origin: one.api.origin, ...ROOT })
    } finally {
      Reflect.deleteProperty(Object.prototype, 'token')
    }
    expect(one.authorizations()).toEqual(['Bearer token-1'])
  })

  it('carries the token in whichever headers the hook says, unless it has those already', async () => {
    const applyToken = (token: { reveal(): string }) => ({ 'x-key': token.reveal(), 'x-kind': 'key' })
    await using one = await startApi(undefined, { applyToken })
    const dispatcher = agent(one)
    for (const headers of [{}, ['X-Kind', 'own'], { 'X-Key': 'own' }, { authorization: 'Basic own' }]) {
      await dispatcher.request({ origin: one.api.origin, ...ROOT, headers: headers as never })
    }
    const seen = one.api.requests.map(({ headers }) => [headers['x-key'], headers['x-kind'], headers.authorization])
    expect(seen).toEqual([
      ['token-1', 'key', undefined],
      ['token-1', 'key', undefined],
      ['own', undefined, undefined],
      ['token-1', 'key', 'Basic own'],
    ])
  })

  it.each(['a word', 7, ['odd']])('with headers that undici does not take fails by undici: %s', async (headers) => {
    await using one = await startApi()
    const send = agent(one).request({ origin: one.api.origin, ...ROOT, headers: headers as never })
    expect(await failureOf(send)).toMatchObject({ code: 'UND_ERR_INVALID_ARG' })
  })

  it('carries which token its `token` says', async () => {
    await using one = await startApi()
    const server = one.server
    const tokens = new TokenManager({
      clock: one.clock,
      clients: {
        orders: clientOf(server, { allowInsecureLoopback: true, scope: 'orders.read' }),
        billing: clientOf(server, { allowInsecureLoopback: true, clientId: 'billing' }),
      },
    })
    const options = { origins: [one.api.origin], client: 'orders' } as const
    const dispatcher = new Agent().compose(tokenInterceptor(tokens, options))
    const wanted = [undefined, { scope: 'orders.write' }, { client: 'billing' }, tokens.source({ client: 'billing' })]
    for (const token of [...wanted, false]) {
      await dispatcher.request({ origin: one.api.origin, ...ROOT, ...{ token } })
      await undici.request(one.api.origin, { dispatcher, ...{ token } })
    }
    const expected = ['token-1', 'token-2', 'token-3', 'token-3'].map((token) => `Bearer ${token}`)
    expect(one.authorizations()).toEqual([...expected, undefined].flatMap((one) => [one, one]))
    expect(server.requests.map(({ form }) => form.get('scope'))).toEqual(['orders.read', 'orders.write', null])
  })

  it.each([null, 'orders.read', 1, true, { scopes: 'x' }])('with a wrong `token` is a TypeError: %s', async (token) => {
    await using one = await startApi()
    const retrying = agent(one).compose(interceptors.retry({ minTimeout: 60_000 }))
    const send = retrying.request({ origin: one.api.origin, ...ROOT, ...{ token } })
    expect(await failureOf(send)).toBeInstanceOf(TypeError)
    expect(one.api.requests).toEqual([])
  })

  it('fails with why no token can be had, which a retry does not repeat, nor send without one', async () => {
    await using one = await startApi()
    one.server.byDefault = { status: 401, body: { error: 'invalid_client' } }
    const retry = () => interceptors.retry({ maxRetries: 2, minTimeout: 1 })
    for (const dispatcher of [agent(one).compose(retry()), new Agent().compose(retry(), one.intercept())]) {
      const error = await failureOf(undici.request(one.api.origin, { dispatcher }))
      expect(error).toMatchObject({ code: 'request_denied', error: 'invalid_client' })
    }
    expect(one.api.requests).toEqual([])
    expect(one.server.requests).toHaveLength(1)
  })

  it('carries the token there is by then when it is retried', async () => {
    let answers = 0
    await using one = await startApi((response) => {
      answers += 1
      if (answers === 1) one.tokens.invalidateAll()
      response.writeHead(answers === 1 ? 503 : 200).end('done')
    })
    const dispatcher = agent(one).compose(interceptors.retry({ minTimeout: 1 }))
    expect(await (await undici.request(one.api.origin, { dispatcher })).body.text()).toBe('done')
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('keeps its token when it is retried below', async () => {
    let answers = 0
    await using one = await startApi((response) => response.writeHead(++answers === 1 ? 503 : 200).end('done'))
    const dispatcher = new Agent().compose(interceptors.retry({ minTimeout: 1 }), one.intercept())
    expect(await (await undici.request(one.api.origin, { dispatcher })).body.text()).toBe('done')
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-1'])
  })

  const others = (['dns', 'dump', 'responseError', 'cache', 'decompress'] as const).filter(
    (each) => each in interceptors,
  )

  it.each(others)('goes with the interceptor %s, before or after', async (name) => {
    await using one = await startApi()
    const other = () => interceptors[name]() as ReturnType<typeof interceptors.dump>
    const before = new Agent().compose(other(), one.intercept())
    const after = new Agent().compose(one.intercept(), other())
    for (const dispatcher of [before, after]) {
      const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
      expect([statusCode, await body.text()]).toEqual([200, name === 'dump' ? '' : 'done'])
    }
    expect(new Set(one.authorizations())).toEqual(new Set(['Bearer token-1']))
  })

  it('goes to the name that dns resolves', async () => {
    await using one = await startApi()
    const origin = `http://localhost:${one.api.port}`
    const lookup = (_: unknown, __: unknown, done: (error: null, found: object[]) => void) =>
      done(null, [{ address: '127.0.0.1', family: 4, ttl: 1000 }])
    const both = [one.intercept({ origins: [origin] }), interceptors.dns({ lookup: lookup as never, dualStack: false })]
    for (const order of [both, both.toReversed()]) {
      const answer = await failureOrAnswer(undici.request(origin, { dispatcher: new Agent().compose(...order) }))
      // Where dns comes first, what reaches us is an address, which is not listed.
      expect(answer).toBe(order === both ? 'origin_refused' : 200)
    }
    expect(one.authorizations()).toEqual(['Bearer token-1'])
  })

  it('to open a tunnel carries no token', async () => {
    const { tokens } = managed()
    const sent: Record<string, unknown>[] = []
    const dispatch = tokenInterceptor(tokens, { origins: ['https://api.example.com'] })(
      (options: never, _handler: never) => sent.push(options) > 0,
    )
    const options = { origin: 'https://api.example.com', path: 'other.example:443', method: 'CONNECT' }
    dispatch(options as never, {} as never)
    expect(sent).toEqual([options])
  })

  it('for another protocol carries the token, and gets its socket', async () => {
    const heads: unknown[] = []
    const server = createServer()
    server.on('upgrade', ({ headers }, socket) => {
      heads.push(headers.authorization)
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\nhello')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { tokens } = managed({ allowInsecureLoopback: true })
    const dispatcher = new Agent().compose(tokenInterceptor(tokens, { origins: [origin] }))
    const { socket } = await undici.upgrade(origin, { dispatcher, protocol: 'chat' })
    expect((await socket.toArray()).join('')).toBe('hello')
    expect(heads).toEqual(['Bearer token-1'])
    server.close()
  })

  it('shows hints and trailers, as they come', async () => {
    await using one = await startApi((response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('done')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    const hints: number[] = []
    const onInfo = ({ statusCode }: { statusCode: number }) => hints.push(statusCode)
    const { body, trailers } = await agent(one).request({ origin: one.api.origin, ...ROOT, onInfo })
    expect(await body.text()).toBe('done')
    expect([hints, trailers]).toEqual([[103], { 'x-sum': '42' }])
  })

  it('keeps undici’s timeouts and its errors', async () => {
    await using one = await startApi(() => {})
    await one.tokens.getToken()
    const send = agent(one).request({ origin: one.api.origin, ...ROOT, headersTimeout: 50 })
    expect(await failureOf(send)).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
    const gone = agent(one)
    await gone.close()
    expect(await failureOf(gone.request({ origin: one.api.origin, ...ROOT }))).toMatchObject({
      code: 'UND_ERR_DESTROYED',
    })
  })

  it.each<[string, (send: (signal: unknown) => Promise<unknown>) => Promise<unknown>]>([
    [
      'a signal',
      async (send) => {
        const abort = new AbortController()
        const outcome = failureOf(send(abort.signal))
        abort.abort(new Error('enough'))
        return (await outcome).message
      },
    ],
    [
      'a signal that has aborted',
      async (send) => (await failureOf(send(AbortSignal.abort(new Error('enough'))))).message,
    ],
    [
      'an emitter',
      async (send) => {
        const emitter = new EventEmitter()
        const outcome = failureOf(send(emitter))
        emitter.emit('abort')
        return (await outcome).code === 'UND_ERR_ABORTED' ? 'enough' : 'other'
      },
    ],
  ])('that is aborted while it waits for its token ends at once, and others are served: %s', async (_, abort) => {
    await using one = await startApi()
    one.server.byDefault = { afterMs: 1000 }
    const dispatcher = agent(one)
    const options = { origin: one.api.origin, ...ROOT }
    const other = dispatcher.request(options)
    expect(await abort((signal) => dispatcher.request({ ...options, signal: signal as AbortSignal }))).toBe('enough')
    await one.clock.advance(1000)
    expect((await other).statusCode).toBe(200)
    expect(one.api.requests).toHaveLength(1)
    expect(one.server.requests).toHaveLength(1)
  })

  it('that was aborted before costs no token request', async () => {
    await using one = await startApi()
    const signal = AbortSignal.abort(new Error('enough'))
    expect(await failureOf(agent(one).request({ origin: one.api.origin, ...ROOT, signal }))).toMatchObject({
      message: 'enough',
    })
    expect([one.server.requests, one.api.requests]).toEqual([[], []])
  })

  it('that is aborted ends a token request that nobody else waits for', async () => {
    await using one = await startApi()
    one.server.script.push({ hang: true })
    const dispatcher = agent(one)
    const abort = new AbortController()
    const outcome = failureOf(undici.request(one.api.origin, { dispatcher, signal: abort.signal }))
    abort.abort(new Error('enough'))
    expect(await outcome).toMatchObject({ message: 'enough' })
    await one.tokens.close()
    expect(one.api.requests).toEqual([])
  })

  it('by fetch that is aborted while it waits for its token ends at once, and is not sent', async () => {
    await using one = await startApi()
    one.server.byDefault = { afterMs: 1000 }
    const dispatcher = agent(one)
    const abort = new AbortController()
    const outcome = failureOf(undici.fetch(one.api.origin, { dispatcher, signal: abort.signal }))
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort(new Error('enough'))
    expect(await outcome).toMatchObject({ message: 'enough' })
    await one.clock.advance(1000)
    expect((await undici.request(one.api.origin, { dispatcher })).statusCode).toBe(200)
    expect(one.api.requests).toHaveLength(1)
  })

  it('that is aborted while its answer streams ends, and its connection is closed', async () => {
    await using one = await startApi((response) => response.write('first'))
    const abort = new AbortController()
    const { body } = await undici.request(one.api.origin, { dispatcher: agent(one), signal: abort.signal })
    const closed = one.api.allClosed()
    expect(String((await once(body, 'data'))[0])).toBe('first')
    abort.abort(new Error('enough'))
    expect(await failureOf(once(body, 'end'))).toMatchObject({ message: 'enough' })
    await closed
  })

  it('shows its token in nothing that comes back, nor in errors', async () => {
    await using one = await startApi((response, { url }) => {
      if (url === '/break') response.socket?.destroy()
      else response.writeHead(Number(url.slice(1))).end('{}')
    })
    const dispatchers = [
      agent(one),
      agent(one).compose(interceptors.responseError()),
      agent(one).compose(interceptors.retry({ maxRetries: 1, minTimeout: 1 })),
      new Agent().compose(interceptors.retry({ maxRetries: 1, minTimeout: 1 }), one.intercept()),
    ]
    for (const dispatcher of dispatchers) {
      for (const path of ['/200', '/403', '/500', '/503', '/break']) {
        const outcome = await undici.request(`${one.api.origin}${path}`, { dispatcher }).catch((error) => error)
        const { message, stack, cause } = outcome
        const printed = inspect(outcome, { depth: Number.POSITIVE_INFINITY, getters: true })
        expect(`${printed}${message}${stack}${cause}${JSON.stringify(Object.keys(outcome))}`).not.toMatch(/token-\d/)
        await outcome.body?.text?.()
      }
    }
    expect(new Set(one.authorizations())).toEqual(new Set(['Bearer token-1']))
  })
})

describe.each(VERSIONS)('a long body, by %s', (_, undici) => {
  const MEBIBYTE = 1024 * 1024

  it('is received no faster than it is read', async () => {
    const sent = { chunks: 0 }
    await using one = await startApi((response) => {
      const chunk = Buffer.alloc(MEBIBYTE)
      const source = new Readable({
        read: () => void source.push(sent.chunks++ < 200 ? chunk : null),
      })
      source.pipe(response)
    })
    const dispatcher = new undici.Agent().compose(one.intercept())
    const { body } = await undici.request(one.api.origin, { dispatcher })
    await once(body, 'readable')
    // Another round trip: what could have been pushed on meanwhile was.
    for (let times = 0; times < 5; times++) await (await fetch(one.api.origin)).body?.cancel()
    const before = sent.chunks
    expect(before).toBeLessThan(150)
    let received = 0
    for await (const chunk of body) received += (chunk as Buffer).length
    expect(received).toBeGreaterThanOrEqual(MEBIBYTE)
  })

  it('is sent as it comes', async () => {
    let produced = 0
    let seen = 0
    let most = 0
    const server = createServer(async (request, response) => {
      for await (const chunk of request) {
        seen += (chunk as Buffer).length
        most = Math.max(most, produced - seen)
      }
      response.end('done')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { tokens } = managed({ allowInsecureLoopback: true })
    const dispatcher = new undici.Agent().compose(tokenInterceptor(tokens, { origins: [origin] }))
    const chunk = Buffer.alloc(MEBIBYTE)
    const body = Readable.from(
      (function* () {
        for (let i = 0; i < 100; i++) {
          produced += chunk.length
          yield chunk
        }
      })(),
    )
    const answer = await undici.request(origin, { dispatcher, method: 'POST', body })
    expect(await answer.body.text()).toBe('done')
    expect(seen).toBe(100 * MEBIBYTE)
    expect(most).toBeLessThan(50 * MEBIBYTE)
    server.closeAllConnections()
    server.close()
  })
})

async function failureOrAnswer(promise: Promise<Dispatcher.ResponseData>): Promise<unknown> {
  return await promise.then(
    ({ statusCode }) => statusCode,
    ({ code }) => code,
  )
}
