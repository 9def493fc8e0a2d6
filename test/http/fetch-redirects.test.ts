import { describe, expect, it } from 'vitest'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { type Respond, startServer, type TestServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'

/** Redirects as `?to=` and `?status=` say, `to` being a whole URL or a path. */
const redirecting: Respond = (response, { url }) => {
  const query = new URL(url, 'http://unused').searchParams
  const location = query.get('to')
  if (location === null) response.end('here')
  else response.writeHead(Number(query.get('status')), { location }).end('moved')
}

const to = (via: string, status: number, location: string) =>
  `${via}/from?${new URLSearchParams({ status: String(status), to: location })}`

/** What a caller can tell of a request's outcome. */
async function outcomeOf(answering: Promise<Response>): Promise<unknown> {
  try {
    const answer = await answering
    const { status, url, redirected } = answer
    const isCopyRedirected = answer.clone().redirected
    return { status, url, redirected, isCopyRedirected, body: await answer.text() }
  } catch (error) {
    const { name, message } = error as Error
    return { name, message }
  }
}

/** The requests that arrived, but for what carries the token. */
function sightings(servers: readonly TestServer[]): unknown[] {
  return servers.flatMap(({ requests }) =>
    requests.splice(0).map(({ headers: { authorization: _, ...headers }, ...request }) => ({ ...request, headers })),
  )
}

type Ask = (places: { api: TestServer; other: TestServer }) => readonly [url: string, init?: () => RequestInit]

const NO_MODE = 'never' as never
const body = 'a body of some length'
const headers = {
  'Content-Type': 'text/special',
  'content-language': 'de',
  Cookie: 'a=b',
  'proxy-authorization': 'Basic own',
  'x-own': '1',
}
const methods = ['GET', 'HEAD', 'POST', 'post', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']
const statuses = [300, 301, 302, 303, 304, 305, 307, 308]
const withBody = (method: string) => !['GET', 'HEAD'].includes(method)

const cases: [string, Ask][] = [
  ...methods.flatMap((method) =>
    statuses.map((status): [string, Ask] => [
      `${status} of ${method}`,
      ({ api }) => [
        to(api.origin, status, '/there?x#part'),
        () => ({ method, headers, ...(withBody(method) && { body }) }),
      ],
    ]),
  ),
  ...[301, 303, 307].map((status): [string, Ask] => [
    `${status} to another origin`,
    ({ api, other }) => [to(api.origin, status, `${other.origin}/there`), () => ({ method: 'POST', headers, body })],
  ]),
  [
    'there and back',
    ({ api, other }) => [to(api.origin, 307, to(other.origin, 302, `${api.origin}/back`)), () => ({ headers })],
  ],
  ['no protocol', ({ api, other }) => [to(api.origin, 302, `//127.0.0.1:${other.port}/there`)]],
  ['a relative address', ({ api }) => [to(api.origin, 302, 'there')]],
  ['an empty address', ({ api }) => [`${api.origin}/empty?status=404&to=`]],
  ['UTF-8 in the address', ({ api }) => [to(api.origin, 302, Buffer.from('/übung').toString('latin1'))]],
  ['an address that is none', ({ api }) => [to(api.origin, 302, 'http://[')]],
  ['another scheme', ({ api }) => [to(api.origin, 302, 'ftp://127.0.0.1/')]],
  ['data', ({ api }) => [to(api.origin, 302, 'data:text/plain,x')]],
  ['a user name in the address', ({ api }) => [to(api.origin, 302, `http://user@127.0.0.1:${api.port}/`)]],
  ['a password alone in the address', ({ api }) => [to(api.origin, 302, `http://:p@127.0.0.1:${api.port}/`)]],
  ['a password in the address', ({ api, other }) => [to(api.origin, 302, `http://u:p@127.0.0.1:${other.port}/`)]],
  ['a fragment', ({ api }) => [`${to(api.origin, 302, '/there')}#part`]],
  [
    'redirects that are not to be followed',
    ({ api }) => [to(api.origin, 302, '/there'), () => ({ redirect: 'manual' })],
  ],
  ['redirects that are an error', ({ api }) => [to(api.origin, 302, '/there'), () => ({ redirect: 'error' })]],
  ['a mode there is not', ({ api }) => [to(api.origin, 302, '/there'), () => ({ redirect: NO_MODE })]],
  ...[301, 303, 307].map((status): [string, Ask] => [
    `${status} of a stream`,
    ({ api }) => [
      to(api.origin, status, '/there'),
      () => ({ method: 'POST', body: new Blob([body]).stream(), duplex: 'half' }),
    ],
  ]),
  ...[301, 303, 307, 308].map((status): [string, Ask] => [
    `${status} of a form`,
    ({ api }) => [to(api.origin, status, '/there'), () => ({ method: 'PUT', body: new URLSearchParams({ a: 'ü' }) })],
  ]),
]

describe('a redirect', () => {
  it.each(cases)('leads where it does without a token, with what it does: %s', async (_, ask) => {
    await using api = await startServer(redirecting)
    await using other = await startServer(redirecting)
    const { tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin] })
    const [url, init = (): RequestInit => ({})] = ask({ api, other })
    const outcome = await outcomeOf(fetch(url, init()))
    const seen = sightings([api, other])
    expect(await outcomeOf(tokenFetch(url, init()))).toEqual(outcome)
    expect(sightings([api, other])).toEqual(seen)
    // A `Request` takes no such mode; and does not tell a stream from other bodies, which can be sent again.
    if (init().redirect === NO_MODE || init().duplex !== undefined) return
    expect(await outcomeOf(tokenFetch(new Request(url, init())))).toEqual(outcome)
    expect(sightings([api, other])).toEqual(seen)
  })

  it('is followed 20 times', async () => {
    await using api = await startServer((response, { url }) => {
      const left = Number(url.slice(1))
      if (left > 0) response.writeHead(302, { location: `/${left - 1}` })
      response.end('here')
    })
    const { tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin] })
    for (const send of [fetch, tokenFetch]) {
      expect(await outcomeOf(send(`${api.origin}/20`))).toMatchObject({ url: `${api.origin}/0`, body: 'here' })
      expect(await outcomeOf(send(`${api.origin}/21`))).toEqual({ name: 'TypeError', message: 'fetch failed' })
    }
    expect(api.requests).toHaveLength(2 * (21 + 21))
  })

  it('gives up the body that comes with it', async () => {
    const api = 'https://api.example.com'
    const { tokens } = managed()
    const cancelled: string[] = []
    const answers = ['/b', 'http://['].map((location) => {
      const body = new ReadableStream({ cancel: () => void cancelled.push(location) })
      return new Response(body, { status: 302, headers: { location } })
    })
    const tokenFetch = createTokenFetch(tokens, { origins: [api], fetch: async () => answers.shift() as Response })
    expect(await outcomeOf(tokenFetch(`${api}/a`))).toEqual({ name: 'TypeError', message: 'fetch failed' })
    expect(cancelled).toEqual(['/b', 'http://['])
  })

  it('carries the token as long as it stays on the origin', async () => {
    await using api = await startServer(redirecting)
    const { tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin] })
    await tokenFetch(to(api.origin, 302, to(api.origin, 307, '/there')))
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer token-1'))
  })

  it('does not carry it to another origin, be that one that may receive it', async () => {
    await using api = await startServer(redirecting)
    await using other = await startServer(redirecting)
    const { tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin, other.origin] })
    await tokenFetch(to(api.origin, 302, `${other.origin}/there`))
    await tokenFetch(`${other.origin}/there`)
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer token-1'])
  })

  it('holds no 401 against the token from where it did not go, nor after a visit there', async () => {
    await using other = await startServer((response, { url }) => {
      const back = new URL(url, 'http://unused').searchParams.get('back')
      response.writeHead(back === null ? 401 : 302, back === null ? {} : { location: back }).end()
    })
    await using api = await startServer((response, request, incoming) => {
      if (request.url === '/back') response.writeHead(401).end()
      else redirecting(response, request, incoming)
    })
    const { server, tokens } = managed({ allowInsecureLoopback: true })
    const tokenFetch = createTokenFetch(tokens, { origins: [api.origin, other.origin], isTokenRejected: () => true })
    for (const target of [`${other.origin}/x`, `${other.origin}/x?back=${api.origin}/back`]) {
      expect((await tokenFetch(to(api.origin, 302, target))).status).toBe(401)
    }
    expect(server.requests).toHaveLength(1)
    expect([api.requests.length, other.requests.length]).toEqual([3, 2])
  })

  it('takes along what a `Request` says of itself', async () => {
    await using api = await startServer(redirecting)
    const { tokens } = managed({ allowInsecureLoopback: true })
    const seen: RequestInit[] = []
    const tokenFetch = createTokenFetch(tokens, {
      origins: [api.origin],
      fetch: (input: Request, init: RequestInit) => {
        seen.push(init)
        return fetch(input, init)
      },
    })
    const said = { credentials: 'omit', cache: 'no-store', referrer: 'https://example.com/', keepalive: true } as const
    const { signal } = new AbortController()
    await tokenFetch(new Request(to(api.origin, 302, '/there'), said), { signal })
    await tokenFetch(new Request(to(api.origin, 302, '/there'), said), { keepalive: false, signal: undefined as never })
    expect(seen).toMatchObject([
      { ...said, signal },
      { ...said, signal },
      { ...said, keepalive: false, signal: expect.any(AbortSignal) },
      { ...said, keepalive: false, signal: expect.any(AbortSignal) },
    ])
    expect(api.requests.map(({ headers }) => headers.referer)).toEqual(Array(4).fill('https://example.com/'))
  })
})
