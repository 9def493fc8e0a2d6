import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import axios, { type AxiosResponse, type CreateAxiosDefaults } from 'axios'
import FormDataStream from 'form-data'
import { describe, expect, it } from 'vitest'
import { type AttachOptions, attachTokenManager } from '../../src/http/axios.ts'
import { sendJson, startServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { Api, type ApiAnswer, failureOf } from './axios-api.ts'

/** An attached instance whose API rejects the tokens listed. */
function rejecting(
  rejected: readonly string[] = ['token-1'],
  answer: ApiAnswer = {},
  options: AttachOptions = {},
  config: CreateAxiosDefaults = {},
) {
  const { clock, server, tokens } = managed()
  const api = new Api()
  api.answer = ({ authorization }) =>
    rejected.some((token) => authorization === `Bearer ${token}`)
      ? { status: 401, data: 'rejected', ...answer }
      : { data: 'done' }
  const client = api.client(config)
  attachTokenManager(client, tokens, options as object)
  return { clock, server, tokens, api, client }
}

const ALL = Array.from({ length: 100 }, (_, i) => `token-${i}`)

describe('an answer that rejects the token', () => {
  it('is answered with another token, once', async () => {
    const { api, client, server, tokens } = rejecting()
    const heard: unknown[] = []
    tokens.on('requestReplayed', (event) => heard.push(event))
    tokens.on('tokenRejected', ({ fingerprint }) => heard.push(fingerprint))
    const fingerprint = (await tokens.getToken()).fingerprint
    const { data } = await client.get('/orders')
    expect(data).toBe('done')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(server.requests).toHaveLength(2)
    expect(heard).toEqual([fingerprint, { client: 'default', origin: 'https://api.example.com' }])
  })

  const challenge = (value: string): ApiAnswer => ({ headers: { 'www-authenticate': value } })
  it.each([
    ['401 without a challenge', {}, 2],
    ['401 with a bare challenge', challenge('Bearer'), 2],
    ['401 with invalid_token', challenge('Bearer realm="x", error="invalid_token"'), 2],
    ['401 with insufficient_scope', challenge('Bearer error="insufficient_scope"'), 1],
    ['401 with invalid_request', challenge('Bearer error="invalid_request"'), 1],
    ['403', { status: 403 }, 1],
    ['403 with invalid_token', { status: 403, ...challenge('Bearer error="invalid_token"') }, 1],
    ['400', { status: 400 }, 1],
    ['407', { status: 407 }, 1],
  ])('is a 401 that does not say otherwise: %s', async (_, answer, requests) => {
    const { api, client, server } = rejecting(['token-1'], answer)
    const outcome = client.get('/orders')
    if (requests === 2) expect((await outcome).data).toBe('done')
    else expect((await failureOf(outcome)).response).toMatchObject({ status: answer.status ?? 401, data: 'rejected' })
    expect(api.requests).toHaveLength(requests)
    expect(server.requests).toHaveLength(requests)
  })

  it.each(['rejected', 'fulfilled'])('is also what `isTokenRejected` recognises in another: %s', async (how) => {
    const isTokenRejected = ({ status, data }: AxiosResponse) => status === 403 && data === 'expired'
    const config = how === 'fulfilled' ? { validateStatus: () => true } : {}
    const { api, client } = rejecting(['token-1'], { status: 403, data: 'expired' }, { isTokenRejected }, config)
    expect((await client.get('/orders')).data).toBe('done')
    expect(api.requests).toHaveLength(2)
  })

  it('is still a 401 where `isTokenRejected` says no', async () => {
    const { api, client } = rejecting(['token-1'], {}, { isTokenRejected: () => false })
    await client.get('/orders')
    expect(api.requests).toHaveLength(2)
  })

  it('passes on what `isTokenRejected` throws, and leaves no body open', async () => {
    const isTokenRejected = () => {
      throw new Error('my fault')
    }
    const data = new Readable({ read: () => {} })
    const { client } = rejecting(['token-1'], { status: 403, data }, { isTokenRejected })
    expect(await failureOf(client.get('/orders'))).toMatchObject({ message: 'my fault' })
    expect(data.destroyed).toBe(true)
  })

  it('is replaced even where its body does not want to be given up', async () => {
    const data = { cancel: () => Promise.reject(new TypeError('somebody reads it')) }
    const { client } = rejecting(['token-1'], { data })
    expect((await client.get('/orders')).data).toBe('done')
  })

  it('is recognised where `validateStatus` lets it pass as a success', async () => {
    const { api, client } = rejecting(['token-1'], {}, {}, { validateStatus: () => true })
    expect(await client.get('/orders')).toMatchObject({ status: 200, data: 'done' })
    expect(api.requests).toHaveLength(2)
  })

  it.each([
    ['all', 'post', 2],
    ['all', 'get', 2],
    ['idempotent', 'post', 1],
    ['idempotent', 'patch', 1],
    ['idempotent', 'put', 2],
    ['idempotent', 'get', 2],
    ['none', 'get', 1],
    ['none', 'post', 1],
  ] as const)(
    'is not used again in any case; with replay %s, a %s request is sent %i time(s) in all',
    async (replay, method, requests) => {
      const { api, client } = rejecting(['token-1'], {}, { replay })
      await client.request({ method, url: '/orders' }).catch(() => {})
      expect(api.requests).toHaveLength(requests)
      expect((await client.get('/orders')).data).toBe('done')
      expect(api.authorizations.at(-1)).toBe('Bearer token-2')
    },
  )

  it('costs one token request however many of 100 staggered requests meet it', async () => {
    const { api, client, clock, server, tokens } = rejecting()
    const { answer } = api
    let arrived = 0
    api.answer = async (request) => {
      if (request.authorization === 'Bearer token-1') await clock.sleep(10 * (arrived++ % 37))
      return answer(request)
    }
    await tokens.getToken()
    const outcomes = Promise.all(Array.from({ length: 100 }, () => client.get('/orders')))
    await clock.advance(1000)
    expect((await outcomes).map(({ data }) => data)).toEqual(Array(100).fill('done'))
    expect(server.requests).toHaveLength(2)
    expect(api.requests.length).toBeLessThanOrEqual(200)
  })

  it('that comes late is answered with the token that has replaced it meanwhile', async () => {
    const { api, client, clock, server, tokens } = rejecting()
    const { answer } = api
    api.answer = async (request) => {
      if (request.url.endsWith('/slow')) await clock.sleep(1000)
      return answer(request)
    }
    await tokens.getToken()
    const slow = client.get('/slow')
    await clock.advance(500)
    await client.get('/fast')
    await clock.advance(1500)
    expect((await slow).data).toBe('done')
    expect(server.requests).toHaveLength(2)
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2', 'Bearer token-2'])
  })
})

describe('an API that always answers 401', () => {
  it.each([
    ['', {}],
    [', accepted by `validateStatus`', { validateStatus: () => true }],
  ])('gets two requests a call at most, and its answer comes back as it is%s', async (_, config) => {
    const { api, client, server, tokens } = rejecting(
      ALL,
      { data: 'go away', headers: { 'x-why': 'because' } },
      {},
      config,
    )
    const heard: string[] = []
    tokens.on('tokenRejected', () => heard.push('token-1'))
    tokens.on('freshTokenRejected', () => heard.push('token-2 at once'))
    for (let calls = 1; calls <= 20; calls++) {
      const outcome = client.get('/orders')
      const answer = 'validateStatus' in config ? await outcome : (await failureOf(outcome)).response
      expect(answer).toMatchObject({ status: 401, data: 'go away', headers: { 'x-why': 'because' } })
      expect(api.requests.length).toBeLessThanOrEqual(2 * calls)
      if (calls === 1) expect(heard).toEqual(['token-1', 'token-2 at once'])
    }
    expect(server.requests).toHaveLength(2)
  })
})

describe('sending again', () => {
  it('sends what was sent, without the instance’s defaults that others took away', async () => {
    const { api, client } = rejecting(['token-1'], {}, {}, { headers: { 'x-default': '1' }, params: { page: 1 } })
    client.interceptors.request.use((config) => {
      delete config.headers['x-default']
      return Object.assign(config, { params: undefined })
    })
    await client.get('/orders')
    const [first, second] = api.requests.map(({ config }) => ({ ...config.headers, params: config.params }))
    expect(first).not.toHaveProperty('x-default')
    expect(second).not.toHaveProperty('x-default')
    expect(second?.params).toBeUndefined()
  })

  it('leaves the caller’s transforms on the error when it fails', async () => {
    const transformRequest = [String]
    const transformResponse = [String]
    const { api, client } = rejecting(['token-1'], {}, {}, { transformRequest, transformResponse })
    const { answer } = api
    api.answer = (request) => (api.requests.length === 2 ? { breaks: true } : answer(request))
    const { config } = await failureOf(client.post('/orders', 'x'))
    expect(config).toMatchObject({ transformRequest, transformResponse, data: 'x' })
  })

  it('transforms the body once, and each answer once', async () => {
    const transforms: unknown[] = []
    const transformRequest = [(data: object) => JSON.stringify({ sent: transforms.push(data), ...data })]
    const transformResponse = [(data: unknown) => ({ received: data })]
    const { api, client } = rejecting(['token-1'], {}, {}, { transformRequest, transformResponse })
    const { data, config } = await client.post('/orders', { id: 1 })
    expect(data).toEqual({ received: 'done' })
    expect(transforms).toEqual([{ id: 1 }])
    expect(api.requests.map((request) => request.config.data)).toEqual(Array(2).fill('{"sent":1,"id":1}'))
    expect(config).toMatchObject({ transformRequest, transformResponse, data: '{"sent":1,"id":1}', url: '/orders' })
  })

  it('shows the interceptors added after ours the last answer only, and those before each', async () => {
    const { tokens } = managed()
    const api = new Api()
    api.answer = ({ authorization }) => ({ status: authorization === 'Bearer token-1' ? 401 : 200 })
    const client = api.client({ validateStatus: () => true })
    const seen: string[] = []
    const note = (who: string) => (answer: AxiosResponse) => {
      seen.push(`${who} ${answer.status}`)
      return answer
    }
    client.interceptors.response.use(note('before'))
    attachTokenManager(client, tokens)
    client.interceptors.response.use(note('after'))
    await client.get('/')
    expect(seen).toEqual(['before 401', 'after 200'])
  })

  it('does not begin for what other interceptors made of the answer', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    let made: unknown
    client.interceptors.response.use(() => made as never)
    attachTokenManager(client, tokens)
    for (made of [undefined, null, 'text', { status: 401 }, { status: 401, config: {} }]) {
      expect(await client.get('/')).toBe(made)
    }
    expect(api.requests).toHaveLength(5)
  })

  it.each([undefined, null, 'text', new Error('of another'), { response: { status: 401 } }, { response: null }])(
    'does not begin for what other interceptors made of the failure: %s',
    async (made) => {
      const { tokens } = managed()
      const api = new Api()
      const client = api.client()
      client.interceptors.response.use(() => Promise.reject(made))
      attachTokenManager(client, tokens)
      expect(await failureOf(client.get('/'))).toBe(made)
      expect(api.requests).toHaveLength(1)
    },
  )

  it('does not begin for a request that was turned elsewhere since', async () => {
    const { tokens } = managed()
    const api = new Api()
    api.answer = () => ({ status: 401 })
    const client = api.client()
    client.interceptors.response.use(null, (error) => {
      error.config.url = 'https://other.example/'
      throw error
    })
    attachTokenManager(client, tokens)
    await failureOf(client.get('/'))
    expect(api.requests).toHaveLength(1)
  })

  it.each([
    ['denies it', { status: 400, body: { error: 'invalid_scope' } }],
    ['is down', { status: 503 }],
    ['gives the same again', { body: { access_token: 'token-1', token_type: 'Bearer', expires_in: 3600 } }],
  ])('does not begin when the server %s: the API’s own answer comes back', async (_, byDefault) => {
    const { api, client, clock, server, tokens } = rejecting()
    await tokens.getToken()
    server.byDefault = byDefault
    const failure = failureOf(client.get('/orders'))
    await clock.advance(60_000)
    expect((await failure).response).toMatchObject({ status: 401, data: 'rejected' })
    expect(api.requests).toHaveLength(1)
    expect(server.requests.length).toBeGreaterThan(1)
  })

  it('fails as a network does when the network fails, with nothing to see of the token', async () => {
    const { api, client } = rejecting()
    const { answer } = api
    api.answer = (request) => (api.requests.length === 2 ? { breaks: true } : answer(request))
    const error = await failureOf(client.post('/orders', { id: 1 }, { headers: { 'x-request-id': '7' } }))
    expect(error).toMatchObject({ isAxiosError: true, code: 'ECONNRESET' })
    expect(error.config).toMatchObject({ url: '/orders', data: '{"id":1}', headers: { 'x-request-id': '7' } })
    expect(error.config).not.toHaveProperty('headers.Authorization')
  })

  it('ends with the signal of the caller while it waits for the token', async () => {
    const { api, client, clock, server } = rejecting()
    server.script.push({}, { afterMs: 1000 })
    const controller = new AbortController()
    const failure = failureOf(client.get('/', { signal: controller.signal }))
    await clock.advance(500)
    controller.abort()
    expect(axios.isCancel(await failure)).toBe(true)
    expect(api.requests).toHaveLength(1)
  })

  it('waits no longer than the request’s timeout: then the API’s own answer comes back', async () => {
    const { api, client, clock, server } = rejecting()
    server.script.push({}, { afterMs: 1000 })
    const failure = failureOf(client.get('/', { timeout: 300 }))
    await clock.advance(300)
    expect(await failure).toMatchObject({ response: { status: 401 } })
    expect(api.requests).toHaveLength(1)
  })
})

// What follows goes over the wire.

interface Arrival {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A server that rejects the first token, and keeps each body byte by byte. */
async function startApi() {
  const arrivals: Arrival[] = []
  const server = createServer(async (request, response) => {
    arrivals.push({ headers: request.headers, body: await buffer(request) })
    sendJson(response, { requests: arrivals.length }, request.headers.authorization === 'Bearer token-1' ? 401 : 200)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { tokens } = managed({ allowInsecureLoopback: true })
  const client = axios.create({ baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, proxy: false })
  attachTokenManager(client, tokens)
  return {
    ...{ arrivals, client },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const digest = (body: Buffer) => createHash('sha256').update(body).digest('hex')

describe('a body', () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256)
  const form = () => {
    const data = new FormData()
    data.set('name', 'Zoë')
    data.set('file', new Blob([bytes]), 'all.bin')
    return data
  }
  const bodies: [string, () => unknown][] = [
    ['JSON', () => ({ id: 1, name: 'Zoë', nested: [{ a: null }] })],
    ['an array', () => [1, 2, 3]],
    ['a string', () => 'Zoë\r\n\0'],
    ['an empty string', () => ''],
    ['nothing', () => undefined],
    [
      'URLSearchParams',
      () =>
        new URLSearchParams([
          ['a', 'ä b'],
          ['a', '&'],
        ]),
    ],
    ['a Buffer', () => Buffer.from(bytes)],
    ['a typed array', () => bytes],
    ['an ArrayBuffer', () => bytes.buffer],
    ['a Blob', () => new Blob([bytes], { type: 'image/png' })],
  ]

  it.each(bodies)('arrives byte by byte the same the second time: %s', async (_, body) => {
    await using api = await startApi()
    const { data } = await api.client.post('/', body())
    expect(data).toEqual({ requests: 2 })
    const [first, second] = api.arrivals as [Arrival, Arrival]
    expect(digest(second.body)).toBe(digest(first.body))
    const { authorization: firstToken, ...headers } = first.headers
    expect(second.headers).toEqual({ ...headers, authorization: 'Bearer token-2' })
    expect(firstToken).toBe('Bearer token-1')
  })

  it.each([
    ['http', 'FormData', form],
    ['fetch', 'FormData', form],
    ['fetch', 'a Blob', () => new Blob([bytes])],
    ['fetch', 'JSON', () => ({ id: 1 })],
  ])('is the same part by part with the %s adapter: %s', async (adapter, what, body) => {
    await using api = await startApi()
    expect((await api.client.post('/', body(), { adapter })).data).toEqual({ requests: 2 })
    const [first, second] = await Promise.all(api.arrivals.map(readBody))
    expect(second).toEqual(first)
    if (what === 'FormData') expect(first).toHaveLength(2)
  })

  it('is on the config as it was', async () => {
    await using api = await startApi()
    const data = form()
    expect((await api.client.post('/', data)).config.data).toBe(data)
  })

  const formStream = () => {
    const data = new FormDataStream()
    data.append('name', 'x')
    return data
  }
  it.each([
    ['http', 'a stream of Node', () => Readable.from([Buffer.from('once')]), {}],
    ['http', 'a form of form-data', formStream, {}],
    ['http', 'an object that axios makes a form of', () => ({ name: 'x' }), { 'content-type': 'multipart/form-data' }],
    ['fetch', 'a stream of the web', () => new Blob(['once']).stream(), {}],
  ])(
    'that is used up by sending is never sent twice (%s adapter, %s): the 401 comes back',
    async (adapter, _, body, headers) => {
      await using api = await startApi()
      const error = await failureOf(
        api.client.post('/', body(), { adapter, headers, fetchOptions: { duplex: 'half' } as never }),
      )
      expect(error).toMatchObject({ response: { status: 401, data: { requests: 1 } } })
      expect(api.arrivals).toHaveLength(1)
      await api.client.get('/')
      expect(api.arrivals.at(-1)?.headers.authorization).toBe('Bearer token-2')
    },
  )
})

/** The parts of a form, or the bytes. */
async function readBody({ body }: Arrival): Promise<unknown> {
  // From the body, because axios's fetch adapter does not always name it in the header.
  const boundary = /^--([^\r]+)\r\n/.exec(body.toString('latin1'))?.[1]
  if (boundary === undefined) return digest(body)
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  const form = await new Response(new Uint8Array(body), { headers }).formData()
  return await Promise.all(
    [...form].map(async ([name, value]) =>
      typeof value === 'string'
        ? [name, value]
        : [name, value.name, value.type, digest(Buffer.from(await value.arrayBuffer()))],
    ),
  )
}

describe('a 401 on the wire', () => {
  it.each(['http', 'fetch'])(
    'that nobody reads is closed, and the other answer streams: %s adapter',
    async (adapter) => {
      const closed: string[] = []
      await using api = await startServer((response, request) => {
        const isRejected = request.headers.authorization === 'Bearer token-1'
        response.on('close', () => closed.push(String(request.headers.authorization)))
        response.writeHead(isRejected ? 401 : 200).write('begun ')
        if (!isRejected) response.end('and done')
      })
      const { tokens } = managed({ allowInsecureLoopback: true })
      const client = axios.create({ baseURL: api.origin, proxy: false, adapter, responseType: 'stream' })
      attachTokenManager(client, tokens)
      const { data } = await client.get('/')
      expect(await text(data)).toBe('begun and done')
      while (closed.length < 2) await new Promise((resolve) => setImmediate(resolve))
      expect(closed.sort()).toEqual(['Bearer token-1', 'Bearer token-2'])
    },
  )

  it('that nobody else will read is closed when the caller gives up', async () => {
    await using api = await startServer((response) => response.writeHead(401).write('begun'))
    const { clock, server, tokens } = managed({ allowInsecureLoopback: true })
    server.script.push({}, { afterMs: 1000 })
    const controller = new AbortController()
    const { signal } = controller
    const client = axios.create({ baseURL: api.origin, proxy: false, responseType: 'stream', signal })
    attachTokenManager(client, tokens)
    const failure = failureOf(client.get('/'))
    while (server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    expect(axios.isCancel(await failure)).toBe(true)
    await api.allClosed()
    await clock.advance(1000)
  })

  it.each([
    ['another server', (_api: string, other: string) => other],
    ['another server and back', (api: string, other: string) => `${other}/to?${api}/end`],
  ])('says nothing about the token when it comes after a redirect to %s', async (_, target) => {
    await using other = await startServer((response, { url }) => {
      if (url.startsWith('/to?')) response.writeHead(302, { location: url.slice(4) }).end()
      else response.writeHead(401).end('not you')
    })
    await using api = await startServer((response, { url }) => {
      if (url === '/end') response.writeHead(401).end('not you')
      else response.writeHead(302, { location: target(api.origin, other.origin) }).end()
    })
    const { server, tokens } = managed({ allowInsecureLoopback: true })
    const rejected: unknown[] = []
    tokens.on('tokenRejected', (event) => rejected.push(event))
    const client = axios.create({ baseURL: api.origin, proxy: false })
    attachTokenManager(client, tokens)
    expect((await failureOf(client.get('/'))).response).toMatchObject({ status: 401, data: 'not you' })
    expect(rejected).toEqual([])
    expect(server.requests).toHaveLength(1)
    expect(api.requests.filter(({ url }) => url === '/')).toHaveLength(1)
  })
})
