import { Agent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { setDefaultCACertificates } from 'node:tls'
import axios, { type AxiosRequestConfig } from 'axios'
import { describe, expect, it } from 'vitest'
import type { AccessToken } from '../../src/access-token.ts'
import { type AttachOptions, attachTokenManager } from '../../src/http/axios.ts'
import { type Respond, sendJson, startServer, type TestServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { TestAuthority } from '../support/tls.ts'
import { Api, failureOf } from './axios-api.ts'
import { FOREIGN_REDIRECTS, FOREIGN_URLS, goElsewhere, leakedTo } from './other-origins.ts'

/** Answers `/to?status=307&url=…` with that redirect, and everything else with an empty document. */
const redirecting: Respond = (response, request) => {
  const query = new URL(request.url, 'http://unused').searchParams
  const location = query.get('url')
  if (location === null) sendJson(response, {})
  else response.writeHead(Number(query.get('status')), { location }).end()
}

/** An instance for this server that carries tokens, by default allowed to use http on this machine. */
function clientFor(api: Pick<TestServer, 'origin'>, options: AttachOptions = {}, config: AxiosRequestConfig = {}) {
  const { tokens } = managed({ allowInsecureLoopback: true })
  const client = axios.create({ baseURL: api.origin, proxy: false, ...config })
  attachTokenManager(client, tokens, options as object)
  return client
}

describe('another origin', () => {
  const modes = ['refuse', 'omit'] as const

  describe.each(['http', 'fetch'])('by the %s adapter', (adapter) => {
    it.each([...FOREIGN_URLS, ...FOREIGN_REDIRECTS])('never sees the token: %s', async (...way) => {
      for (const onOtherOrigin of modes) {
        const arrivals = await goElsewhere(way, ({ origin, ca }) => {
          if (adapter === 'fetch') setDefaultCACertificates([ca])
          const client = clientFor({ origin }, { onOtherOrigin }, { adapter, httpsAgent: new Agent({ ca }) })
          return (url) => client.get(url)
        })
        expect(leakedTo(arrivals)).toEqual([])
        const orders = arrivals.api.find(({ url }) => url === '/orders')
        expect(orders?.headers.map((line) => line.toLowerCase())).toContain('authorization: bearer token-1')
        const isRedirected = FOREIGN_REDIRECTS.some(([title]) => title === way[0])
        if (isRedirected) expect(arrivals.elsewhere.length).toBeGreaterThanOrEqual(3)
      }
    })
  })

  it.each(FOREIGN_REDIRECTS)('never sees a token in a header of its own: %s', async (...way) => {
    for (const adapter of ['http', 'fetch']) {
      const arrivals = await goElsewhere(way, ({ origin, ca }) => {
        const applyToken = (token: AccessToken) => ({ 'X-Tenant': 'token-0', 'X-Api-Token': token.reveal() })
        const { tokens } = managed({ allowInsecureLoopback: true, applyToken })
        const client = axios.create({ baseURL: origin, proxy: false, adapter, httpsAgent: new Agent({ ca }) })
        attachTokenManager(client, tokens)
        return (url) => client.get(url)
      })
      expect(leakedTo(arrivals)).toEqual([])
      expect(arrivals.api[0]?.headers).toEqual(expect.arrayContaining([expect.stringContaining('token-1')]))
      if (adapter === 'http') expect(arrivals.elsewhere.length).toBeGreaterThanOrEqual(3)
    }
  })

  const attempts: [string, (foreign: TestServer) => AxiosRequestConfig][] = [
    [
      'an absolute URL with `allowAbsoluteUrls: false`',
      ({ origin }) => ({ url: `${origin}/x`, allowAbsoluteUrls: false }),
    ],
    ['a base URL of the request’s own', ({ origin }) => ({ url: '/x', baseURL: origin })],
    ['an empty base URL', ({ origin }) => ({ url: `${origin}/x`, baseURL: '' })],
    ['a URL object', ({ origin }) => ({ url: new URL(`${origin}/x`) as never })],
  ]

  it.each(attempts)('never sees the token: %s', async (_, attempt) => {
    await using api = await startServer(redirecting)
    await using foreign = await startServer(redirecting)
    for (const onOtherOrigin of modes) {
      const client = clientFor(api, { onOtherOrigin })
      await client.request(attempt(foreign)).catch(() => {})
      await client.get('/orders')
      await client.request(attempt(foreign)).catch(() => {})
    }
    expect(foreign.requests.map(({ headers }) => headers.authorization).filter(Boolean)).toEqual([])
    expect(api.requests.filter(({ url }) => url === '/orders').map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
    ])
  })

  it.each(['url', 'baseURL'] as const)(
    'is not reached by a URL object that says something else later: %s',
    async (name) => {
      const { tokens } = managed()
      const api = new Api()
      const client = api.client()
      attachTokenManager(client, tokens)
      const url = new URL('https://api.example.com/orders')
      tokens.on('tokenReceived', () => {
        url.host = 'other.example'
      })
      await client.request({ [name]: url })
      expect(api.requests.map(({ url, authorization }) => [url, authorization])).toEqual([
        ['https://api.example.com/orders', 'Bearer token-1'],
      ])
    },
  )

  it.each([
    ['an absolute URL', 'https://other.example/x', 'origin_refused'],
    ['a subdomain', 'https://v2.api.example.com/x', 'origin_refused'],
    ['the domain above', 'https://example.com/x', 'origin_refused'],
    ['another port', 'https://api.example.com:8443/x', 'origin_refused'],
    ['another scheme', 'http://api.example.com/x', 'insecure_url'],
    ['no scheme', '//other.example/x', 'origin_refused'],
    ['a trailing dot', 'https://api.example.com./x', 'origin_refused'],
    ['userinfo', 'https://user:hunter2@api.example.com/x', 'origin_refused'],
    ['no http', 'file:///etc/passwd', 'origin_refused'],
  ])('is refused: %s', async (_, url, code) => {
    const { tokens, server } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    const error = await failureOf(client.get(url))
    expect(error).toMatchObject({ name: 'TokenError', code, hint: expect.any(String) })
    expect(error.message).not.toContain('hunter2')
    expect(api.requests).toEqual([])
    expect(server.requests).toEqual([])
  })

  it.each([['https://other.example/x'], ['https://v2.api.example.com/x'], ['https://api.example.com:8443/x']])(
    'gets the request without the token with `onOtherOrigin: omit`: %s',
    async (url) => {
      const { tokens, server } = managed()
      const api = new Api()
      const client = api.client()
      attachTokenManager(client, tokens, { onOtherOrigin: 'omit' })
      await client.get('/first')
      await client.get(url)
      await client.get(url, { auth: { username: 'u', password: 'p' } })
      await client.get('/last')
      expect(api.authorizations).toEqual(['Bearer token-1', undefined, undefined, 'Bearer token-1'])
      expect(server.requests).toHaveLength(1)
    },
  )

  it('never sees a token that comes back with the config', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens, { onOtherOrigin: 'omit' })
    const { config } = await client.get('/orders')
    await client({ ...config, url: 'https://other.example/' })
    await client({ ...config, baseURL: 'https://other.example' })
    expect(api.authorizations).toEqual(['Bearer token-1', undefined, undefined])
  })
})

describe('the origins that get the token', () => {
  it.each([
    ['nothing', undefined],
    ['a path', '/orders'],
    ['a relative path', 'orders?page=2#top'],
    ['the absolute URL', 'https://api.example.com/orders'],
    ['capitals', 'HTTPS://API.example.COM/orders'],
    ['the default port', 'https://api.example.com:443/orders'],
    ['a colon in the path', '/orders/urn:order:1'],
    ['a colon in a relative path', 'orders:export'],
    ['an `@` in the path', '/users/me@example.com'],
  ])('are by default that of the base URL: %s', async (_, url) => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client({ baseURL: 'https://api.example.com/v1/' })
    attachTokenManager(client, tokens)
    for (let times = 0; times < 2; times++) await client.request({ ...(url !== undefined && { url }) })
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
  })

  it('are those in `origins` alone, if given', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    const origins = ['https://orders.example.com', 'https://*.internal.example']
    attachTokenManager(client, tokens, { origins, onOtherOrigin: 'omit' })
    const urls = ['/', 'https://orders.example.com/', 'https://a.internal.example/', 'https://a.b.internal.example/']
    for (const url of urls) await client.get(url)
    expect(api.authorizations).toEqual([undefined, 'Bearer token-1', 'Bearer token-1', undefined])
  })

  it('have to be known: without base URL and `origins` the first request is refused with a hint', async () => {
    const { tokens, server } = managed()
    const api = new Api()
    const client = axios.create({ adapter: api.adapter })
    attachTokenManager(client, tokens)
    const error = await failureOf(client.get('https://api.example.com/'))
    expect(error).toMatchObject({ code: 'origin_refused', hint: expect.stringContaining('origins') })
    expect(error.hint).toContain('baseURL')
    expect(api.requests).toEqual([])
    expect(server.requests).toEqual([])
  })

  it('are not learnt from an absolute URL beside another base', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client({ baseURL: 'https://other.example' })
    attachTokenManager(client, tokens, { origins: ['https://api.example.com'] })
    await client.get('https://api.example.com/')
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'origin_refused' })
    expect(api.requests).toHaveLength(1)
  })

  it('are https also where they are listed, unless the client allows http on this machine', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client({ baseURL: 'http://127.0.0.1:8080' })
    attachTokenManager(client, tokens, { origins: ['http://127.0.0.1:8080'] })
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'insecure_url' })
    expect(api.requests).toEqual([])
  })

  it('follow the base URL when it changes', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    const before = 'https://api.example.com'
    await client.get('/', { baseURL: before })
    client.defaults.baseURL = 'https://api2.example.com'
    expect(await failureOf(client.get('/', { baseURL: before }))).toMatchObject({ code: 'origin_refused' })
    await client.get('/')
    expect(api.requests.map(({ url }) => url)).toEqual(['https://api.example.com/', 'https://api2.example.com/'])
    expect(await failureOf(client.get('/', { baseURL: before }))).toMatchObject({ code: 'origin_refused' })
  })

  it.each([
    ['http://127.0.0.1:8080', false],
    ['http://api.example.com', false],
    ['http://api.example.com', true],
    ['http://10.0.0.1', true],
    ['http://localhost.example.com', true],
  ])('are https: %s is refused (allowInsecureLoopback: %s)', async (baseURL, allowInsecureLoopback) => {
    const { tokens } = managed({ allowInsecureLoopback })
    const api = new Api()
    const client = api.client({ baseURL })
    attachTokenManager(client, tokens)
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'insecure_url' })
    expect(api.requests).toEqual([])
  })

  it('may use http on this machine for the one client that allows it', async () => {
    const strict = managed()
    const { tokens } = managed({ allowInsecureLoopback: true })
    const api = new Api()
    const client = api.client({ baseURL: 'http://127.0.0.1:8080' })
    attachTokenManager(client, tokens)
    await client.get('/')
    const token = strict.tokens.source({})
    await token.getToken()
    expect(await failureOf(client.get('/', { token }))).toMatchObject({ code: 'insecure_url' })
    expect(api.authorizations).toEqual(['Bearer token-1'])
  })
})

describe('a redirect', () => {
  const authority = new TestAuthority()
  const names = ['api.test', 'v2.api.test', 'other.test']
  const tls = authority.issue({ names })
  const lookup: LookupFunction = (_, options, done) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
  const secure = { httpsAgent: new Agent({ ca: authority.cert, lookup }) }

  const statuses = [301, 302, 303, 307, 308]
  const to = (url: string, status: number) => `/to?status=${status}&url=${encodeURIComponent(url)}`

  it.each(statuses)('to a subdomain or another host never shows the token there: %i', async (status) => {
    await using server = await startServer(redirecting, tls)
    const at = (name: string) => `https://${name}:${server.port}`
    const client = clientFor({ origin: at('api.test') }, {}, secure)
    for (const name of ['v2.api.test', 'other.test']) await client.post(to(at(name), status), 'body')
    const sent = server.requests.map(({ headers }) => [headers.host?.split(':')[0], headers.authorization])
    expect(sent).toEqual([
      ['api.test', 'Bearer token-1'],
      ['v2.api.test', undefined],
      ['api.test', 'Bearer token-1'],
      ['other.test', undefined],
    ])
  })

  it.each(statuses)('to another port or scheme never shows the token there: %i', async (status) => {
    await using api = await startServer(redirecting, tls)
    await using otherPort = await startServer(redirecting, tls)
    await using otherScheme = await startServer(redirecting)
    const client = clientFor({ origin: `https://api.test:${api.port}` }, {}, secure)
    for (const url of [`https://api.test:${otherPort.port}`, otherScheme.origin]) {
      await client.post(to(url, status), 'body')
    }
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-1'])
    for (const { requests } of [otherPort, otherScheme]) {
      expect(requests.map(({ headers }) => headers.authorization)).toEqual([undefined])
    }
  })

  it.each(statuses)('to another origin that is listed is to another origin all the same: %i', async (status) => {
    await using api = await startServer(redirecting)
    await using other = await startServer(redirecting)
    const client = clientFor(api, { origins: [api.origin, other.origin] })
    const { config } = await client.get(to(`${other.origin}/`, status))
    await client({ ...config, baseURL: other.origin, url: to(`${api.origin}/`, status) })
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer token-1'])
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', undefined])
  })

  it.each(statuses)('to the same origin keeps the token: %i', async (status) => {
    await using api = await startServer(redirecting)
    const client = clientFor(api)
    await client.get(to('/there', status))
    await client.get(to(`${api.origin}/there`, status))
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(Array(4).fill('Bearer token-1'))
  })

  it('is guarded against by what axios gets from us, whichever its version', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    for (const _ of ['cold', 'warm']) await client.get('/')
    for (const { config } of api.requests) {
      const redirect = { href: 'https://v2.api.example.com/', headers: { Authorization: 'x' } }
      config.beforeRedirect?.(redirect, {} as never, {} as never)
      expect(redirect.headers).toEqual({})
    }
    expect(api.requests).toHaveLength(2)
  })

  it('is told to the caller’s own `beforeRedirect`, which sees no token on the way elsewhere', async () => {
    await using api = await startServer(redirecting)
    await using other = await startServer(redirecting)
    const told: unknown[] = []
    const beforeRedirect = (options: Record<string, unknown>) =>
      told.push([options.href, (options.headers as Record<string, unknown>).Authorization])
    const client = clientFor(api, {}, { beforeRedirect })
    for (const url of ['/there', `${other.origin}/`]) {
      const { config } = await client.get(to(url, 302))
      await client(config)
    }
    const there = [`${api.origin}/there`, 'Bearer token-1']
    expect(told).toEqual([there, there, [`${other.origin}/`, undefined], [`${other.origin}/`, undefined]])
  })
})
