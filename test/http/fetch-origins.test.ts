import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { fetch as undiciFetch } from 'undici'
import { fetch as oldestUndiciFetch } from 'undici-oldest'
import { describe, expect, it } from 'vitest'
import { createTokenFetch, type TokenFetchOptions } from '../../src/http/fetch.ts'
import { managed } from '../support/managed.ts'
import { failureOf } from './axios-api.ts'
import { FetchApi } from './fetch-api.ts'
import { FOREIGN_REDIRECTS, FOREIGN_URLS, goElsewhere, leakedTo } from './other-origins.ts'

const API = 'https://api.example.com'

/** A fetch for the API, which answers as told. */
function made(options: Partial<TokenFetchOptions<never>> = {}) {
  const api = new FetchApi()
  const { tokens, server } = managed()
  return { api, tokens, server, tokenFetch: createTokenFetch(tokens, { origins: [API], fetch: api.fetch, ...options }) }
}

describe('another origin', () => {
  const implementations = [
    ['the global fetch', undefined],
    ['undici’s', undiciFetch],
    ['the oldest undici’s', oldestUndiciFetch],
  ] as const

  describe.each(implementations)('by %s', (_, fetch) => {
    it.each([...FOREIGN_URLS, ...FOREIGN_REDIRECTS])('never sees the token: %s', async (...way) => {
      for (const onOtherOrigin of ['refuse', 'omit'] as const) {
        const arrivals = await goElsewhere(way, ({ origin, ca }) => {
          setDefaultCACertificates([...getCACertificates('bundled'), ca])
          const { tokens } = managed({ allowInsecureLoopback: true })
          return createTokenFetch(tokens, { origins: [origin], onOtherOrigin, fetch })
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
    const arrivals = await goElsewhere(way, ({ origin, ca }) => {
      setDefaultCACertificates([...getCACertificates('bundled'), ca])
      const applyToken = (token: { reveal(): string }) => ({ 'x-auth-token': token.reveal() })
      const { tokens } = managed({ allowInsecureLoopback: true, applyToken })
      return createTokenFetch(tokens, { origins: [origin] })
    })
    expect(leakedTo(arrivals)).toEqual([])
    expect(arrivals.api[0]?.headers).toContain('x-auth-token: token-1')
    expect(arrivals.elsewhere.length).toBeGreaterThanOrEqual(3)
  })

  it.each([
    ['another host', 'https://other.example/x', 'origin_refused'],
    ['a subdomain', 'https://v2.api.example.com/x', 'origin_refused'],
    ['the domain above', 'https://example.com/x', 'origin_refused'],
    ['a longer name', 'https://api.example.com.other.example/x', 'origin_refused'],
    ['another port', 'https://api.example.com:8443/x', 'origin_refused'],
    ['another scheme', 'http://api.example.com/x', 'insecure_url'],
    ['no scheme', '//api.example.com/x', 'origin_refused'],
    ['a path', '/orders', 'origin_refused'],
    ['nothing', '', 'origin_refused'],
    ['a trailing dot', 'https://api.example.com./x', 'origin_refused'],
    ['userinfo', 'https://user:hunter2@api.example.com/x', 'origin_refused'],
    ['the API as userinfo', 'https://api.example.com@other.example/x', 'origin_refused'],
    ['data', 'data:text/plain,hunter2', 'origin_refused'],
    ['a blob', `blob:${API}/8a2b`, 'origin_refused'],
    ['a file', 'file:///etc/passwd', 'origin_refused'],
    ['http to this machine', 'http://localhost:8080/x', 'origin_refused'],
  ])('is refused: %s', async (_, url, code) => {
    const { api, server, tokenFetch } = made()
    for (const warm of [false, true]) {
      const error = await failureOf(tokenFetch(url))
      expect(error).toMatchObject({ name: 'TokenError', code, hint: expect.any(String) })
      expect(error.message).not.toContain('hunter2')
      expect(api.requests).toHaveLength(warm ? 1 : 0)
      if (!warm) await tokenFetch(`${API}/orders`)
    }
    expect(server.requests).toHaveLength(1)
  })

  it.each([
    'https://other.example/x',
    'https://v2.api.example.com/x',
    'https://api.example.com:8443/x',
    'data:text/plain,x',
  ])('gets the request as it is with `onOtherOrigin: omit`: %s', async (url) => {
    const { api, server, tokenFetch } = made({ onOtherOrigin: 'omit' })
    await tokenFetch(`${API}/first`)
    const init = { headers: { 'x-own': '1' }, redirect: 'follow' } as const
    await tokenFetch(url, init)
    await tokenFetch(`${API}/last`)
    expect(api.authorizations).toEqual(['Bearer token-1', null, 'Bearer token-1'])
    expect(api.requests[1]).toMatchObject({ input: url, init })
    expect(server.requests).toHaveLength(1)
  })

  it('is refused in either way where a URL holds a password or is no URL', async () => {
    const { api, tokenFetch } = made({ onOtherOrigin: 'omit' })
    for (const url of ['https://user:hunter2@other.example/', '/orders']) {
      expect(await failureOf(tokenFetch(url))).toMatchObject({ code: 'origin_refused' })
    }
    expect(api.requests).toEqual([])
  })

  it('is not reached by an object that says something else when it is read again', async () => {
    const { api, tokenFetch } = made()
    const urls = [`${API}/`, 'https://other.example/']
    await tokenFetch({ toString: () => urls.shift() ?? '' } as never)
    const url = new URL(`${API}/orders`)
    const waiting = made()
    const answer = waiting.tokenFetch(url)
    url.host = 'other.example'
    await answer
    expect(api.requests.map(({ url }) => url)).toEqual([`${API}/`])
    expect(waiting.api.requests.map(({ url }) => url)).toEqual([`${API}/orders`])
  })
})

describe('the origins that get the token', () => {
  it.each([
    `${API}/orders`,
    API,
    `${API}?page=2#top`,
    'HTTPS://API.example.COM/orders',
    'https://api.example.com:443/orders',
    new URL(`${API}/orders`),
    new Request(`${API}/orders`),
  ])('are those listed: %s', async (url) => {
    const { api, tokenFetch } = made()
    for (let times = 0; times < 2; times++) await tokenFetch(url)
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
  })

  it('may be several, and any subdomain', async () => {
    const { api, tokenFetch } = made({ origins: ['https://orders.example.com', 'https://*.internal.example'] })
    const allowed = ['https://orders.example.com/x', 'https://a.internal.example/', 'https://b.internal.example/']
    for (const url of [...allowed, ...allowed]) await tokenFetch(url)
    for (const url of ['https://internal.example/', 'https://a.b.internal.example/', API]) {
      expect(await failureOf(tokenFetch(url))).toMatchObject({ code: 'origin_refused' })
    }
    expect(api.authorizations).toEqual(Array(6).fill('Bearer token-1'))
  })

  it('are on this machine with http only where the client is allowed to', async () => {
    const api = new FetchApi()
    const origins = ['http://127.0.0.1:8080']
    const allowed = managed({ allowInsecureLoopback: true }).tokens
    const careful = managed().tokens
    const tokenFetch = createTokenFetch(allowed, { origins, fetch: api.fetch })
    const ask = (token?: ReturnType<typeof careful.source>) => tokenFetch('http://127.0.0.1:8080/x', token && { token })
    await ask()
    expect(await failureOf(ask(careful.source()))).toMatchObject({ code: 'insecure_url' })
    await ask()
    const own = createTokenFetch(careful, { origins, fetch: api.fetch })
    expect(await failureOf(own('http://127.0.0.1:8080/x'))).toMatchObject({ code: 'insecure_url' })
    expect(api.requests).toHaveLength(2)
  })
})
