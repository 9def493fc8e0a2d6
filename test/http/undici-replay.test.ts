import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import type { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { tokenInterceptor, type UndiciAnswer } from '../../src/http/undici.ts'
import { managed } from '../support/managed.ts'
import { failureOf } from './axios-api.ts'
import { rejecting, startApi, VERSIONS } from './undici-versions.ts'

describe.each(VERSIONS)('an answer that rejects the token, with %s', (_, undici) => {
  const { Agent, Client, interceptors, MockAgent } = undici

  it('is answered with another token, once', async () => {
    await using one = await startApi(rejecting(['token-1']))
    const heard: unknown[] = []
    one.tokens.on('requestReplayed', (event) => heard.push(event))
    const dispatcher = new Agent().compose(one.intercept())
    const { statusCode, body } = await undici.request(`${one.api.origin}/orders?page=2`, { dispatcher })
    expect([statusCode, await body.text()]).toEqual([200, 'done'])
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(one.api.requests.map(({ url }) => url)).toEqual(['/orders?page=2', '/orders?page=2'])
    expect(heard).toEqual([{ client: 'default', origin: one.api.origin }])
  })

  const bearer = (parameters: string) => ({ 'www-authenticate': `Bearer ${parameters}` })
  it.each([
    ['401 without a challenge', 401, {}, 2],
    ['401 with invalid_token', 401, bearer('realm="x", error="invalid_token"'), 2],
    ['401 with several challenges', 401, { 'www-authenticate': ['Basic', 'Bearer error="invalid_token"'] }, 2],
    ['401 with insufficient_scope', 401, bearer('error="insufficient_scope"'), 1],
    ['403', 403, {}, 1],
    ['403 with invalid_token', 403, bearer('error="invalid_token"'), 1],
    ['400', 400, {}, 1],
  ])('is a 401 that does not say otherwise: %s', async (_, status, headers, requests) => {
    await using one = await startApi((response, request) => {
      if (request.headers.authorization !== 'Bearer token-1') response.end('done')
      else response.writeHead(status, headers).end('rejected')
    })
    const dispatcher = new Agent().compose(one.intercept())
    const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
    expect([statusCode, await body.text()]).toEqual(requests === 2 ? [200, 'done'] : [status, 'rejected'])
    expect(one.api.requests).toHaveLength(requests)
    expect(one.server.requests).toHaveLength(requests)
  })

  it('is also what `isTokenRejected` recognises in another', async () => {
    await using one = await startApi((response, { headers }) => {
      if (headers.authorization !== 'Bearer token-1') response.end('done')
      else response.writeHead(403, { 'x-reason': 'expired' }).end()
    })
    const isTokenRejected = ({ statusCode, headers }: UndiciAnswer) =>
      statusCode === 403 && headers['x-reason'] === 'expired'
    const dispatcher = new Agent().compose(one.intercept({ isTokenRejected }))
    expect((await undici.request(one.api.origin, { dispatcher })).statusCode).toBe(200)
    expect(one.api.requests).toHaveLength(2)
  })

  it('fails the request where `isTokenRejected` throws', async () => {
    await using one = await startApi()
    const isTokenRejected = () => {
      throw new RangeError('no idea')
    }
    const dispatcher = new Agent().compose(one.intercept({ isTokenRejected }))
    expect(await failureOf(undici.request(one.api.origin, { dispatcher }))).toMatchObject({ message: 'no idea' })
  })

  it.each([
    ['all', 'POST', 2],
    ['all', 'GET', 2],
    ['idempotent', 'POST', 1],
    ['idempotent', 'PUT', 2],
    ['idempotent', 'GET', 2],
    ['none', 'GET', 1],
  ] as const)(
    'is not used again in any case; sent again is, with replay %s, %s: %i',
    async (replay, method, requests) => {
      await using one = await startApi(rejecting(['token-1']))
      const dispatcher = new Agent().compose(one.intercept({ replay }))
      await undici.request(one.api.origin, { dispatcher, method })
      expect(one.api.requests).toHaveLength(requests)
      expect((await undici.request(one.api.origin, { dispatcher })).statusCode).toBe(200)
      expect(one.authorizations().at(-1)).toBe('Bearer token-2')
    },
  )

  it('is the caller’s, whole, where the second token is rejected too', async () => {
    await using one = await startApi(rejecting(['token-1', 'token-2'], 'why it was rejected'))
    const dispatcher = new Agent().compose(one.intercept())
    const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
    expect([statusCode, await body.text()]).toEqual([401, 'why it was rejected'])
    expect(one.api.requests).toHaveLength(2)
  })

  it.each(['a long body', 'a short body', 'no body'])(
    'is the caller’s, whole, where there is no other token: %s',
    async (how) => {
      const long = Buffer.alloc(5_000_000, 'x')
      const why = how === 'no body' ? '' : how === 'a short body' ? 'why' : long
      await using one = await startApi(rejecting(['token-1'], why))
      const dispatcher = new Agent().compose(one.intercept())
      await one.tokens.getToken()
      one.server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
      const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
      expect(statusCode).toBe(401)
      expect(Buffer.from(await body.arrayBuffer()).equals(Buffer.from(why))).toBe(true)
      expect(one.api.requests).toHaveLength(1)
    },
  )

  it('leaves nothing of its head or body to the caller', async () => {
    await using one = await startApi((response, { headers }) => {
      if (headers.authorization === 'Bearer token-1') response.writeHead(401, { 'x-first': '1' }).end('rejected')
      else response.writeHead(200, { 'x-second': '2' }).end('done')
    })
    const calls: unknown[] = []
    const dispatcher = new Agent().compose(one.intercept())
    await new Promise<void>((resolve, reject) => {
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => {},
        onResponseStart: (_, status, headers) => calls.push(status, headers['x-first'], headers['x-second']),
        onResponseData: (_, chunk) => calls.push(String(chunk)),
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => reject(error),
      }
      dispatcher.dispatch({ origin: one.api.origin, path: '/', method: 'GET' }, handler)
    })
    expect(calls).toEqual([200, undefined, '2', 'done'])
  })

  it('frees its connection, be it long or never at its end', async () => {
    for (const kind of ['long', 'never ends'] as const) {
      await using one = await startApi((response, { headers }) => {
        if (headers.authorization !== 'Bearer token-1') response.end('done')
        else if (kind === 'long') response.writeHead(401).end(Buffer.alloc(5_000_000))
        else response.writeHead(401).write('…')
      })
      const client = new Client(one.api.origin).compose(one.intercept())
      const { body } = await client.request({ origin: one.api.origin, path: '/', method: 'GET' })
      expect(await body.text()).toBe('done')
      expect(one.api.connections).toBe(2)
    }
  })

  it('leaves its connection to the next request where it is short', async () => {
    await using one = await startApi(rejecting(['token-1'], 'x'.repeat(1000)))
    const client = new Client(one.api.origin).compose(one.intercept())
    const { body } = await client.request({ origin: one.api.origin, path: '/', method: 'GET' })
    expect(await body.text()).toBe('done')
    expect(one.api.connections).toBe(1)
  })

  it('costs one token request and one more sending each however many of 100 requests meet it', async () => {
    await using one = await startApi(rejecting(['token-1']))
    const dispatcher = new Agent({ connections: 20 }).compose(one.intercept())
    await one.tokens.getToken()
    const all = Array.from({ length: 100 }, async (_, i) => {
      const { statusCode, body } = await undici.request(`${one.api.origin}/${i}`, { dispatcher })
      return `${statusCode} ${await body.text()}`
    })
    expect(new Set(await Promise.all(all))).toEqual(new Set(['200 done']))
    expect(one.server.requests).toHaveLength(2)
    expect(one.api.requests.length).toBeLessThanOrEqual(200)
  })

  it('of an API that rejects every token reaches the caller after at most two requests', async () => {
    const every = Array.from({ length: 9 }, (_, i) => `token-${i}`)
    await using one = await startApi(rejecting(every, 'never'))
    const dispatcher = new Agent().compose(one.intercept())
    for (let times = 0; times < 3; times++) {
      const before = one.api.requests.length
      const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
      expect([statusCode, await body.text()]).toEqual([401, 'never'])
      expect(one.api.requests.length - before).toBeLessThanOrEqual(2)
    }
    expect(one.server.requests.length).toBeLessThanOrEqual(2)
  })

  it('is not answered with a third token', async () => {
    await using one = await startApi((response) => {
      one.tokens.invalidateAll()
      response.writeHead(401).end('never')
    })
    const dispatcher = new Agent().compose(one.intercept())
    const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
    expect([statusCode, await body.text()]).toEqual([401, 'never'])
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('is not read while it waits for another token, and its connection is closed if the caller aborts', async () => {
    let chunks = 0
    await using one = await startApi((response) => {
      const chunk = Buffer.alloc(1024 * 1024)
      const source = new Readable({ read: () => void source.push(chunks++ < 200 ? chunk : null) })
      source.on('error', () => {})
      source.pipe(response.writeHead(401))
    })
    await using other = await startApi()
    const dispatcher = new Agent().compose(one.intercept())
    await one.tokens.getToken()
    one.server.byDefault = { hang: true }
    const rejected = new Promise((resolve) => one.tokens.on('tokenRejected', resolve))
    const abort = new AbortController()
    const outcome = failureOf(undici.request(one.api.origin, { dispatcher, signal: abort.signal }))
    await rejected
    // Round trips: what could have been sent meanwhile was.
    for (let times = 0; times < 50; times++) await (await fetch(other.api.origin)).text()
    expect(chunks).toBeLessThan(150)
    const closed = one.api.allClosed()
    abort.abort(new Error('enough'))
    expect(await outcome).toMatchObject({ message: 'enough' })
    await closed
  })

  it('flows to a handler that never pauses, by the controller it was told of last, when there is no other token', async () => {
    await using one = await startApi(rejecting(['token-1'], Buffer.alloc(5_000_000)))
    const dispatcher = new Agent().compose(one.intercept())
    await one.tokens.getToken()
    one.server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    let received = 0
    let told: unknown
    let last: unknown
    await new Promise<void>((resolve, reject) => {
      dispatcher.dispatch(
        { origin: one.api.origin, path: '/', method: 'GET' },
        {
          onRequestStart: (controller) => {
            told = controller
          },
          onResponseStart: (controller) => {
            last = controller
          },
          onResponseData: (_, chunk) => {
            received += chunk.length
          },
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        },
      )
    })
    expect(received).toBe(5_000_000)
    expect(last).toBe(told)
  })

  it('ends with the caller’s abort while it waits for another token', async () => {
    await using one = await startApi(rejecting(['token-1']))
    const dispatcher = new Agent().compose(one.intercept())
    await one.tokens.getToken()
    one.server.byDefault = { hang: true }
    const rejected = new Promise((resolve) => one.tokens.on('tokenRejected', resolve))
    const abort = new AbortController()
    const outcome = failureOf(undici.request(one.api.origin, { dispatcher, signal: abort.signal }))
    await rejected
    abort.abort(new Error('enough'))
    expect(await outcome).toMatchObject({ message: 'enough' })
    expect(one.api.requests).toHaveLength(1)
  })

  it('is not blamed on the token where it comes from another origin', async () => {
    await using denying = await startApi((response) => response.writeHead(401).end('who are you?'))
    await using one = await startApi((response) => response.writeHead(307, { location: denying.api.origin }).end())
    const redirect = interceptors.redirect({ maxRedirections: 3 })
    const dispatcher = new Agent().compose(redirect, one.intercept())
    const { statusCode, body } = await undici.request(one.api.origin, { dispatcher })
    expect([statusCode, await body.text()]).toEqual([401, 'who are you?'])
    expect([one.api.requests.length, denying.api.requests.length]).toEqual([1, 1])
    expect(denying.authorizations()).toEqual([undefined])
    expect((await one.tokens.getToken()).reveal()).toBe('token-1')
  })

  it('is answered also after a redirect on the same origin', async () => {
    const denies = rejecting(['token-1'])
    await using one = await startApi((response, request, incoming) => {
      if (request.url === '/from') response.writeHead(307, { location: '/to' }).end()
      else denies(response, request, incoming)
    })
    const redirect = interceptors.redirect({ maxRedirections: 3 })
    for (const dispatcher of [
      new Agent().compose(redirect, one.intercept()),
      new Agent().compose(one.intercept(), redirect),
    ]) {
      one.tokens.invalidateAll()
      const { body } = await undici.request(`${one.api.origin}/from`, { dispatcher })
      expect(await body.text()).toBe('done')
    }
  })

  it.each(['before', 'after'])('is answered with the interceptor responseError %s it', async (where) => {
    await using one = await startApi(rejecting(['token-1', 'token-3', 'token-4'], 'why'))
    const both = [one.intercept(), interceptors.responseError()]
    const dispatcher = new Agent().compose(...(where === 'after' ? both : both.toReversed()))
    expect(await (await undici.request(one.api.origin, { dispatcher })).body.text()).toBe('done')
    one.tokens.invalidateAll()
    const error = await failureOf(undici.request(one.api.origin, { dispatcher }))
    expect(error).toMatchObject({ name: 'ResponseError', statusCode: 401 })
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3', 'Bearer token-4'])
  })

  it.each(['at hand', 'requested'])(
    'is replaced in a mock, which cannot be paused: the next token is %s',
    async (how) => {
      const { tokens, server } = managed()
      const mock = new MockAgent()
      mock.disableNetConnect()
      const pool = mock.get('https://api.example.com')
      const sent: unknown[] = []
      const note = ({ headers }: { headers: unknown }) => {
        sent.push((headers as Record<string, string>).Authorization)
        if (how === 'at hand') tokens.invalidateAll()
        return 'rejected'
      }
      pool.intercept({ path: '/' }).reply(401, note)
      pool.intercept({ path: '/' }).reply(200, 'done')
      const dispatcher = mock.compose(tokenInterceptor(tokens, { origins: ['https://api.example.com'] }))
      const { body } = await dispatcher.request({ origin: 'https://api.example.com', path: '/', method: 'GET' })
      expect(await body.text()).toBe('done')
      expect(sent).toEqual(['Bearer token-1'])
      expect(server.requests).toHaveLength(2)
    },
  )

  it('of a mock is the caller’s, whole and once, where there is no other token', async () => {
    const { tokens, server } = managed()
    await tokens.getToken()
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    const mock = new MockAgent()
    mock.disableNetConnect()
    mock.get('https://api.example.com').intercept({ path: '/' }).reply(401, 'why')
    const dispatcher = mock.compose(tokenInterceptor(tokens, { origins: ['https://api.example.com'] }))
    const answer = await dispatcher.request({ origin: 'https://api.example.com', path: '/', method: 'GET' })
    expect([answer.statusCode, await answer.body.text()]).toEqual([401, 'why'])
  })
})

describe.each(VERSIONS)('a body, with %s', (_, undici) => {
  const { Agent } = undici
  const content = Buffer.from('0123456789'.repeat(20_000))
  const form = () => {
    const data = new undici.FormData()
    data.append('orders', 'many')
    data.append('file', new Blob([content]), 'orders.txt')
    return data
  }

  /** Notes a digest of each body; parts of forms without their boundary. */
  async function listening(): Promise<{ origin: string; digests: string[]; [Symbol.asyncDispose](): Promise<void> }> {
    const digests: string[] = []
    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      const [, boundary] = /boundary=(.+)$/.exec(request.headers['content-type'] ?? '') ?? []
      const body = await buffer(request)
      const plain = boundary === undefined ? body : body.toString().replaceAll(boundary, '')
      digests.push(createHash('sha256').update(plain).digest('hex'))
      response.writeHead(request.headers.authorization === 'Bearer token-1' ? 401 : 200).end('answer')
    }
    const server = createServer((request, response) => void answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      digests,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  }

  const once = (make: () => unknown) => ({ requests: 1, make })
  const twice = (make: () => unknown) => ({ requests: 2, make })
  async function* chunks() {
    yield content
  }
  it.each([
    ['none', twice(() => undefined)],
    ['null', twice(() => null)],
    ['a string', twice(() => content.toString())],
    ['a Buffer', twice(() => content)],
    ['a typed array', twice(() => new Uint8Array(content))],
    ['a Blob', twice(() => new Blob([content]))],
    ['a FormData', twice(form)],
    ['a stream', once(() => Readable.from([content]))],
    ['a web stream', once(() => new Blob([content]).stream())],
    ['an async iterator', once(() => chunks())],
    ['a form as a stream', once(() => Readable.from(new Blob([content]).stream()))],
  ] as const)('is the same when it is sent again, and sent once if it is consumed: %s', async (_, kind) => {
    await using api = await listening()
    const { tokens } = managed({ allowInsecureLoopback: true })
    const dispatcher = new Agent().compose(tokenInterceptor(tokens, { origins: [api.origin] }))
    const body = kind.make() as string
    const answer = await undici.request(api.origin, { dispatcher, method: 'POST', body })
    expect(answer.statusCode).toBe(kind.requests === 2 ? 200 : 401)
    expect(await answer.body.text()).toBe('answer')
    expect(api.digests).toHaveLength(kind.requests)
    expect(new Set(api.digests).size).toBe(1)
    const isEmpty = api.digests[0] === createHash('sha256').update('').digest('hex')
    expect(isEmpty).toBe(body === undefined || body === null)
  })

  it('of undici’s fetch is a stream, whose 401 is the caller’s', async () => {
    await using api = await listening()
    const { tokens } = managed({ allowInsecureLoopback: true })
    const dispatcher = new Agent().compose(tokenInterceptor(tokens, { origins: [api.origin] }))
    const posted = await undici.fetch(api.origin, { dispatcher, method: 'POST', body: content.toString() })
    expect([posted.status, await posted.text()]).toEqual([401, 'answer'])
    expect(api.digests).toHaveLength(1)
    expect(await text(Readable.fromWeb((await undici.fetch(api.origin, { dispatcher })).body as never))).toBe('answer')
  })
})
