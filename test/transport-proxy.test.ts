import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, type RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import axios from 'axios'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TokenTransportError } from '../src/errors.ts'
import { createTransport, type HttpRequest } from '../src/transport.ts'
import { type ConnectProxy, startConnectProxy } from './support/connect-proxy.ts'
import { type Respond, sendJson, startServer } from './support/http-server.ts'
import { runNode } from './support/run-node.ts'
import { TestAuthority } from './support/tls.ts'

const SECRET = 's3cret-marker'
const PASSWORD = 'pr0xy passw@rd'
const CREDENTIALS = `proxy-user:${encodeURIComponent(PASSWORD)}`

const authority = new TestAuthority()
// A name that no resolver knows: only the proxy can have led to the server.
const URL_BEHIND_PROXY = 'https://auth.example.test/token'

const serverTls = { ...authority.issue({ names: ['auth.example.test'] }) }
const startAuthServer = (respond: Respond = (response) => sendJson(response, { from: 'server' })) =>
  startServer(respond, serverTls)
const withCredentials = (url: string) => url.replace('//', `//${CREDENTIALS}@`)

function request(changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    url: URL_BEHIND_PROXY,
    headers: { authorization: `Basic ${SECRET}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: `client_secret=${SECRET}`,
    signal: new AbortController().signal,
    ...changes,
  }
}

async function failure(promise: Promise<unknown>): Promise<TokenTransportError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TokenTransportError)
  return error as TokenTransportError
}

function expectNoSecret(error: unknown, proxy?: { port: number }): void {
  const shown = inspect(error, { depth: Infinity, showHidden: true }) + JSON.stringify(error)
  for (const secret of [SECRET, PASSWORD, encodeURIComponent(PASSWORD), 'proxy-user'])
    expect(shown).not.toContain(secret)
  // The stack holds the path of the checkout, in which there may be any number.
  if (proxy !== undefined) expect(shown.replaceAll(process.cwd(), '')).not.toContain(String(proxy.port))
}

function expectTunnelled(proxy: ConnectProxy, times = 1): void {
  expect(proxy.tunnels.map(({ target }) => target)).toEqual(Array(times).fill('auth.example.test:443'))
  expect(proxy.forwards).toEqual([])
  expect(proxy.seen).toContain('CONNECT ')
  expect(proxy.seen).not.toContain(SECRET)
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

describe('an https request through a proxy', () => {
  it('goes by CONNECT, so that the proxy reads nothing of it', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    const response = await createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })(request())
    expect(response.body).toBe('{"from":"server"}')
    expect(server.requests).toMatchObject([
      { body: `client_secret=${SECRET}`, headers: { authorization: `Basic ${SECRET}` } },
    ])
    expectTunnelled(proxy)
  })

  it('names the server as it stands in a URL, an IPv6 address in brackets, and the port', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    const send = createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })
    await failure(send(request({ url: 'https://[2001:db8::1]/token' })))
    await send(request({ url: 'https://auth.example.test:8443/token' }))
    expect(proxy.tunnels).toMatchObject([
      { target: '[2001:db8::1]:443', headers: { host: '[2001:db8::1]:443' } },
      { target: 'auth.example.test:8443', headers: { host: 'auth.example.test:8443' } },
    ])
  })

  it.each([
    ['of any status 2xx', 'HTTP/1.1 201 Created\r\n\r\n'],
    ['that says it has a body, which CONNECT has not', 'HTTP/1.1 299 Fine\r\ncontent-length: 5\r\n\r\n'],
    ['in chunks', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
  ])('goes on after an answer %s', async (_, accept) => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server, accept })
    const response = await createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })(request())
    expect(response.body).toBe('{"from":"server"}')
  })

  it('takes what comes along with the proxy’s answer for the server’s, and loses none of it', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server, accept: 'HTTP/1.1 200 OK\r\n\r\n{"from":"proxy"}' })
    const send = createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })
    expect(await failure(send(request()))).toMatchObject({ code: 'tls', systemCode: 'ERR_SSL_WRONG_VERSION_NUMBER' })
    expect(server.requests).toEqual([])
    await proxy.allClosed()
  })

  it('shows the proxy credentials to the proxy alone', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    await createTransport({ client: 'orders', proxy: withCredentials(proxy.url), ca: authority.cert })(request())
    const expected = `Basic ${Buffer.from(`proxy-user:${PASSWORD}`).toString('base64')}`
    expect(proxy.tunnels).toMatchObject([{ headers: { 'proxy-authorization': expected } }])
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.headers).not.toHaveProperty('proxy-authorization')
  })

  it.each([
    [
      'of an unknown authority',
      () => new TestAuthority('Stranger').issue({ names: ['auth.example.test'] }),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    ['for another host', () => authority.issue({ names: ['proxy.example.test'] }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('refuses a server certificate %s', async (_, certificate, systemCode) => {
    await using server = await startServer((response) => response.end(), certificate())
    await using proxy = await startConnectProxy({ to: server })
    const send = createTransport({ client: 'orders', proxy: withCredentials(proxy.url), ca: authority.cert })
    const error = await failure(send(request()))
    expect(error).toMatchObject({ code: 'tls', systemCode, retryable: false })
    expect(server.requests).toEqual([])
    expectNoSecret(error, proxy)
  })

  it('does not follow a redirect', async () => {
    await using server = await startAuthServer((response) =>
      response.writeHead(307, { location: 'https://other.example.test' }).end(),
    )
    await using proxy = await startConnectProxy({ to: server })
    const send = createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })
    expect((await send(request())).status).toBe(307)
    expectTunnelled(proxy)
  })

  it('lets go of everything when it is aborted within the body', async () => {
    const controller = new AbortController()
    const reason = new Error('out of time')
    await using server = await startAuthServer((response) => {
      let drips = 0
      const drip = () => {
        response.write('x')
        drips += 1
        if (drips === 20) controller.abort(reason)
        if (!response.destroyed) setTimeout(drip, 1)
      }
      drip()
    })
    await using proxy = await startConnectProxy({ to: server })
    const send = createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })
    await expect(send(request({ signal: controller.signal }))).rejects.toBe(reason)
    await proxy.allClosed()
    await server.allClosed()
  })

  it('leaves no connection behind when it is done', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    await createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })(request())
    await proxy.allClosed()
  })
})

describe('a proxy that does not let through', () => {
  it.each([
    [403, false, /allow connections to this host/],
    [407, false, /other credentials/],
    [502, true, /allow connections/],
    [503, true, /allow connections/],
  ])('is reported by its status %d, and its answer is not taken for the server’s', async (status, retryable, hint) => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server, refuse: status })
    const error = await failure(createTransport({ client: 'orders', proxy: withCredentials(proxy.url) })(request()))
    expect(error).toMatchObject({ code: 'network', client: 'orders', retryable })
    expect(error.message).toMatch(
      new RegExp(
        `^Could not reach https://auth\\.example\\.test/token for client "orders": the proxy answered CONNECT with status ${status}\\.`,
      ),
    )
    expect(error.hint).toMatch(hint)
    expect(server.connections).toBe(0)
    expectNoSecret(error, proxy)
    await proxy.allClosed()
  })

  it('is told apart from a server that is not there', async () => {
    const gone = await startConnectProxy({ to: { port: 1 } })
    await gone[Symbol.asyncDispose]()
    const error = await failure(createTransport({ client: 'orders', proxy: withCredentials(gone.url) })(request()))
    expect(error).toMatchObject({ code: 'network', systemCode: 'ECONNREFUSED', retryable: true })
    expect(error.message).toContain('no answer from the proxy (ECONNREFUSED)')
    expect(error.hint).toContain('HTTPS_PROXY')
    expectNoSecret(error, gone)
  })

  it('is not asked again when its own certificate is not trusted', async () => {
    await using proxy = await startConnectProxy({ to: { port: 1 }, tls: new TestAuthority('Stranger').issue() })
    const error = await failure(createTransport({ client: 'orders', proxy: withCredentials(proxy.url) })(request()))
    expect(error).toMatchObject({ code: 'tls', systemCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', retryable: false })
    expect(error.message).toContain('no answer from the proxy')
    expect(proxy.tunnels).toEqual([])
    expectNoSecret(error, proxy)
  })

  it('is let go of when it refuses, though it does not close the connection', async () => {
    await using proxy = await startConnectProxy({ to: { port: 1 }, refuse: 'HTTP/1.1 403 Forbidden\r\n\r\n' })
    await failure(createTransport({ client: 'orders', proxy: proxy.url })(request()))
    await proxy.allClosed()
  })

  it.each([
    ['does not speak HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'HPE_INVALID_CONSTANT'],
    ['never ends its answer', `HTTP/1.1 200 OK\r\nx-filler: ${'x'.repeat(100_000)}`, 'HPE_HEADER_OVERFLOW'],
  ])('is let go of when it %s', async (_, answer, systemCode) => {
    await using proxy = await startConnectProxy({ to: { port: 1 }, refuse: answer })
    const error = await failure(createTransport({ client: 'orders', proxy: withCredentials(proxy.url) })(request()))
    expect(error).toMatchObject({ code: 'network', systemCode, retryable: true })
    expect(error.message).toContain(`no answer from the proxy (${systemCode})`)
    expectNoSecret(error, proxy)
    await proxy.allClosed()
  })

  it('is let go of when the signal aborts, even in the middle of CONNECT', async () => {
    const controller = new AbortController()
    const reason = new Error('out of time')
    await using proxy = await startConnectProxy({ to: { port: 1 }, refuse: () => controller.abort(reason) })
    const send = createTransport({ client: 'orders', proxy: proxy.url })
    await expect(send(request({ signal: controller.signal }))).rejects.toBe(reason)
    await proxy.allClosed()
  })
})

describe('which proxy', () => {
  it.each(['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'])(
    'is read from %s, at each request',
    async (variable) => {
      await using server = await startAuthServer()
      await using proxy = await startConnectProxy({ to: server })
      const send = createTransport({ client: 'orders', ca: authority.cert })
      vi.stubEnv(variable, proxy.url)
      await send(request())
      expectTunnelled(proxy)
      vi.stubEnv(variable, 'http://127.0.0.1:1')
      expect((await failure(send(request()))).message).toContain('no answer from the proxy')
    },
  )

  it.each([
    ['NO_PROXY', 'localhost,127.0.0.1'],
    ['no_proxy', '*'],
  ])('is none where %s says so', async (variable, value) => {
    await using server = await startServer((response) => response.end(), authority.issue())
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    vi.stubEnv(variable, value)
    const send = createTransport({ client: 'orders', ca: authority.cert })
    expect((await send(request({ url: server.origin }))).status).toBe(200)
  })

  it('is none with `proxy: false`', async () => {
    await using server = await startServer((response) => response.end(), authority.issue())
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    const send = createTransport({ client: 'orders', proxy: false, ca: authority.cert })
    expect((await send(request({ url: server.origin }))).status).toBe(200)
  })

  it('is the same for a URL that is spelled otherwise', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    const url = URL_BEHIND_PROXY.replace('https:', 'HTTPS:')
    await createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })(request({ url }))
    expectTunnelled(proxy)
  })

  it('is the configured one before that of the environment', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    vi.stubEnv('NO_PROXY', '*')
    await createTransport({ client: 'orders', proxy: proxy.url, ca: authority.cert })(request())
    expectTunnelled(proxy)
  })

  it('is none for plain http', async () => {
    await using server = await startServer((response) => response.end())
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) vi.stubEnv(name, 'http://127.0.0.1:1')
    for (const options of [{}, { proxy: 'http://127.0.0.1:1' }, { transport: axios.create() }]) {
      const send = createTransport({ client: 'orders', ...options })
      expect((await send(request({ url: server.origin }))).status).toBe(200)
    }
  })

  it.each([
    'socks5://proxy.example.com:1080',
    `proxy.example.com:3128`,
    `http://${CREDENTIALS}@`,
    `http://u%E0:${encodeURIComponent(PASSWORD)}@proxy.example.com`,
    '',
  ])('must be an http or https URL, not %j', (proxy) => {
    const make = () => createTransport({ client: 'orders', proxy })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(/^evertoken: option `proxy` must be the URL of an http or https proxy, or false/)
    expect(make).not.toThrow(encodeURIComponent(PASSWORD))
  })

  it('is complained about when the environment names one that cannot be used', async () => {
    vi.stubEnv('HTTPS_PROXY', `socks5://${CREDENTIALS}@proxy.example.com:1080`)
    const error = await failure(createTransport({ client: 'orders' })(request()))
    expect(error).toMatchObject({ code: 'network', retryable: false })
    expect(error.message).toContain('the environment names a proxy that cannot be used')
    expectNoSecret(error)
  })
})

describe('a given axios instance', () => {
  it.each(['http', 'http:', undefined])('has its `proxy` (protocol %s) used by CONNECT', async (protocol) => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    const auth = { username: 'proxy-user', password: PASSWORD }
    const instance = axios.create({
      proxy: { host: '127.0.0.1', port: proxy.port, auth, ...(protocol !== undefined && { protocol }) },
      httpsAgent: new Agent({ ca: authority.cert }),
    })
    const response = await createTransport({ client: 'orders', transport: instance })(request())
    expect(response.body).toBe('{"from":"server"}')
    expectTunnelled(proxy)
    const expected = `Basic ${Buffer.from(`proxy-user:${PASSWORD}`).toString('base64')}`
    expect(proxy.tunnels).toMatchObject([{ headers: { 'proxy-authorization': expected } }])
  })

  it('uses the proxy of the environment by CONNECT', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    const instance = axios.create({ httpsAgent: new Agent({ ca: authority.cert }) })
    await createTransport({ client: 'orders', transport: instance })(request())
    expectTunnelled(proxy)
  })

  it('uses none with `proxy: false`', async () => {
    await using server = await startServer((response) => response.end(), authority.issue())
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    const instance = axios.create({ proxy: false, httpsAgent: new Agent({ ca: authority.cert }) })
    const send = createTransport({ client: 'orders', transport: instance })
    expect((await send(request({ url: server.origin }))).status).toBe(200)
  })

  it('connects by its own agent where that is more than an https.Agent', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    class TrustingProxyAgent extends HttpsProxyAgent<string> {
      override connect(...[incoming, options]: Parameters<HttpsProxyAgent<string>['connect']>) {
        return super.connect(incoming, { ...options, ca: authority.cert } as typeof options & RequestOptions)
      }
    }
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    const instance = axios.create({ httpsAgent: new TrustingProxyAgent(proxy.url) })
    const response = await createTransport({ client: 'orders', transport: instance })(request())
    expect(response.body).toBe('{"from":"server"}')
    expectTunnelled(proxy)
  })

  it('is not blamed on the proxy when its TLS settings cannot be used', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    const instance = axios.create({ httpsAgent: new Agent({ ca: 5 as unknown as string }) })
    const error = await failure(createTransport({ client: 'orders', transport: instance })(request()))
    expect(error).toMatchObject({ systemCode: 'ERR_INVALID_ARG_TYPE' })
    expect(error.message).not.toContain('proxy')
  })

  it('is complained about when its proxy cannot be used', async () => {
    const instance = axios.create({ proxy: { protocol: 'socks5', host: 'proxy.example.com', port: 1080 } })
    const error = await failure(createTransport({ client: 'orders', transport: instance })(request()))
    expect(error).toMatchObject({ code: 'network', retryable: false })
    expect(error.message).toContain('the `transport` names a proxy that cannot be used')
  })
})

describe('in a process of its own', () => {
  const source = `
    import { clientCertificate } from './src/client-certificate.ts'
    import { createTransport } from './src/transport.ts'
    const { url, options, pair } = JSON.parse(process.argv[1])
    const certificate = pair && await clientCertificate(pair).read({ client: 'orders' })
    const request = { method: 'POST', url, headers: { authorization: 'Basic ${SECRET}' }, body: 'a=${SECRET}', signal: new AbortController().signal, certificate }
    const { status, body } = await createTransport({ client: 'orders', ...options })(request)
    console.log(status, body)`

  it('connects once and by CONNECT where Node is told to use the proxy too', async () => {
    await using server = await startAuthServer()
    await using proxy = await startConnectProxy({ to: server })
    const argument = { url: URL_BEHIND_PROXY, options: { ca: authority.cert } }
    const run = await runNode(source, argument, {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: proxy.url,
      HTTP_PROXY: 'http://127.0.0.1:1',
    })
    expect(run).toMatchObject({ exitCode: 0, stdout: '200 {"from":"server"}\n' })
    expectTunnelled(proxy)
  })

  it.each([
    ['https', authority.issue()],
    ['http', undefined],
  ])('goes past a proxy that Node is told to use, for %s with `proxy: false`', async (_, certificate) => {
    await using server = await startServer((response) => sendJson(response, {}), certificate)
    const refused = 'http://127.0.0.1:1'
    const argument = { url: server.origin, options: { ca: authority.cert, proxy: false } }
    const run = await runNode(source, argument, { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: refused, HTTP_PROXY: refused })
    expect(run).toMatchObject({ exitCode: 0, stdout: '200 {}\n' })
  })

  it.each([
    ['127.0.0.1', undefined],
    ['localhost', 'localhost'],
  ])(
    'speaks TLS with an https proxy at %s, which does not get to see the client certificate',
    async (host, serverName) => {
      const proxyAuthority = new TestAuthority('Proxy CA')
      const mutual = { ...serverTls, ca: authority.cert, requestCert: true, rejectUnauthorized: true }
      await using server = await startServer((response) => sendJson(response, {}), mutual)
      await using proxy = await startConnectProxy({ to: server, tls: proxyAuthority.issue() })
      await using folder = await temporaryFolder()
      const extra = join(folder.path, 'proxy-ca.pem')
      await writeFile(extra, proxyAuthority.cert)
      const options = { proxy: `https://${host}:${proxy.port}`, ca: authority.cert }
      const pair = authority.issue({ names: ['orders'] })
      const run = await runNode(source, { url: URL_BEHIND_PROXY, options, pair }, { NODE_EXTRA_CA_CERTS: extra })
      expect(run).toMatchObject({ exitCode: 0, stdout: '200 {}\n' })
      expect(proxy.tunnels).toMatchObject([{ clientCertificate: false, serverName }])
      expectTunnelled(proxy)
    },
  )

  it('ends although a refresh in the background waits for a proxy that does not answer', async () => {
    await using proxy = await startConnectProxy({ to: { port: 1 }, refuse: () => {} })
    const inBackground = `
      import { createTransport } from './src/transport.ts'
      const { url, proxy } = JSON.parse(process.argv[1])
      const { signal } = new AbortController()
      createTransport({ client: 'orders', proxy })({ method: 'POST', url, headers: {}, signal, background: true })`
    expect(await runNode(inBackground, { url: URL_BEHIND_PROXY, proxy: proxy.url })).toMatchObject({ exitCode: 0 })
  })
})

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'evertoken-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
