import { inspect } from 'node:util'
import axios, { type AxiosInstance } from 'axios'
import { Agent, request } from 'undici'
import { describe, expect, it } from 'vitest'
import type { CertificatePair } from '../../src/certificate-and-key.ts'
import { selfSignedTlsClientAuth, tlsClientAuth } from '../../src/client-authentication/tls-client-auth.ts'
import { clientCertificate } from '../../src/client-certificate.ts'
import type { ClientOptions } from '../../src/client-options.ts'
import { EVENT_NAMES } from '../../src/events.ts'
import { attachTokenManager } from '../../src/http/axios.ts'
import { TokenManager, type TokenManagerSettings } from '../../src/token-manager.ts'
import { sendJson, startServer } from '../support/http-server.ts'
import { type MutualServers, shownTo, startMutualServers } from '../support/mutual-tls.ts'
import { TestAuthority } from '../support/tls.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { failureOf } from './axios-api.ts'

const authority = new TestAuthority()
const { cert: ca } = authority

const newPair = () => authority.issue({ names: ['orders'] })
const thumbprintOf = async (pair: CertificatePair) =>
  (await clientCertificate(pair).read({ client: 'orders' })).thumbprint

/** A manager whose certificate can be renewed, and an axios that shows it to the API. */
function mutual(servers: MutualServers, options: Partial<ClientOptions & TokenManagerSettings> = {}) {
  const source = { pair: newPair() }
  const certificate = clientCertificate(() => source.pair)
  const tokens = new TokenManager({
    tokenEndpoint: `${servers.auth.origin}/token`,
    clientId: 'orders-service',
    clientAuthentication: tlsClientAuth(),
    certificate,
    ca,
    ...options,
  })
  const api = axios.create({ baseURL: servers.api.origin, httpsAgent: certificate.httpsAgent({ ca }) })
  attachTokenManager(api, tokens)
  const renew = async () => {
    source.pair = newPair()
    return await thumbprintOf(source.pair)
  }
  return { source, certificate, tokens, api, renew, current: () => thumbprintOf(source.pair) }
}

describe('Q14: a client that authenticates by its certificate', () => {
  it.each([
    ['tls_client_auth', tlsClientAuth],
    ['self_signed_tls_client_auth', selfSignedTlsClientAuth],
  ])('sends its id and nothing secret: %s', async (method, factory) => {
    await using servers = await startMutualServers(authority)
    const clientAuthentication = factory()
    const { tokens, current } = mutual(servers, { clientAuthentication })
    await tokens.getToken()
    expect(clientAuthentication.method).toBe(method)
    const [request] = servers.auth.requests
    expect(request?.body).toBe('grant_type=client_credentials&client_id=orders-service')
    expect(request?.headers.authorization).toBeUndefined()
    expect(servers.requestedWith).toEqual([await current()])
  })

  it('shows the certificate beside any other method too', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, api, current } = mutual(servers, { clientAuthentication: undefined, clientSecret: 's3cret' })
    expect((await api.get('/orders')).status).toBe(200)
    await tokens.getToken()
    expect(servers.auth.requests).toMatchObject([{ headers: { authorization: expect.stringContaining('Basic ') } }])
    expect(servers.requestedWith).toEqual([await current()])
  })

  it.each([tlsClientAuth, selfSignedTlsClientAuth])('is refused at construction without one', (factory) => {
    const options = { issuer: 'https://as.example', clientId: 'orders-service', clientAuthentication: factory() }
    expect(() => new TokenManager(options)).toThrow(TypeError)
    expect(() => new TokenManager({ clients: { orders: options } })).toThrow(
      /option `clients\.orders\.certificate` is missing: it is how `\w*tls_client_auth` authenticates\. Give what/,
    )
  })

  it.each<[string, Partial<Record<keyof ClientOptions, unknown>>, RegExp]>([
    ['something else', { certificate: newPair() }, /must be what `clientCertificate`.*Write `certificate: client/],
    [
      'one beside a function that gets the token',
      { requestToken: () => ({ token: 'a' }), issuer: undefined, clientAuthentication: undefined },
      /option `certificate` has no effect beside `requestToken`/,
    ],
    ['one beside a transport', { transport: fetch }, /option `certificate` has no effect beside `transport`/],
  ])('is refused at construction with %s', (_, options, message) => {
    const given = { issuer: 'https://as.example', clientId: 'a', clientAuthentication: tlsClientAuth() }
    const make = () =>
      new TokenManager({ ...given, certificate: clientCertificate(newPair()), ...options } as ClientOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })
})

describe('Q14: the endpoints of an issuer', () => {
  const BY_SECRET = { clientAuthentication: undefined, certificate: undefined, clientSecret: 's3cret' }
  const BOTH = { token_endpoint: '/alias/token', revocation_endpoint: '/alias/revoke' }

  it.each<[string, Partial<ClientOptions>, object | undefined, string[]]>([
    ['are the aliases for mutual TLS, with a certificate', {}, BOTH, ['/alias/token', '/alias/revoke']],
    ['are never the aliases without one', BY_SECRET, BOTH, ['/token', '/revoke']],
    ['are the usual ones where no alias is listed', {}, undefined, ['/token', '/revoke']],
    [
      'are the usual one where only the other has an alias',
      {},
      { token_endpoint: '/alias/token' },
      ['/alias/token', '/revoke'],
    ],
  ])('%s', async (_, options, aliases, expected) => {
    await using servers = await startMutualServers(authority)
    const shown = new Set<string>()
    await using issuer = await startServer(
      (response, { url }, incoming) => {
        shown.add(shownTo(incoming))
        const { origin } = issuer
        const usual = { token_endpoint: `${origin}/token`, revocation_endpoint: `${origin}/revoke` }
        const absolute = Object.entries(aliases ?? {}).map(([name, path]) => [name, `${servers.auth.origin}${path}`])
        const document = { issuer: origin, ...usual, mtls_endpoint_aliases: Object.fromEntries(absolute) }
        sendJson(response, url.startsWith('/.well-known/') ? document : { access_token: 'a', expires_in: 60 })
      },
      { ...authority.issue(), ca, requestCert: true, rejectUnauthorized: false },
    )
    const found = { tokenEndpoint: undefined, issuer: issuer.origin, endpointOrigins: [servers.auth.origin] }
    const { tokens, current } = mutual(servers, { ...found, ...options })
    await tokens.getToken()
    await tokens.close({ revoke: true })
    const paths = [...servers.auth.requests, ...issuer.requests].map(({ url }) => url)
    expect(paths.filter((path) => !path.startsWith('/.well-known/'))).toEqual(expected)
    // The metadata too may be behind a server that wants to see it.
    expect([...shown]).toEqual([options === BY_SECRET ? '' : await current()])
  })

  it('are refused as aliases on an origin that is not listed', async () => {
    await using servers = await startMutualServers(authority)
    await using issuer = await startServer((response) => {
      const { origin } = issuer
      const aliases = { token_endpoint: `${servers.auth.origin}/token` }
      sendJson(response, { issuer: origin, token_endpoint: `${origin}/token`, mtls_endpoint_aliases: aliases })
    }, authority.issue())
    const { tokens } = mutual(servers, { tokenEndpoint: undefined, issuer: issuer.origin })
    const error = await failureOf(tokens.getToken())
    expect(error).toMatchObject({ code: 'discovery_failed' })
    expect(error.hint).toContain(`endpointOrigins: ['${servers.auth.origin}']`)
  })

  it('are the configured ones, whatever else', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens } = mutual(servers, { revocationEndpoint: `${servers.auth.origin}/my-revoke` })
    await tokens.getToken()
    await tokens.close({ revoke: true })
    expect(servers.auth.requests.map(({ url }) => url)).toEqual(['/token', '/my-revoke'])
  })

  it('are not asked while there is no certificate that can be used, and that is the error', async () => {
    await using servers = await startMutualServers(authority)
    const { source, tokens } = mutual(servers, {
      tokenEndpoint: undefined,
      issuer: servers.auth.origin,
      maxAttempts: 1,
    })
    source.pair = { ...newPair(), key: newPair().key }
    expect(await failureOf(tokens.getToken())).toMatchObject({ code: 'secret_unavailable', retryable: true })
    expect(servers.auth.requests).toEqual([])
  })
})

describe('Q8: the TLS connection to the authorization server', () => {
  it('is kept for the next token request while the certificate stays, and not used again once it has changed', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, renew, current } = mutual(servers)
    const first = await current()
    await tokens.getToken()
    await tokens.getToken({ forceRefresh: true })
    expect(servers.auth.connections).toBe(1)
    const second = await renew()
    await tokens.getToken({ forceRefresh: true })
    expect(servers.auth.connections).toBe(2)
    expect(servers.requestedWith).toEqual([first, first, second])
  })

  it('is not made to a server that another authority vouches for', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens } = mutual(servers, { ca: new TestAuthority('Stranger').cert, maxAttempts: 1 })
    expect(await failureOf(tokens.getToken())).toMatchObject({ code: 'tls', retryable: false })
    expect(servers.auth.requests).toEqual([])
  })

  it('fails with a hint when the server does not take the certificate', async () => {
    await using servers = await startMutualServers(authority)
    const { source, tokens } = mutual(servers)
    source.pair = new TestAuthority('Stranger').issue()
    const error = await failureOf(tokens.getToken())
    // Node's servers hang up; others send an alert.
    expect(error).toMatchObject({ code: 'network', systemCode: 'ECONNRESET' })
    expect(error.hint).toContain('client certificate')
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('PRIVATE KEY')
  })
})

describe('Q14: a certificate that is renewed', () => {
  it('retires the tokens of the one before, each of which is requested anew', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, current, renew } = mutual(servers)
    const changes: object[] = []
    tokens.on('certificateChanged', (change) => changes.push(change))
    const first = await current()
    for (const scope of ['a', 'b']) await tokens.getToken({ scope })
    const second = await renew()
    expect((await tokens.getToken({ scope: 'b' })).reveal()).toBe('token-2')
    expect((await tokens.getToken({ scope: 'a', forceRefresh: true })).reveal()).toBe('token-3')
    expect(tokens.inspect({ scope: 'b' })).toMatchObject({ state: 'absent', token: undefined })
    expect(tokens.source({ scope: 'b' }).peek()).toBeUndefined()
    expect((await tokens.getToken({ scope: 'b' })).reveal()).toBe('token-4')
    expect((await tokens.getToken({ scope: 'a' })).reveal()).toBe('token-3')
    expect(servers.requestedWith).toEqual([first, first, second, second])
    expect(changes).toEqual([{ client: 'default', thumbprint: second, expiresAt: expect.any(Number) }])
  })

  it('changes for every client that shares it', async () => {
    await using servers = await startMutualServers(authority)
    const source = { pair: newPair() }
    const client = {
      ...{ tokenEndpoint: `${servers.auth.origin}/token`, clientId: 'a', ca, clientAuthentication: tlsClientAuth() },
      certificate: clientCertificate(() => source.pair),
    }
    const tokens = new TokenManager({ clients: { orders: client, billing: client } })
    await tokens.getToken({ client: 'orders' })
    await tokens.getToken({ client: 'billing' })
    source.pair = newPair()
    await tokens.getToken({ client: 'orders', forceRefresh: true })
    expect((await tokens.getToken({ client: 'billing' })).reveal()).toBe('token-4')
  })

  it('serves the callers of a request that was sent with the one before, and keeps nothing of it', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, renew } = mutual(servers)
    await tokens.getToken()
    const arrived = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    servers.onTokenRequest = (request) => {
      if (!request.body.includes('scope=slow')) return
      arrived.resolve()
      return held.promise
    }
    const slow = tokens.getToken({ scope: 'slow' })
    await arrived.promise
    const second = await renew()
    await tokens.getToken({ forceRefresh: true })
    held.resolve()
    expect((await slow).reveal()).toBe('token-2')
    expect(tokens.inspect({ scope: 'slow' }).state).toBe('absent')
    expect((await tokens.getToken({ scope: 'slow' })).reveal()).toBe('token-4')
    expect(servers.requestedWith.slice(2)).toEqual([second, second])
  })

  it('changes nothing until a token was received with it', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, api, renew, current } = mutual(servers)
    const first = await current()
    await api.get('/orders')
    servers.refused = await renew()
    await failureOf(tokens.getToken({ forceRefresh: true }))
    expect((await api.get('/orders')).status).toBe(200)
    expect(servers.arrived).toMatchObject(Array(2).fill({ token: 'token-1', thumbprint: first, accepted: true }))
  })

  it('ends a remembered denial at once', async () => {
    await using servers = await startMutualServers(authority)
    const clock = new VirtualClock({ start: Date.now() })
    const { tokens, current, renew } = mutual(servers, { clock })
    servers.refused = await current()
    expect(await failureOf(tokens.getToken())).toMatchObject({ code: 'request_denied', error: 'invalid_client' })
    for (let i = 0; i < 4; i += 1) {
      await clock.advance(10_000)
      await failureOf(tokens.getToken())
    }
    const denied = servers.requestedWith.length
    await clock.advance(1000)
    await failureOf(tokens.getToken())
    expect(servers.requestedWith).toHaveLength(denied)
    await renew()
    await clock.advance(1000)
    expect((await tokens.getToken()).tokenType).toBe('Bearer')
  })

  it('is sent again at once when it was renewed while the server refused the one before', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, current, renew } = mutual(servers)
    const first = await current()
    servers.refused = first
    servers.onTokenRequest = async () => {
      if (servers.requestedWith.length === 1) await renew()
    }
    await tokens.getToken()
    expect(servers.requestedWith).toEqual([first, await current()])
  })

  it('but cannot be used, leaves the last good one in use, which is told', async () => {
    await using servers = await startMutualServers(authority)
    const { source, tokens, current } = mutual(servers)
    const kept: object[] = []
    tokens.on('certificateKept', (event) => kept.push(event))
    const first = await current()
    await tokens.getToken()
    source.pair = { ...newPair(), key: newPair().key }
    await tokens.getToken({ forceRefresh: true })
    expect(servers.requestedWith).toEqual([first, first])
    expect(kept).toMatchObject([{ client: 'default', error: { code: 'secret_unavailable', retryable: true } }])
  })
})

describe('what a manager says of a certificate', () => {
  it('never holds the private key', async () => {
    await using servers = await startMutualServers(authority)
    const written: unknown[] = []
    const write = (...line: unknown[]) => written.push(line)
    const logger = { debug: write, info: write, warn: write, error: write }
    const { source, tokens, renew } = mutual(servers, { logger })
    for (const name of EVENT_NAMES) tokens.on(name, (event) => written.push(event))
    const lines = [source.pair.key.toString().split('\n')[1]]
    await tokens.getToken()
    await renew()
    lines.push(source.pair.key.toString().split('\n')[1])
    await tokens.getToken({ forceRefresh: true })
    source.pair = { ...newPair(), key: source.pair.key }
    await tokens.getToken({ forceRefresh: true })
    servers.refused = await renew()
    written.push(await failureOf(tokens.getToken({ forceRefresh: true })), tokens, tokens.inspect())
    const everything = { depth: null, showHidden: true, getters: true } as const
    const text = [true, false].map((customInspect) => inspect(written, { ...everything, customInspect })).join()
    expect(text).toContain('certificateChanged')
    expect(text).toContain('certificateKept')
    for (const secret of ['PRIVATE KEY', ...lines]) expect(text).not.toContain(secret)
  })

  it('tells ahead of time that it expires', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, current, certificate, source } = mutual(servers)
    // Of its two hours, the last ten minutes.
    source.pair = authority.issue({ names: ['orders-service'], notAfter: new Date(Date.now() + 600_000) })
    const told: object[] = []
    tokens.on('credentialExpiring', (event) => told.push(event))
    await tokens.getToken()
    const { expiresAt, thumbprint } = certificate.shown() ?? expect.unreachable()
    expect(thumbprint).toBe(await current())
    expect(told).toEqual([{ client: 'default', what: 'certificate', expiresAt }])
  })
})

describe('F1, Q14: requests to an API that takes a token with its certificate only', () => {
  const ROTATIONS = 5
  const REQUESTS_BETWEEN = 60

  it('all succeed while the certificate is renewed again and again, none sent more than twice', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, api, renew, current } = mutual(servers)
    const thumbprints = [await current()]
    const load = startLoad(api, 12)
    await load.more(REQUESTS_BETWEEN)
    for (let i = 0; i < ROTATIONS; i += 1) {
      thumbprints.push(await renew())
      await tokens.getToken({ scope: `s${i % 3}`, forceRefresh: true })
      await load.more(REQUESTS_BETWEEN)
    }
    await load.stop()

    expect(load.failures).toEqual([])
    const sent = new Map<string, number>()
    for (const { url } of servers.api.requests) sent.set(url, (sent.get(url) ?? 0) + 1)
    expect(sent.size).toBeGreaterThan(ROTATIONS * REQUESTS_BETWEEN)
    expect(Math.max(...sent.values())).toBeLessThanOrEqual(2)
    const accepted = servers.arrived.filter((each) => each.accepted)
    expect(accepted).toHaveLength(sent.size)
    // One for each of the three tokens and each certificate.
    expect(servers.auth.requests).toHaveLength(3 * thumbprints.length)
    expect(new Set(accepted.map(({ thumbprint }) => thumbprint))).toEqual(new Set(thumbprints))
  })

  it('finish on the connection on which they began', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, api, renew } = mutual(servers)
    await api.get('/orders')
    const arrived = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    servers.onApiRequest = ({ url }) => {
      if (url !== '/slow') return
      arrived.resolve()
      return held.promise
    }
    const slow = api.get('/slow')
    await arrived.promise
    await renew()
    await tokens.getToken({ forceRefresh: true })
    await api.get('/orders')
    held.resolve()
    expect((await slow).status).toBe(200)
    await api.get('/orders')
    expect(servers.arrived.map(({ token, accepted }) => [token, accepted])).toEqual([
      ['token-1', true],
      ['token-1', true],
      ['token-2', true],
      ['token-2', true],
    ])
    expect(servers.api.connections).toBe(2)
    await expect.poll(() => servers.api.open).toBe(1)
  })

  it('leave no idle connection open that shows the certificate before', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, api, renew } = mutual(servers)
    await api.get('/orders')
    await api.get('/orders')
    expect([servers.api.connections, servers.api.open]).toEqual([1, 1])
    await renew()
    await tokens.getToken({ forceRefresh: true })
    await api.get('/orders')
    await expect.poll(() => servers.api.open).toBe(1)
    expect(servers.api.connections).toBe(2)
  })
})

/** Requests without pause, for three tokens in turn. */
function startLoad(api: AxiosInstance, workers: number) {
  const failures: unknown[] = []
  const waiters: { readonly at: number; readonly resolve: () => void }[] = []
  let begun = 0
  let done = 0
  let stopped = false
  const work = async (worker: number) => {
    while (!stopped) {
      begun += 1
      const request = api.get(`/orders/${begun}`, { token: { scope: `s${worker % 3}` } })
      await request.catch(async (error: Error) => {
        failures.push(error.message)
        // A failure that is remembered comes at once, and without this nothing else would get a turn, not even a time-out.
        await new Promise((resolve) => setImmediate(resolve))
      })
      done += 1
      for (const { at, resolve } of waiters) if (done >= at) resolve()
    }
  }
  const running = Array.from({ length: workers }, (_, worker) => work(worker))
  return {
    failures,
    /** Resolves when so many more have been answered. */
    more: (count: number) => new Promise<void>((resolve) => waiters.push({ at: done + count, resolve })),
    async stop() {
      stopped = true
      await Promise.all(running)
    },
  }
}

describe('the agent for the API', () => {
  it('reads the certificate itself where no token was asked for yet, for one request at a time', async () => {
    await using servers = await startMutualServers(authority)
    const { certificate, current } = mutual(servers)
    const plain = axios.create({ httpsAgent: certificate.httpsAgent({ ca }), validateStatus: () => true })
    await plain.get(servers.api.origin)
    await plain.get(servers.api.origin)
    expect(servers.arrived.map(({ thumbprint }) => thumbprint)).toEqual([await current(), await current()])
  })

  it('fails requests while there is no certificate to show', async () => {
    await using servers = await startMutualServers(authority)
    const certificate = clientCertificate(() => Promise.reject(new Error('vault sealed')))
    const error = await failureOf(axios.get(servers.api.origin, { httpsAgent: certificate.httpsAgent({ ca }) }))
    expect(error.message).toContain('The client certificate')
    expect(servers.api.connections).toBe(0)
  })

  it('resumes no TLS session of another certificate', async () => {
    await using servers = await startMutualServers(authority)
    const { certificate, source, current, renew } = mutual(servers)
    const httpsAgent = certificate.httpsAgent({ ca, keepAlive: false })
    const plain = axios.create({ httpsAgent, validateStatus: () => true })
    const get = async () => {
      certificate.use(await certificate.read({ client: 'orders' }))
      await plain.get(servers.api.origin)
    }
    const first = await current()
    const old = source.pair
    for (let i = 0; i < 3; i += 1) await get()
    const second = await renew()
    for (let i = 0; i < 2; i += 1) await get()
    source.pair = old
    await get()
    expect(servers.arrived.map(({ thumbprint }) => thumbprint)).toEqual([first, first, first, second, second, first])
  })

  it('hands no connection to a request that waits with a token of the next certificate', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, certificate, renew } = mutual(servers)
    const api = axios.create({
      baseURL: servers.api.origin,
      httpsAgent: certificate.httpsAgent({ ca, maxTotalSockets: 1 }),
    })
    attachTokenManager(api, tokens, { replay: 'none' })
    const arrived = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    servers.onApiRequest = () => {
      arrived.resolve()
      return held.promise
    }
    const first = api.get('/first')
    await arrived.promise
    await renew()
    await tokens.getToken({ forceRefresh: true })
    const second = api.get('/second')
    // By then it waits for the only connection there may be.
    await expect.poll(() => Object.keys(api.defaults.httpsAgent.requests)).toHaveLength(1)
    held.resolve()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
    expect(servers.api.connections).toBe(2)
  })

  it.each(['cert', 'key', 'pfx', 'passphrase', 'secureContext'])('takes no `%s` of its own', (name) => {
    const make = () => clientCertificate(newPair()).httpsAgent({ [name]: 'x' })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`option \`${name}\` must not be given`)
  })

  it('leaves no private key in the error of a request', async () => {
    await using servers = await startMutualServers(authority)
    const { certificate, source } = mutual(servers)
    const plain = axios.create({ httpsAgent: certificate.httpsAgent({ ca }) })
    const error = await failureOf(plain.get(servers.api.origin))
    expect(error).toMatchObject({ response: { status: 401 } })
    const line = source.pair.key.toString().split('\n')[1] ?? expect.unreachable()
    for (const customInspect of [true, false]) {
      const text = inspect(error, { depth: 12, showHidden: true, customInspect, maxStringLength: null })
      expect(text).not.toContain('PRIVATE KEY')
      expect(text).not.toContain(line)
    }
  })
})

describe('undici', () => {
  it('shows the certificate by its secure context', async () => {
    await using servers = await startMutualServers(authority)
    const { tokens, certificate } = mutual(servers)
    expect(() => certificate.secureContext()).toThrow(/not been read yet.*await tokens\.ready\(\)/)
    await tokens.ready()
    const dispatcher = new Agent({ connect: { secureContext: certificate.secureContext({ ca }) } })
    const authorization = `Bearer ${await tokens.getAccessToken()}`
    const { statusCode, body } = await request(servers.api.origin, { dispatcher, headers: { authorization } })
    await body.dump()
    await dispatcher.close()
    expect(statusCode).toBe(200)
  })
})
