import { Agent } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import axios, { type InternalAxiosRequestConfig } from 'axios'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { clientCertificate } from '../src/client-certificate.ts'
import { TokenError, TokenTransportError } from '../src/errors.ts'
import { spellings } from '../src/redaction.ts'
import { createTransport, type FetchLike, type HttpRequest, type TransportOptions } from '../src/transport.ts'
import { type Respond, sendJson, startServer } from './support/http-server.ts'
import { runNode } from './support/run-node.ts'
import { TestAuthority } from './support/tls.ts'

const SECRET = 's3cret-marker'

const authority = new TestAuthority()

function request(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    url,
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${SECRET}`,
    },
    body: `client_secret=${SECRET}`,
    secrets: [SECRET],
    signal: new AbortController().signal,
    ...changes,
  }
}

async function failure(promise: Promise<unknown>): Promise<TokenTransportError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TokenError)
  return error as TokenTransportError
}

function expectNoSecret(error: unknown): void {
  const shown = inspect(error, { depth: Infinity, showHidden: true, getters: true }) + JSON.stringify(error)
  expect(shown).not.toContain(SECRET)
  expect(error).not.toHaveProperty('cause.config')
}

beforeEach(() => {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toUpperCase(), undefined)
  }
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const transports: [name: string, options: () => Partial<TransportOptions>][] = [
  ['its own axios', () => ({})],
  ['a given axios instance', () => ({ transport: axios.create() })],
  ['an axios instance with the fetch adapter', () => ({ transport: axios.create({ adapter: 'fetch' }) })],
  ['fetch', () => ({ transport: fetch })],
]

describe.each(transports)('a transport over %s', (_, options) => {
  const transport = () => createTransport({ client: 'orders', ...options() })
  const serve = (respond: Respond) => startServer(respond)

  it('sends method, path, query, headers and body as they are', async () => {
    await using server = await serve((response) => response.end())
    await transport()(request(`${server.origin}/token?p=1&q=%20`))
    expect(server.requests).toMatchObject([
      {
        method: 'POST',
        url: '/token?p=1&q=%20',
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${SECRET}`,
        },
        body: `client_secret=${SECRET}`,
      },
    ])
  })

  it('sends a GET without a body', async () => {
    await using server = await serve((response) => response.end('{}'))
    await transport()(
      request(server.origin, { method: 'GET', body: undefined, headers: { accept: 'application/json' } }),
    )
    expect(server.requests).toMatchObject([{ method: 'GET', url: '/', body: '' }])
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
  })

  it.each([200, 201, 400, 401, 404, 429, 500, 503])('gives back status %d like any other', async (status) => {
    await using server = await serve((response) => response.writeHead(status, { 'Retry-After': '7' }).end('{"a":1}'))
    const response = await transport()(request(server.origin))
    expect(response.status).toBe(status)
    expect(response.header('retry-after')).toBe('7')
    expect(response.header('RETRY-AFTER')).toBe('7')
    expect(response.header('x-absent')).toBeUndefined()
    expect(response.body).toBe('{"a":1}')
  })

  it.each([301, 302, 303, 307, 308])('gives a %d redirect back and does not follow it', async (status) => {
    await using target = await serve((response) => response.end('taken'))
    await using server = await serve((response) =>
      response.writeHead(status, { location: `${target.origin}/stolen` }).end(),
    )
    const response = await transport()(request(server.origin))
    expect(response.status).toBe(status)
    expect(response.header('location')).toBe(`${target.origin}/stolen`)
    expect(target.connections).toBe(0)
  })

  it('leaves JSON unread and decodes UTF-8 across chunks, without a byte order mark', async () => {
    const bytes = Buffer.from('\ufeff{"n": 1.0, "name": "Zoë 🎉"}')
    await using server = await serve((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      for (const byte of bytes) response.write(Buffer.from([byte]))
      response.end()
    })
    expect((await transport()(request(server.origin))).body).toBe('{"n": 1.0, "name": "Zoë 🎉"}')
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('decompresses %s', async (encoding, compress) => {
    await using server = await serve((response) =>
      response.setHeader('content-encoding', encoding).end(compress('{"a":1}')),
    )
    expect((await transport()(request(server.origin))).body).toBe('{"a":1}')
  })

  it('takes a body of 256 KiB and refuses one byte more', async () => {
    await using server = await serve((response, { body }) => response.end('x'.repeat(Number(body))))
    const send = transport()
    expect((await send(request(server.origin, { body: `${256 * 1024}` }))).body).toHaveLength(256 * 1024)
    const error = await failure(send(request(server.origin, { body: `${256 * 1024 + 1}` })))
    expect(error.code).toBe('invalid_response')
    expect(error.message).toMatch(
      /^The answer of http:\/\/127\.0\.0\.1:\d+\/ to client "orders" \(status 200\) is larger than 256 KiB\./,
    )
    expect(error.retryable).toBe(false)
  })

  it('stops reading an endless body and hangs up', async () => {
    let written = 0
    await using server = await serve((response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const pump = () => {
        while (!response.destroyed && written < 50e6) {
          written += chunk.length
          if (!response.write(chunk)) return
        }
      }
      response.on('drain', pump).on('error', () => {})
      pump()
    })
    expect((await failure(transport()(request(server.origin)))).code).toBe('invalid_response')
    await server.allClosed()
    expect(written).toBeLessThan(20e6)
  })

  it('stops inflating a compressed bomb and hangs up', async () => {
    const bomb = gzipSync(Buffer.alloc(50e6))
    await using server = await serve((response) => response.setHeader('content-encoding', 'gzip').write(bomb))
    expect((await failure(transport()(request(server.origin)))).code).toBe('invalid_response')
    await server.allClosed()
  })

  it('cuts a body that drips when the signal aborts, with the reason of the signal', async () => {
    const controller = new AbortController()
    const reason = new Error('out of time')
    let drips = 0
    await using server = await serve((response) => {
      const drip = () => {
        response.write('x')
        drips += 1
        if (drips === 20) controller.abort(reason)
        if (!response.destroyed) setTimeout(drip, 1)
      }
      drip()
    })
    await expect(transport()(request(server.origin, { signal: controller.signal }))).rejects.toBe(reason)
    await server.allClosed()
  })

  it('gives up waiting for an answer when the signal aborts, and hangs up', async () => {
    const controller = new AbortController()
    const reason = new Error('out of time')
    await using server = await serve(() => controller.abort(reason))
    await expect(transport()(request(server.origin, { signal: controller.signal }))).rejects.toBe(reason)
    await server.allClosed()
  })

  it('sends nothing when the signal has aborted before', async () => {
    await using server = await serve((response) => response.end())
    const reason = new Error('too late')
    await expect(transport()(request(server.origin, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    expect(server.connections).toBe(0)
  })

  it.each<[string, Respond]>([
    ['before the answer', (_response, _request, incoming) => incoming.socket.resetAndDestroy()],
    [
      'within the body',
      (response, _request, incoming) => {
        response.writeHead(200, { 'content-length': 100 }).write('{"access_token":')
        response.write('"x', () => incoming.socket.resetAndDestroy())
      },
    ],
    [
      'short of the announced length',
      (response, _request, incoming) => {
        response.writeHead(200, { 'content-length': 100 }).write('{}', () => incoming.socket.end())
      },
    ],
  ])('reports a connection that is closed %s as a retryable network error', async (_when, respond) => {
    await using server = await serve(respond)
    const error = await failure(transport()(request(`${server.origin}/token?code=${SECRET}`)))
    expect(error).toBeInstanceOf(TokenTransportError)
    expect(error).toMatchObject({ code: 'network', client: 'orders', retryable: true })
    expect(error.systemCode).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/)
    expect(error.message).toMatch(
      /^Could not reach http:\/\/127\.0\.0\.1:\d+\/token for client "orders": \w+\. The connection was closed/,
    )
    expectNoSecret(error)
  })

  it('reports a refused connection, without anything of the request', async () => {
    const { origin } = await closedServer()
    const error = await failure(transport()(request(`${origin}/token?code=${SECRET}`)))
    expect(error).toBeInstanceOf(TokenTransportError)
    expect(error).toMatchObject({ code: 'network', systemCode: 'ECONNREFUSED', retryable: true })
    expect(error.message).toBe(
      `Could not reach ${origin}/token for client "orders": ECONNREFUSED. ` +
        'Nothing listens there: check host and port, and whether the authorization server runs.',
    )
    expectNoSecret(error)
  })

  it('says so when what answers does not speak HTTP', async () => {
    await using server = await startTcpServer((socket) => socket.end('220 smtp.example.com ESMTP\r\n'))
    const error = await failure(transport()(request(server.origin)))
    expect(error.code).toBe('network')
    expect(error.systemCode).toMatch(/^HPE_/)
    expect(error.hint).toContain('does not speak HTTP')
  })
})

describe('its own axios', () => {
  const changes: [name: string, change: (defaults: typeof axios.defaults) => unknown][] = [
    ['headers for all methods', (d) => Object.assign(d.headers.common, { 'X-Leak': 'leak', Authorization: 'leak' })],
    ['headers for POST', (d) => Object.assign(d.headers.post, { 'X-Leak': 'leak' })],
    ['auth', (d) => Object.assign(d, { auth: { username: 'leak', password: 'leak' } })],
    ['baseURL', (d) => Object.assign(d, { baseURL: 'http://127.0.0.1:1/leak', allowAbsoluteUrls: false })],
    ['params', (d) => Object.assign(d, { params: { leak: 'leak' } })],
    ['proxy', (d) => Object.assign(d, { proxy: { host: '127.0.0.1', port: 1 } })],
    ['adapter', (d) => Object.assign(d, { adapter: () => Promise.reject(new Error('leak')) })],
    ['timeout', (d) => Object.assign(d, { timeout: 1 })],
    ['transformRequest', (d) => Object.assign(d, { transformRequest: [() => 'leak'] })],
    ['transformResponse', (d) => Object.assign(d, { transformResponse: [() => 'leak'] })],
    ['responseType', (d) => Object.assign(d, { responseType: 'json' })],
    ['validateStatus', (d) => Object.assign(d, { validateStatus: () => false })],
    ['maxContentLength', (d) => Object.assign(d, { maxContentLength: 1, maxBodyLength: 1 })],
    ['agents', (d) => Object.assign(d, { httpAgent: { leak: true } })],
    ['cancelToken', (d) => Object.assign(d, { cancelToken: axios.CancelToken.source().token })],
    ['decompress', (d) => Object.assign(d, { decompress: false })],
  ]
  // Slow enough for a time-out of 1 ms to strike.
  const respond: Respond = (response) => {
    setTimeout(() => response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}')), 20)
  }
  const { headers, ...others } = axios.defaults
  const before = { ...others, headers: structuredClone({ ...headers }) }
  afterEach(() => {
    for (const key of Object.keys(axios.defaults)) Reflect.deleteProperty(axios.defaults, key)
    Object.assign(axios.defaults, { ...before, headers: structuredClone(before.headers) })
    axios.interceptors.request.clear()
    axios.interceptors.response.clear()
  })

  it.each(changes)('inherits no %s of the global axios, set before or after', async (_, change) => {
    await using server = await startServer(respond)
    const earlier = createTransport({ client: 'orders' })
    const expected = await earlier(request(server.origin))
    change(axios.defaults)
    for (const send of [earlier, createTransport({ client: 'orders' })]) {
      const response = await send(request(server.origin))
      expect([response.status, response.body]).toEqual([expected.status, expected.body])
    }
    const [first, second, third] = server.requests
    expect(second).toEqual(first)
    expect(third).toEqual(first)
  })

  it('passes no interceptor of the global axios', async () => {
    await using server = await startServer(respond)
    axios.interceptors.request.use(() => Promise.reject(new Error('intercepted')))
    axios.interceptors.response.use(() => Promise.reject(new Error('intercepted')))
    expect((await createTransport({ client: 'orders' })(request(server.origin))).body).toBe('{"a":1}')
  })

  it('reads no content as the empty text', async () => {
    await using server = await startServer((response) => response.writeHead(204).end())
    const response = await createTransport({ client: 'orders' })(request(server.origin))
    expect([response.status, response.body]).toEqual([204, ''])
  })

  it.each([
    ['when somebody waits', false],
    ['in the background', true],
  ])('gives back status 101, after which no HTTP comes, and hangs up: %s', async (_, background) => {
    await using server = await startServer((_response, _request, { socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n')
    })
    const response = await createTransport({ client: 'orders' })(request(server.origin, { background }))
    expect([response.status, response.header('upgrade'), response.body]).toEqual([101, 'h2c', ''])
    await server.allClosed()
  })

  it('uses a connection again', async () => {
    await using server = await startServer((response) => sendJson(response, {}), authority.issue())
    const send = createTransport({ client: 'orders', ca: authority.cert })
    await send(request(server.origin))
    await send(request(server.origin))
    expect(server.connections).toBe(1)
  })

  it('does not keep the process alive with an idle connection', async () => {
    await using server = await startServer((response) => sendJson(response, {}))
    const run = await runNode(
      `import { createTransport } from './src/transport.ts'
       const [origin] = JSON.parse(process.argv[1])
       await createTransport({ client: 'x', proxy: false })({ method: 'GET', url: origin, headers: {}, signal: new AbortController().signal })
       const answeredAt = performance.now()
       process.on('exit', () => console.log(performance.now() - answeredAt))`,
      [server.origin],
    )
    expect(run.stderr).toBe('')
    expect(Number(run.stdout)).toBeLessThan(3500)
  })

  it('loads axios at the first request, and nothing later: a deployment may have replaced it', async () => {
    await using server = await startServer((response) => sendJson(response, {}))
    const run = await runNode(
      `import { registerHooks } from 'node:module'
       const loaded = []
       registerHooks({ resolve: (name, context, next) => { loaded.push(name); return next(name, context) } })
       const { createTransport } = await import('./src/transport.ts')
       const send = createTransport({ client: 'x', proxy: 'http://127.0.0.1:1' })
       console.log(loaded.splice(0).includes('axios'))
       const signal = new AbortController().signal
       await send({ method: 'GET', url: JSON.parse(process.argv[1]), headers: {}, signal })
       console.log(loaded.splice(0).includes('axios'))
       await send({ method: 'GET', url: 'https://127.0.0.1:1', headers: {}, signal }).catch(() => {})
       console.log(loaded)`,
      server.origin,
    )
    expect(run.stdout).toBe('false\ntrue\n[]\n')
  })
})

describe('a given axios instance', () => {
  it('keeps its own agents, headers, interceptors and adapter', async () => {
    await using server = await startServer((response) => sendJson(response, {}))
    const httpAgent = new Agent()
    let adapted = 0
    const instance = axios.create({
      httpAgent,
      headers: { 'X-Gateway-Key': 'g' },
      adapter: (config) => {
        adapted += config.httpAgent === httpAgent ? 1 : 0
        return axios.getAdapter(axios.defaults.adapter)(config)
      },
    })
    instance.interceptors.request.use((config) => {
      config.headers.set('X-Intercepted', 'yes')
      return config
    })
    await createTransport({ client: 'orders', transport: instance })(request(server.origin))
    expect(adapted).toBe(1)
    expect(server.requests).toMatchObject([{ headers: { 'x-gateway-key': 'g', 'x-intercepted': 'yes' } }])
  })

  it('has no say in URL, authentication, redirects, size and the form of the answer', async () => {
    await using target = await startServer((response) => response.end())
    await using server = await startServer((response) => {
      response.writeHead(307, { location: target.origin, 'content-encoding': 'gzip' }).end(gzipSync('{"a":1}'))
    })
    const instance = axios.create({
      baseURL: `${target.origin}/base`,
      allowAbsoluteUrls: false,
      auth: { username: 'leak', password: 'leak' },
      headers: { Authorization: 'leak', common: { Authorization: 'leak' } },
      params: { leak: 1 },
      maxRedirects: 5,
      maxContentLength: 1,
      decompress: false,
      responseType: 'json',
      validateStatus: () => false,
      transformRequest: () => 'leak',
      transformResponse: () => 'leak',
    })
    const response = await createTransport({ client: 'orders', transport: instance })(request(`${server.origin}/token`))
    expect([response.status, response.body]).toEqual([307, '{"a":1}'])
    expect(server.requests).toMatchObject([
      { url: '/token', body: `client_secret=${SECRET}`, headers: { authorization: `Basic ${SECRET}` } },
    ])
    expect(target.connections).toBe(0)
  })

  it.each([
    ['auth', { auth: { username: 'leak', password: 'leak' } }],
    ['a default header', { headers: { Authorization: 'leak' } }],
    ['a common header', { headers: { common: { authorization: 'leak' } } }],
  ])('adds no Authorization of its own from %s', async (_, config) => {
    await using server = await startServer((response) => response.end())
    const send = createTransport({ client: 'orders', transport: axios.create(config) })
    await send(request(server.origin, { headers: { accept: 'application/json' } }))
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
  })

  it('is told with `token: false` that this request takes no token', async () => {
    let seen: InternalAxiosRequestConfig | undefined
    const adapter = (config: InternalAxiosRequestConfig) => {
      seen = config
      return Promise.resolve({ status: 200, statusText: '', headers: {}, config, data: '' })
    }
    await createTransport({ client: 'orders', transport: axios.create({ adapter }) })(
      request('https://auth.example.com'),
    )
    expect(seen).toMatchObject({ token: false })
  })

  it.each([
    ['an object', { access_token: 'a' }],
    ['text', '{"access_token":"a"}'],
    ['bytes', Buffer.from('{"access_token":"a"}')],
  ])('may be a mock that answers with %s', async (_, data) => {
    const adapter = (config: InternalAxiosRequestConfig) =>
      Promise.resolve({ status: 200, statusText: '', headers: { 'X-Mock': 'yes' }, config, data })
    const send = createTransport({ client: 'orders', transport: axios.create({ adapter }) })
    const response = await send(request('https://auth.example.com'))
    expect(response.body).toBe('{"access_token":"a"}')
    expect(response.header('x-mock')).toBe('yes')
  })

  it('has its answer let go of when the signal aborts, even if its adapter does not listen', async () => {
    const controller = new AbortController()
    const data = new Readable({ read: () => controller.abort(new Error('out of time')) })
    const adapter = (config: InternalAxiosRequestConfig) =>
      Promise.resolve({ status: 200, statusText: '', headers: {}, config, data })
    const send = createTransport({ client: 'orders', transport: axios.create({ adapter }) })
    await expect(send(request('https://auth.example.com', { signal: controller.signal }))).rejects.toThrow(
      'out of time',
    )
    expect(data.destroyed).toBe(true)
  })

  it('reports its time-out as one', async () => {
    await using server = await startServer(() => {})
    const send = createTransport({ client: 'orders', transport: axios.create({ timeout: 20 }) })
    expect(await failure(send(request(server.origin)))).toMatchObject({ code: 'timeout', retryable: true })
  })

  it('shows nothing of the request when an interceptor fails', async () => {
    const instance = axios.create()
    instance.interceptors.request.use((config) =>
      Promise.reject(new Error(`bad config ${JSON.stringify(config.data)} ${config.headers}`)),
    )
    const error = await failure(
      createTransport({ client: 'orders', transport: instance })(request('https://auth.example.com/token')),
    )
    expect(error).toMatchObject({ code: 'network', systemCode: undefined })
    expectNoSecret(error)
  })

  it('must not be attached to the manager, at construction or later', async () => {
    const instance = axios.create()
    const attached = new Set<unknown>([instance])
    const options = { client: 'orders', transport: instance, isAttached: (one: unknown) => attached.has(one) }
    expect(() => createTransport(options)).toThrow(
      /^evertoken: option `transport` must not be an axios instance that this manager/,
    )
    attached.clear()
    const send = createTransport(options)
    attached.add(instance)
    const refused = send(request('https://auth.example.com'))
    await expect(refused).rejects.toThrow(TypeError)
    await expect(refused).rejects.toThrow(/`transport`/)
  })
})

describe('fetch', () => {
  it('is called without credentials or redirects', async () => {
    let seen: unknown
    const send = createTransport({
      client: 'orders',
      transport: async (url, init) => {
        seen = { url, ...init }
        return new Response('{}', { status: 200 })
      },
    })
    const sent = request('https://auth.example.com/token')
    await send(sent)
    const { secrets: _, ...shown } = sent
    expect(seen).toEqual({ ...shown, redirect: 'manual', credentials: 'omit' })
  })

  it('is not called when the signal has aborted before', async () => {
    let calls = 0
    const transport: FetchLike = async () => {
      calls += 1
      return new Response()
    }
    const send = createTransport({ client: 'orders', transport })
    await expect(
      send(request('https://auth.example.com', { signal: AbortSignal.abort(new Error('too late')) })),
    ).rejects.toThrow('too late')
    expect(calls).toBe(0)
  })

  it('is let go of when the signal aborts, even if it does not listen', async () => {
    const controller = new AbortController()
    const send = createTransport({ client: 'orders', transport: () => new Promise(() => {}) })
    const sent = send(request('https://auth.example.com', { signal: controller.signal }))
    controller.abort(new Error('out of time'))
    await expect(sent).rejects.toThrow('out of time')
  })
})

describe('options', () => {
  it.each<[string, Partial<Record<keyof TransportOptions, unknown>>, RegExp]>([
    ['a transport that is neither', { transport: {} }, /option `transport` must be an axios instance or a function/],
    [
      'a proxy beside a transport',
      { transport: fetch, proxy: false },
      /option `proxy` has no effect beside `transport`/,
    ],
    ['authorities beside a transport', { transport: fetch, ca: authority.cert }, /option `ca` has no effect/],
    ['a path as ca', { ca: '/etc/ssl/ca.pem' }, /option `ca` must be PEM\. Give the content of the file/],
    ['an empty ca', { ca: '' }, /option `ca` must be PEM/],
    ['an empty list as ca', { ca: [] }, /option `ca` must be PEM/],
    ['a number as ca', { ca: 5 }, /option `ca` must be PEM/],
  ])('names %s', (_, options, message) => {
    const make = () => createTransport({ client: 'orders', ...options } as TransportOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })
})

describe('TLS', () => {
  const HOUR = 3_600_000
  const stranger = new TestAuthority('Stranger')

  it.each<[string, () => { cert: string; key: string }, string, RegExp]>([
    [
      'of an unknown authority',
      () => stranger.issue(),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      /authority as `ca`.*NODE_EXTRA_CA_CERTS/,
    ],
    [
      'for another host',
      () => authority.issue({ names: ['other.example.com'] }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
      /another host name/,
    ],
    [
      'that has expired',
      () => authority.issue({ notAfter: new Date(Date.now() - HOUR / 2) }),
      'CERT_HAS_EXPIRED',
      /has expired/,
    ],
    [
      'that is not valid yet',
      () => authority.issue({ notBefore: new Date(Date.now() + HOUR / 2) }),
      'CERT_NOT_YET_VALID',
      /clock/,
    ],
  ])('refuses a certificate %s, once and for all', async (_, certificate, systemCode, hint) => {
    await using server = await startServer((response) => response.end(), certificate())
    const error = await failure(createTransport({ client: 'orders', ca: authority.cert })(request(server.origin)))
    expect(error).toBeInstanceOf(TokenTransportError)
    expect(error).toMatchObject({ code: 'tls', systemCode, retryable: false })
    expect(error.hint).toMatch(hint)
    expect(server.requests).toEqual([])
    expectNoSecret(error)
  })

  it('trusts the built-in authorities only, unless told otherwise', async () => {
    await using server = await startServer((response) => response.end(), authority.issue())
    expect((await failure(createTransport({ client: 'orders' })(request(server.origin)))).code).toBe('tls')
    const send = createTransport({ client: 'orders', ca: [Buffer.from(authority.cert)] })
    expect((await send(request(server.origin))).status).toBe(200)
  })

  it('shows the client certificate to the server', async () => {
    const mutual = { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: true }
    await using server = await startServer((response) => response.end(), mutual)
    const send = createTransport({ client: 'orders', ca: authority.cert })
    const certificate = await clientCertificate(authority.issue({ names: ['orders'] })).read({ client: 'orders' })
    expect((await send(request(server.origin, { certificate }))).status).toBe(200)
    const error = await failure(createTransport({ client: 'orders', ca: authority.cert })(request(server.origin)))
    expect(error).toMatchObject({ code: 'tls', retryable: false })
    expect(error.hint).toContain('client certificate')
  })

  it('says so when the server speaks no TLS', async () => {
    await using server = await startServer((response) => response.end())
    const error = await failure(
      createTransport({ client: 'orders' })(request(server.origin.replace('http:', 'https:'))),
    )
    expect(error).toMatchObject({ code: 'tls', retryable: false })
    expect(error.hint).toContain('does not speak TLS')
  })
})

describe('what a transport throws', () => {
  const coded = (code: unknown) => Object.assign(new Error('broken'), { code })
  const sendThrowing = (thrown: unknown) => {
    const transport: FetchLike = () => Promise.reject(thrown)
    return failure(createTransport({ client: 'orders', transport })(request('https://auth.example.com/token')))
  }

  it.each<[string, 'network' | 'tls' | 'timeout', boolean, RegExp | undefined]>([
    ['ENOTFOUND', 'network', true, /host name could not be resolved/],
    ['EAI_AGAIN', 'network', true, /host name could not be resolved/],
    ['EHOSTUNREACH', 'network', true, /no route/],
    ['ECONNRESET', 'network', true, /closed/],
    ['ETIMEDOUT', 'timeout', true, /firewall/],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout', true, /firewall/],
    ['UND_ERR_BODY_TIMEOUT', 'timeout', true, /firewall/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls', false, /NODE_EXTRA_CA_CERTS/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls', false, /NODE_EXTRA_CA_CERTS/],
    ['CERT_REVOKED', 'tls', false, undefined],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'tls', false, /client certificate/],
    ['EPROTO', 'tls', false, /does not speak TLS/],
    ['Z_DATA_ERROR', 'network', true, /decompressed/],
    ['ERR_MODULE_NOT_FOUND', 'network', true, /Install axios/],
    ['ESOMETHINGNEW', 'network', true, undefined],
  ])('is classified and explained by its code: %s', async (systemCode, code, retryable, hint) => {
    const error = await sendThrowing(new TypeError('fetch failed', { cause: coded(systemCode) }))
    expect(error).toMatchObject({ code, systemCode, retryable, cause: { code: systemCode } })
    if (hint === undefined) expect(error.hint).toBeUndefined()
    else expect(error.hint).toMatch(hint)
  })

  it.each<[string, unknown, string | undefined]>([
    ['several connection attempts', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), 'ECONNREFUSED'],
    ['an error deep inside', new Error('a', { cause: new Error('b', { cause: coded('EPIPE') }) }), 'EPIPE'],
    [
      'a cause that is its own',
      Object.assign(coded('EPIPE'), {
        get cause() {
          return this
        },
      }),
      'EPIPE',
    ],
    ['a code that is no system code', coded(`x${SECRET}`), undefined],
    ['a code that is a number', coded(5), undefined],
    ['text', `failed with ${SECRET}`, undefined],
    ['nothing', undefined, undefined],
  ])('may be %s', async (_, thrown, systemCode) => {
    const error = await sendThrowing(thrown)
    expect(error).toMatchObject({ client: 'orders', systemCode })
    expectNoSecret(error)
  })

  it('loses the secrets of the request', async () => {
    const secret = 'p+ä/ss wörd'
    const basic = Buffer.from(`client:${secret}`).toString('base64')
    const body = new URLSearchParams({ client_secret: secret }).toString()
    const transport: FetchLike = () => Promise.reject(new Error(`sent ${body} and ${basic}: ${secret}`))
    const send = createTransport({ client: 'orders', transport })
    const error = await failure(
      send(request('https://auth.example.com', { body, secrets: [...spellings(secret), basic] })),
    )
    const shown = inspect(error, { depth: Infinity, showHidden: true })
    for (const spelling of [secret, body.slice('client_secret='.length), basic]) expect(shown).not.toContain(spelling)
    expect(shown).toContain('[redacted]')
  })
})

async function startTcpServer(onConnection: (socket: Socket) => void): Promise<{ origin: string } & AsyncDisposable> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An address where nothing listens any more. */
async function closedServer(): Promise<{ origin: string }> {
  await using server = await startTcpServer(() => {})
  return { origin: server.origin }
}
