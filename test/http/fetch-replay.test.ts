import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Agent, Request as UndiciRequest, fetch as undiciFetch } from 'undici'
import { describe, expect, it } from 'vitest'
import { createTokenFetch, type TokenFetchOptions } from '../../src/http/fetch.ts'
import { managed } from '../support/managed.ts'
import { failureOf } from './axios-api.ts'
import { FetchApi, type FetchRequest } from './fetch-api.ts'

const API = 'https://api.example.com'
const ORDERS = `${API}/orders`

/** A fetch whose API rejects the tokens listed, in its own way. */
function rejecting(
  rejected: readonly string[] = ['token-1'],
  answer: ResponseInit = {},
  options: Partial<TokenFetchOptions<never>> = {},
) {
  const api = new FetchApi()
  const isRejected = ({ authorization }: FetchRequest) => rejected.some((token) => authorization === `Bearer ${token}`)
  api.answer = (request) =>
    isRejected(request) ? new Response('rejected', { status: 401, ...answer }) : new Response('done')
  const tokenFetch = (made: ReturnType<typeof managed>) =>
    createTokenFetch(made.tokens, { origins: [API], fetch: api.fetch, ...options })
  const made = managed()
  return { api, ...made, tokenFetch: tokenFetch(made) }
}

const ALL = Array.from({ length: 100 }, (_, i) => `token-${i}`)

describe('an answer that rejects the token', () => {
  it('is answered with another token, once', async () => {
    const { api, tokenFetch, server, tokens } = rejecting()
    const heard: unknown[] = []
    tokens.on('requestReplayed', (event) => heard.push(event))
    tokens.on('tokenRejected', ({ fingerprint }) => heard.push(fingerprint))
    const { fingerprint } = await tokens.getToken()
    expect(await (await tokenFetch(ORDERS)).text()).toBe('done')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(server.requests).toHaveLength(2)
    expect(heard).toEqual([fingerprint, { client: 'default', origin: API }])
  })

  const challenge = (value: string): ResponseInit => ({ headers: { 'www-authenticate': value } })
  it.each<[string, ResponseInit, number]>([
    ['401 without a challenge', {}, 2],
    ['401 with a bare challenge', challenge('Bearer'), 2],
    ['401 with invalid_token', challenge('Bearer realm="x", error="invalid_token"'), 2],
    ['401 with insufficient_scope', challenge('Bearer error="insufficient_scope"'), 1],
    ['401 with invalid_request', challenge('Bearer error="invalid_request"'), 1],
    ['403', { status: 403 }, 1],
    ['403 with invalid_token', { status: 403, ...challenge('Bearer error="invalid_token"') }, 1],
    ['400', { status: 400 }, 1],
    ['407', { status: 407 }, 1],
    ['299', { status: 299 }, 1],
  ])('is a 401 that does not say otherwise: %s', async (_, answer, requests) => {
    const { api, tokenFetch, server } = rejecting(['token-1'], answer)
    const response = await tokenFetch(ORDERS)
    expect(await response.text()).toBe(requests === 2 ? 'done' : 'rejected')
    expect(response.status).toBe(requests === 2 ? 200 : (answer.status ?? 401))
    expect(api.requests).toHaveLength(requests)
    expect(server.requests).toHaveLength(requests)
  })

  it.each([403, 200])(
    'is also what `isTokenRejected` recognises, which leaves the body to the caller: %i',
    async (said) => {
      const isTokenRejected = ({ status, headers }: Response) => status === said && headers.get('x-why') === 'expired'
      const { api, tokenFetch } = rejecting(
        ['token-1', 'token-2'],
        { status: said, headers: { 'x-why': 'expired' } },
        { isTokenRejected },
      )
      const response = await tokenFetch(ORDERS)
      expect([response.status, await response.text()]).toEqual([said, 'rejected'])
      expect(api.requests).toHaveLength(2)
    },
  )

  it.each([() => false, async () => true, () => 1])(
    'is still none where `isTokenRejected` does not say true',
    async (says) => {
      const { api, tokenFetch } = rejecting(['token-1'], { status: 403 }, { isTokenRejected: says as () => boolean })
      await tokenFetch(ORDERS)
      expect(api.requests).toHaveLength(1)
    },
  )

  it('passes on what `isTokenRejected` throws, and leaves no body open', async () => {
    const isTokenRejected = () => {
      throw new Error('my fault')
    }
    const { api, tokenFetch } = rejecting([], {}, { isTokenRejected })
    const cancelled: unknown[] = []
    api.answer = () => new Response(new ReadableStream({ cancel: () => void cancelled.push('cancelled') }))
    expect(await failureOf(tokenFetch(ORDERS))).toMatchObject({ message: 'my fault' })
    expect(cancelled).toEqual(['cancelled'])
  })

  it.each([
    ['all', 'POST', 2],
    ['all', undefined, 2],
    ['idempotent', 'POST', 1],
    ['idempotent', 'PATCH', 1],
    ['idempotent', 'put', 2],
    ['idempotent', undefined, 2],
    ['none', 'GET', 1],
    ['none', 'POST', 1],
  ] as const)(
    'is not used again in any case; sent again is, with replay %s, %s: %i',
    async (replay, method, requests) => {
      for (const asked of [ORDERS, new Request(ORDERS, { ...(method && { method }) })]) {
        const { api, tokenFetch } = rejecting(['token-1'], {}, { replay })
        await tokenFetch(asked, asked === ORDERS && method ? { method } : {})
        expect(api.requests).toHaveLength(requests)
        expect(await (await tokenFetch(ORDERS)).text()).toBe('done')
        expect(api.authorizations.at(-1)).toBe('Bearer token-2')
      }
    },
  )

  it('costs one token request however many of 100 staggered requests meet it', async () => {
    const { api, tokenFetch, clock, server, tokens } = rejecting()
    const { answer } = api
    let arrived = 0
    api.answer = async (request) => {
      if (request.authorization === 'Bearer token-1') await clock.sleep(10 * (arrived++ % 37))
      return answer(request)
    }
    await tokens.getToken()
    const outcomes = Promise.all(Array.from({ length: 100 }, () => tokenFetch(ORDERS)))
    await clock.advance(1000)
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(100).fill(200))
    expect(server.requests).toHaveLength(2)
    expect(api.requests.length).toBeLessThanOrEqual(200)
  })

  it('gives up its body when it is replaced, and keeps it when it is not', async () => {
    const { api, tokenFetch } = rejecting(['token-1'])
    const cancelled: unknown[] = []
    const body = () => new ReadableStream({ cancel: () => void cancelled.push('cancelled') })
    api.answer = ({ authorization }) =>
      authorization === 'Bearer token-1' ? new Response(body(), { status: 401 }) : new Response(body())
    await tokenFetch(ORDERS)
    expect(cancelled).toEqual(['cancelled'])
  })

  it('gives up its body when that is a stream of Node’s', async () => {
    const { api, tokenFetch } = rejecting()
    const body = Readable.from(['x'])
    const rejected = Object.defineProperty(new Response('', { status: 401 }), 'body', { value: body })
    api.answer = () => (api.requests.length === 1 ? rejected : new Response('done'))
    expect((await tokenFetch(ORDERS)).status).toBe(200)
    expect(body.destroyed).toBe(true)
  })

  it('is replaced where the answer has no body that can be given up, as in React Native', async () => {
    const { api, tokenFetch } = rejecting()
    const rejected = Object.defineProperty(new Response('', { status: 401 }), 'body', { value: undefined })
    api.answer = () => (api.requests.length === 1 ? rejected : new Response('done'))
    expect((await tokenFetch(ORDERS)).status).toBe(200)
  })

  it('is replaced even where its body does not want to be given up', async () => {
    const { api, tokenFetch } = rejecting()
    const body = () => new ReadableStream({ cancel: () => Promise.reject(new Error('not now')) })
    api.answer = () => new Response(body(), { status: api.requests.length === 1 ? 401 : 200 })
    expect((await tokenFetch(ORDERS)).status).toBe(200)
  })

  it.each([
    ['denies it', { status: 400, body: { error: 'invalid_scope' } }],
    ['is down', { status: 503 }],
    ['gives the same again', { body: { access_token: 'token-1', token_type: 'Bearer', expires_in: 3600 } }],
  ])('comes back as it is when there is no other token: the server %s', async (_, byDefault) => {
    const { api, tokenFetch, server, tokens, clock } = rejecting()
    await tokens.getToken()
    server.byDefault = byDefault
    const answering = tokenFetch(ORDERS)
    await clock.advance(20_000)
    const response = await answering
    expect([response.status, await response.text()]).toEqual([401, 'rejected'])
    expect(api.requests).toHaveLength(1)
  })

  it('is not held against the token by a fetch that followed a redirect of its own accord', async () => {
    const { api, tokenFetch, server } = rejecting()
    api.answer = () => Object.defineProperty(new Response('', { status: 401 }), 'redirected', { value: true })
    expect((await tokenFetch(ORDERS)).status).toBe(401)
    await tokenFetch(ORDERS)
    expect(server.requests).toHaveLength(1)
  })
})

describe('an API that always answers 401', () => {
  it('gets two requests a call at most, and its answer comes back as it is', async () => {
    const { api, tokenFetch, server, tokens } = rejecting(ALL, { headers: { 'x-why': 'because' } })
    const heard: string[] = []
    tokens.on('tokenRejected', () => heard.push('token-1'))
    tokens.on('freshTokenRejected', () => heard.push('token-2 at once'))
    for (let calls = 1; calls <= 20; calls++) {
      const response = await tokenFetch(ORDERS)
      expect(response).toMatchObject({ status: 401, bodyUsed: false, redirected: false })
      expect([response.headers.get('x-why'), await response.text()]).toEqual(['because', 'rejected'])
      expect(api.requests.length).toBeLessThanOrEqual(2 * calls)
      if (calls === 1) expect(heard).toEqual(['token-1', 'token-2 at once'])
    }
    expect(server.requests).toHaveLength(2)
  })

  it('gets no third request, be each token rejected in its own right', async () => {
    const { api, tokenFetch, clock, server } = rejecting()
    api.answer = () => {
      clock.moveWall(60_000)
      return new Response('rejected', { status: api.requests.length < 10 ? 401 : 200 })
    }
    expect((await tokenFetch(ORDERS)).status).toBe(401)
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(server.requests).toHaveLength(2)
  })
})

/** What arrived of one request: a digest of its body, and how that was announced. */
type Arrival = Readonly<Record<'authorization' | 'type' | 'length' | 'encoding' | 'digest', string | undefined>>

const digestOf = (latin1: string) => createHash('sha256').update(latin1, 'latin1').digest('hex')

/** A real API that takes every token but the first, after reading the body or, with `early`, before. */
async function realApi({ early = false, redirect = false } = {}) {
  const arrivals: Arrival[] = []
  const read = async (incoming: IncomingMessage) => {
    const {
      authorization,
      'content-type': contentType,
      'content-length': length,
      'transfer-encoding': encoding,
    } = incoming.headers
    const body = early ? '' : (await buffer(incoming)).toString('latin1')
    // Drawn for each sending of a form.
    const [, boundary = 'no boundary'] = /boundary=(.*)/.exec(contentType ?? '') ?? []
    const type = contentType?.replace(boundary, 'b')
    const digest = digestOf(body.replaceAll(boundary, 'b'))
    arrivals.push({ authorization, type, length, encoding, digest })
    return authorization === 'Bearer token-1'
  }
  const server = createServer(async (incoming, response) => {
    if (redirect && incoming.url !== '/there') {
      await read(incoming)
      response.writeHead(307, { location: '/there' }).end()
      return
    }
    if (await read(incoming)) response.writeHead(401).end('rejected')
    else response.end('done')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    arrivals,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const BYTES = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 251)
const form = () => {
  const data = new FormData()
  data.set('note', 'übung')
  data.set('file', new File([BYTES], 'a.bin', { type: 'application/x-own' }))
  return data
}
const BODIES: [string, () => RequestInit['body']][] = [
  ['nothing', () => null],
  ['an empty text', () => ''],
  ['a text', () => 'übung'.repeat(10_000)],
  ['parameters', () => new URLSearchParams({ a: 'ü', b: 'x y' })],
  ['a form with a file', form],
  ['a blob', () => new Blob([BYTES], { type: 'application/x-own' })],
  ['a buffer', () => BYTES.buffer],
  ['a view', () => BYTES.subarray(7, 60_007)],
  ['a DataView', () => new DataView(BYTES.buffer, 7)],
]
const STREAMS: [string, () => unknown][] = [
  ['a stream', () => new Blob([BYTES]).stream()],
  [
    'an iterator',
    () =>
      (async function* () {
        yield BYTES
      })(),
  ],
  ['a stream of Node’s', () => Readable.from([BYTES])],
]

/** A fetch for a real API that allows http. */
function fetchFor(url: string, options: Partial<TokenFetchOptions<never>> = {}) {
  const made = managed({ allowInsecureLoopback: true })
  return { ...made, tokenFetch: createTokenFetch(made.tokens, { origins: [new URL(url).origin], ...options }) }
}

describe('what is sent again', () => {
  it.each(BODIES)('is what was sent: %s', async (_, body) => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url)
    const init = { method: 'PUT', body: body() ?? null }
    await fetch(api.url, init)
    expect(await (await tokenFetch(api.url, init)).text()).toBe('done')
    const [plain, first, second] = api.arrivals
    expect([first?.authorization, second?.authorization]).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect({ ...first, authorization: undefined }).toEqual(plain)
    expect({ ...second, authorization: undefined }).toEqual(plain)
    expect(plain?.length).toBeDefined()
  })

  it.each(BODIES)('is what a `Request` was sent with, in one piece: %s', async (_, body) => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url)
    const request = () => new Request(api.url, { method: 'PUT', body: body() ?? null })
    const asked = request()
    expect(await (await tokenFetch(asked)).text()).toBe('done')
    expect(asked.bodyUsed).toBe(asked.body !== null)
    const [first, second] = api.arrivals
    expect([first?.authorization, second?.authorization]).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect({ ...second, authorization: '' }).toEqual({ ...first, authorization: '' })
    expect(first?.length).toBeDefined()
  })

  it.each(BODIES)('is what undici’s own fetch sent: %s', async (_, body) => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url, { fetch: undiciFetch })
    expect(await (await tokenFetch(api.url, { method: 'PUT', body: body() ?? null })).text()).toBe('done')
    const [first, second] = api.arrivals
    expect({ ...second, authorization: '' }).toEqual({ ...first, authorization: '' })
  })

  it.each(STREAMS)('is no stream, whose 401 comes back: %s', async (_, body) => {
    await using api = await realApi()
    const { tokenFetch, server } = fetchFor(api.url)
    const init = { method: 'POST', body: body() as ReadableStream, duplex: 'half' } as const
    const response = await tokenFetch(api.url, init)
    expect([response.status, await response.text()]).toEqual([401, 'rejected'])
    expect(api.arrivals.map(({ digest }) => digest)).toEqual([digestOf(Buffer.from(BYTES).toString('latin1'))])
    expect(server.requests).toHaveLength(1)
    expect(await (await tokenFetch(api.url)).text()).toBe('done')
  })

  it.each(STREAMS)('is no stream, which fails without `duplex` as it does in fetch: %s', async (_, body) => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url)
    const ask = (send: typeof fetch) => failureOf(send(api.url, { method: 'POST', body: body() as ReadableStream }))
    expect((await ask(tokenFetch)).message).toBe((await ask(fetch)).message)
    expect(api.arrivals).toEqual([])
  })

  it('is what was sent when a redirect comes between', async () => {
    await using api = await realApi({ redirect: true })
    const { tokenFetch } = fetchFor(api.url)
    for (const ask of [api.url, new Request(api.url, { method: 'POST', body: 'x'.repeat(1000) })]) {
      const init = ask === api.url ? { method: 'POST', body: 'x'.repeat(1000) } : {}
      const response = await tokenFetch(ask, init)
      expect(await response.text()).toBe('done')
      expect(response.redirected).toBe(true)
    }
    expect(api.arrivals.map(({ length }) => length)).toEqual(Array(5).fill('1000'))
    const [first, ...others] = api.arrivals.map(({ authorization }) => authorization)
    expect([first, ...others]).toEqual([1, 1, 2, 2, 2].map((n) => `Bearer token-${n}`))
  })

  it('is the body of a `Request` for either reason: a redirect, or a rejected token', async () => {
    await using redirecting = await realApi({ redirect: true })
    await using rejecting = await realApi()
    const post = (url: string, redirect: 'follow' | 'manual') => {
      const request = new Request(url, { method: 'POST', body: 'x'.repeat(1000), redirect })
      const replay = url === redirecting.url ? 'none' : 'all'
      return fetchFor(url, { replay }).tokenFetch(request)
    }
    expect((await post(redirecting.url, 'follow')).status).toBe(401)
    expect((await post(rejecting.url, 'manual')).status).toBe(200)
    const lengths = [redirecting, rejecting].map(({ arrivals }) => arrivals.map(({ length }) => length))
    expect(lengths).toEqual(Array(2).fill(['1000', '1000']))
  })

  it('is the body in `init` where a `Request` has one too', async () => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url)
    const asked = new Request(api.url, { method: 'POST', body: 'not this', headers: { 'content-type': 'text/x' } })
    await tokenFetch(asked, { body: 'this', headers: { 'content-type': 'text/y' } })
    expect(api.arrivals.map(({ length, type }) => `${length} ${type}`)).toEqual(['4 text/y', '4 text/y'])
    expect(asked.bodyUsed).toBe(false)
  })

  const MIB = 1024 * 1024
  it.each([
    [MIB, 2],
    [MIB + 1, 1],
    [8 * MIB, 1],
  ])('is a `Request` of 1 MiB at most: %i bytes, %i requests', async (size, requests) => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url)
    const response = await tokenFetch(new Request(api.url, { method: 'POST', body: new Uint8Array(size) }))
    expect(await response.text()).toBe(requests === 2 ? 'done' : 'rejected')
    const [first, second] = api.arrivals
    expect(first?.length).toBe(String(size))
    expect(api.arrivals).toHaveLength(requests)
    if (requests === 2) expect({ ...second, authorization: '' }).toEqual({ ...first, authorization: '' })
  })

  it('is no `Request` that was not sent whole when the API said no', async () => {
    await using api = await realApi({ early: true })
    const { tokenFetch } = fetchFor(api.url)
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) })
    const response = await tokenFetch(new Request(api.url, { method: 'POST', body, duplex: 'half' }))
    expect([response.status, await response.text()]).toEqual([401, 'rejected'])
    expect(api.arrivals).toHaveLength(1)
  })

  it('is kept while there is no answer, and not much more of it read than fetch does', async () => {
    for (const isAnswered of [false, true]) {
      let read = 0
      const pull = (controller: ReadableStreamDefaultController) => {
        read += 64 * 1024
        controller.enqueue(new Uint8Array(64 * 1024))
      }
      let answerNow = () => {}
      const answer = new Promise<Response>((resolve) => {
        answerNow = () => resolve(new Response('done'))
      })
      if (isAnswered) answerNow()
      const { tokens } = managed()
      const tokenFetch = createTokenFetch(tokens, { origins: [API], fetch: () => answer })
      const body = new ReadableStream({ pull })
      const answering = tokenFetch(new Request(ORDERS, { method: 'POST', body, duplex: 'half' }))
      for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate)
      expect(read).toBeLessThan(1.5 * MIB)
      if (isAnswered) expect(read).toBeLessThan(0.5 * MIB)
      answerNow()
      await answering
    }
  })

  it('is a `Request` whose body the fetch did not even look at', async () => {
    const { tokens } = managed()
    const bodies: unknown[] = []
    const tokenFetch = createTokenFetch(tokens, {
      origins: [API],
      fetch: async (_: Request, { body }: RequestInit) => {
        bodies.push(body && String(body))
        return new Response('', { status: bodies.length === 1 ? 401 : 200 })
      },
    })
    expect((await tokenFetch(new Request(ORDERS, { method: 'POST', body: 'whole' }))).status).toBe(200)
    expect(bodies).toEqual([undefined, 'whole'])
  })

  it.each([
    ['as soon as it is too long', 2 * MIB, false],
    ['as soon as there is an answer', 10, true],
  ])('is a copy that is given up %s', async (_, size, isAnswered) => {
    const { api, tokenFetch } = rejecting()
    const request = new Request(ORDERS, { method: 'POST', body: 'x' })
    let isGivenUp = false
    const copy = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(size)),
      cancel: () => {
        isGivenUp = true
      },
    })
    Object.defineProperty(request, 'clone', { value: () => ({ body: copy }) })
    api.answer = async () => {
      await new Promise(setImmediate)
      expect(isGivenUp).toBe(!isAnswered)
      return new Response('done')
    }
    await tokenFetch(request)
    expect(isGivenUp).toBe(true)
  })

  it('is nothing when the body of a `Request` breaks, which fails as it does in fetch', async () => {
    await using api = await realApi()
    const { tokenFetch } = fetchFor(api.url)
    const ask = (send: typeof fetch) => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })
      return failureOf(send(new Request(api.url, { method: 'POST', body, duplex: 'half' })))
    }
    const [{ name, message, cause }, expected] = [await ask(tokenFetch), await ask(fetch)]
    expect({ name, message, cause }).toEqual({
      name: 'TypeError',
      message: expected.message,
      cause: new Error('broken'),
    })
  })

  it('copies no body of a `Request` that will not be sent again', async () => {
    const { api, tokenFetch } = rejecting(['token-1'], {}, { replay: 'none' })
    const request = new Request(ORDERS, { method: 'POST', body: 'x', redirect: 'error' })
    let copies = 0
    const clone = () => {
      copies += 1
      return Request.prototype.clone.call(request)
    }
    Object.defineProperty(request, 'clone', { value: clone })
    await tokenFetch(request)
    expect(copies).toBe(0)
    expect(api.requests).toHaveLength(1)
  })

  it('goes by way of the dispatcher that a `Request` of undici’s was made with', async () => {
    await using api = await realApi()
    let dispatched = 0
    class CountingAgent extends Agent {
      override dispatch(...given: Parameters<Agent['dispatch']>): boolean {
        dispatched += 1
        return super.dispatch(...given)
      }
    }
    const dispatcher = new CountingAgent()
    const { tokenFetch } = fetchFor(api.url, { fetch: undiciFetch })
    const request = new UndiciRequest(api.url, { method: 'POST', body: 'x'.repeat(1000), dispatcher })
    expect(await (await tokenFetch(request as never)).text()).toBe('done')
    expect(api.arrivals.map(({ length }) => length)).toEqual(['1000', '1000'])
    expect(dispatched).toBe(2)
    await dispatcher.close()
  })

  it.each([
    ['used', (request: Request) => request.text()],
    [
      'begun',
      async (request: Request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        reader?.releaseLock()
      },
    ],
    ['locked', (request: Request) => request.body?.getReader()],
  ])('fails as fetch does for a `Request` whose body is %s', async (_, spoil) => {
    const { tokenFetch } = fetchFor(API)
    const used = new Request(ORDERS, { method: 'POST', body: 'x' })
    await spoil(used)
    expect((await failureOf(tokenFetch(used))).message).toBe((await failureOf(fetch(used))).message)
  })
})
