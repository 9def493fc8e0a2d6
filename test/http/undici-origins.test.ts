import { describe, expect, it } from 'vitest'
import { tokenInterceptor } from '../../src/http/undici.ts'
import { managed } from '../support/managed.ts'
import { failureOf } from './axios-api.ts'
import { FOREIGN_REDIRECTS, FOREIGN_URLS, goElsewhere, leakedTo } from './other-origins.ts'
import { startApi, VERSIONS } from './undici-versions.ts'

const API = 'https://api.example.com'

describe.each(VERSIONS)('another origin, with %s', (_, undici) => {
  const { Agent, interceptors, MockAgent, Pool } = undici
  const arrangements = [
    ['no redirect interceptor', (agent, token) => agent.compose(token)],
    ['redirects after it', (agent, token) => agent.compose(token, interceptors.redirect({ maxRedirections: 5 }))],
    ['redirects before it', (agent, token) => agent.compose(interceptors.redirect({ maxRedirections: 5 }), token)],
    [
      'redirects and retries around it',
      (agent, token) =>
        agent.compose(
          interceptors.retry({ maxRetries: 1, minTimeout: 1 }),
          token,
          interceptors.redirect({ maxRedirections: 5 }),
          interceptors.retry({ maxRetries: 1, minTimeout: 1 }),
        ),
    ],
  ] as const satisfies readonly (readonly [
    string,
    (agent: InstanceType<typeof Agent>, token: ReturnType<typeof tokenInterceptor>) => unknown,
  ])[]

  describe.each(arrangements)('with %s', (how, arrange) => {
    it.each([...FOREIGN_URLS, ...FOREIGN_REDIRECTS])('never sees the token: %s', async (...way) => {
      for (const onOtherOrigin of ['refuse', 'omit'] as const) {
        for (const applyToken of [undefined, secondHeader]) {
          const arrivals = await goElsewhere(way, ({ origin, ca }) => {
            const { tokens } = managed({ allowInsecureLoopback: true, applyToken })
            const dispatcher = arrange(
              new Agent({ connect: { ca } }),
              tokenInterceptor(tokens, { origins: [origin], onOtherOrigin }),
            )
            return async (url) => await (await undici.request(url, { dispatcher })).body.text()
          })
          expect(leakedTo(arrivals)).toEqual([])
          const orders = arrivals.api.find(({ url }) => url === '/orders')
          expect(orders?.headers).toContain('authorization: Bearer token-1')
          const arrives = how.includes('redirects') && (how.includes('before') ? !applyToken : onOtherOrigin === 'omit')
          const isRedirected = FOREIGN_REDIRECTS.some(([title]) => title === way[0])
          if (arrives && isRedirected) expect(arrivals.elsewhere.length).toBeGreaterThanOrEqual(3)
        }
      }
    })
  })

  it.each([
    ['another host', 'https://other.example', '/x', 'origin_refused'],
    ['a subdomain', 'https://v2.api.example.com', '/x', 'origin_refused'],
    ['a longer name', 'https://api.example.com.other.example', '/x', 'origin_refused'],
    ['another port', 'https://api.example.com:8443', '/x', 'origin_refused'],
    ['another scheme', 'http://api.example.com', '/x', 'insecure_url'],
    ['a trailing dot', 'https://api.example.com.', '/x', 'origin_refused'],
    ['userinfo', 'https://user:hunter2@api.example.com', '/x', 'origin_refused'],
    ['the API as userinfo', 'https://api.example.com@other.example', '/x', 'origin_refused'],
    ['a URL object', new URL('https://other.example'), '/x', 'origin_refused'],
    ['no origin', undefined, '/x', 'origin_refused'],
    ['an empty origin', '', '/x', 'origin_refused'],
    ['a word', 'api.example.com', '/x', 'origin_refused'],
    ['a file', 'file:///etc', '/x', 'origin_refused'],
    ['a whole URL as path', API, 'https://other.example/x', 'origin_refused'],
    ['a path without a slash', API, 'x', 'origin_refused'],
  ])('is refused: %s', async (_, origin, path, code) => {
    const { tokens, server } = managed()
    const mock = new MockAgent()
    mock.disableNetConnect()
    const sent: unknown[] = []
    const reply = () => {
      sent.push(1)
      return 'done'
    }
    mock.get(API).intercept({ path: '/orders' }).reply(200, reply).persist()
    const dispatcher = mock.compose(tokenInterceptor(tokens, { origins: [API] }))
    for (const warm of [false, true]) {
      const error = await failureOf(dispatcher.request({ origin: origin as string, path, method: 'GET' }))
      expect(error).toMatchObject({ name: 'TokenError', code, hint: expect.any(String) })
      expect(error.message).not.toContain('hunter2')
      expect(sent).toHaveLength(warm ? 1 : 0)
      if (!warm) await dispatcher.request({ origin: API, path: '/orders', method: 'GET' })
    }
    expect(server.requests).toHaveLength(1)
  })

  it('gets requests without the token with `onOtherOrigin: omit`', async () => {
    await using one = await startApi()
    await using other = await startApi()
    const dispatcher = new Agent().compose(one.intercept({ onOtherOrigin: 'omit' }))
    for (const { api } of [one, other, one]) await undici.request(`${api.origin}/x`, { dispatcher })
    expect(one.authorizations()).toEqual(['Bearer token-1', 'Bearer token-1'])
    expect(other.authorizations()).toEqual([undefined])
  })

  it('gets nothing by a URL object that changes while the request waits', async () => {
    await using one = await startApi()
    await using other = await startApi()
    const dispatcher = new Agent().compose(one.intercept())
    const origin = new URL(one.api.origin)
    const answer = dispatcher.request({ origin, path: '/', method: 'GET' })
    origin.port = String(other.api.port)
    await answer
    expect([one.api.requests.length, other.api.requests.length]).toEqual([1, 0])
  })

  it('is not reached by a path that begins with two slashes', async () => {
    await using one = await startApi()
    await using other = await startApi()
    const dispatcher = new Agent().compose(one.intercept())
    const path = `//127.0.0.1:${other.api.port}/x`
    await dispatcher.request({ origin: one.api.origin, path, method: 'GET' })
    expect(one.api.requests.map(({ url }) => url)).toEqual([path])
    expect(other.api.requests).toEqual([])
  })

  it('is not followed to, not even on the same origin, where redirects below would take other headers along', async () => {
    await using one = await startApi(
      (response, { url }) => {
        if (url === '/from') response.writeHead(307, { location: '/to' })
        response.end('done')
      },
      { applyToken: secondHeader },
    )
    const redirect = interceptors.redirect({ maxRedirections: 5 })
    const before = new Agent().compose(redirect, one.intercept())
    const error = await failureOf(undici.request(`${one.api.origin}/from`, { dispatcher: before }))
    expect(error).toMatchObject({ code: 'origin_refused', hint: expect.stringContaining('compose') })
    const after = new Agent().compose(one.intercept(), redirect)
    expect((await undici.request(`${one.api.origin}/from`, { dispatcher: after })).statusCode).toBe(200)
    expect(one.api.requests.map(({ url }) => url)).toEqual(['/from', '/from', '/to'])
  })

  it('is where a pool connects to, whatever its requests say, and then gets nothing from undici 8', async () => {
    await using one = await startApi()
    await using other = await startApi()
    const pool = new Pool(other.api.origin).compose(one.intercept({ origins: [one.api.origin] }))
    const error = await pool.request({ origin: one.api.origin, path: '/', method: 'GET' }).catch((error) => error)
    if (undici === VERSIONS[0]?.[1]) {
      expect(error).toMatchObject({ code: 'origin_refused', message: expect.stringContaining(other.api.origin) })
      expect(other.api.requests).toEqual([])
    } else expect(other.api.requests).toHaveLength(1)
  })
})

describe('the origins that get the token', () => {
  it.each([
    ['missing', {}],
    ['undefined', { origins: undefined }],
    ['none', { origins: [] }],
    ['no list', { origins: API }],
    ['no origin', { origins: [`${API}/orders`] }],
  ])('must be listed: %s', (_, options) => {
    expect(() => tokenInterceptor(managed().tokens, options as never)).toThrow(/evertoken: option `origins/)
  })

  it.each(['http://127.0.0.1:8080', 'http://localhost:8080'])(
    'are on this machine with http only where the client is allowed to: %s',
    async (origin) => {
      const [, undici] = VERSIONS[0]!
      const mock = new undici.MockAgent()
      mock.disableNetConnect()
      mock.get(origin).intercept({ path: '/x' }).reply(200, 'done').persist()
      const careful = managed().tokens
      const dispatcher = mock.compose(
        tokenInterceptor(managed({ allowInsecureLoopback: true }).tokens, { origins: [origin] }),
      )
      const ask = (token?: unknown) => dispatcher.request({ origin, path: '/x', method: 'GET', ...{ token } })
      await ask()
      expect(await failureOf(ask(careful.source()))).toMatchObject({ code: 'insecure_url' })
      expect((await ask()).statusCode).toBe(200)
    },
  )
})

/** Carries a token in two headers. */
function secondHeader(token: { reveal(): string }): Record<string, string> {
  return { authorization: `Bearer ${token.reveal()}`, 'x-second': token.reveal() }
}
