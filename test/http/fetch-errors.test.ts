import { inspect } from 'node:util'
import { fetch as undiciFetch } from 'undici'
import { fetch as oldestUndiciFetch } from 'undici-oldest'
import { afterEach, describe, expect, it } from 'vitest'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { type Respond, sendJson, startServer, type TestServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { failureOf } from './axios-api.ts'

const TOKEN = 'Marker-T0ken'

/** Everything a logger may make of a value, and of what hangs on it. */
function everyOutput(value: unknown): string {
  const outputs: string[] = []
  for (let each = value; each !== undefined && outputs.length < 100; each = (each as Error).cause) {
    const { stack, message, response, request, headers } = each as Record<string, unknown>
    for (const one of [each, response, request, headers]) {
      for (const options of [{}, { showHidden: true }, { showProxy: true, getters: true }]) {
        outputs.push(inspect(one, { depth: Number.POSITIVE_INFINITY, maxStringLength: null, ...options }))
      }
      try {
        outputs.push(String(JSON.stringify(one)))
      } catch {
        // What refers to itself cannot be written as JSON.
      }
    }
    outputs.push(String(each), String(message), String(stack), ...Object.values(each ?? {}).map(String))
  }
  return outputs.join('\n')
}

const answer =
  (status: number): Respond =>
  (response) =>
    sendJson(response, { why: 'because' }, status)
const hangUp: Respond = (_, __, incoming) => incoming.socket.destroy()

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
process.on('unhandledRejection', note)
afterEach(() => expect(unhandled).toEqual([]))

const failures: [string, Respond, (api: TestServer) => readonly [path: string, init?: RequestInit]][] = [
  ['a connection that breaks', hangUp, () => ['/']],
  ['a connection that breaks while a body is sent', hangUp, () => ['/', { method: 'POST', body: 'x'.repeat(1e6) }]],
  ['no HTTP', (_, __, incoming) => incoming.socket.end('nonsense\r\n\r\n'), () => ['/']],
  ['too many redirects', (response) => response.writeHead(302, { location: '/' }).end(), () => ['/']],
  ['a redirect to nowhere', (response) => response.writeHead(302, { location: 'http://[' }).end(), () => ['/']],
  [
    'a redirect to a port that is closed',
    (response) => response.writeHead(302, { location: 'http://127.0.0.1:9' }).end(),
    () => ['/'],
  ],
  [
    'a redirect that is an error',
    (response) => response.writeHead(302, { location: '/' }).end(),
    () => ['/', { redirect: 'error' }],
  ],
  [
    'a redirect of a stream',
    (response) => response.writeHead(307, { location: '/' }).end(),
    () => ['/', { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' } as RequestInit],
  ],
  ['no answer in time', () => {}, () => ['/', { signal: AbortSignal.timeout(20) }]],
  ['a header that is none', answer(200), () => ['/', { headers: { 'x y': '1' } }]],
  ['a method that is none', answer(200), () => ['/', { method: 'a b' }]],
  ['a body where none may be', answer(200), () => ['/', { method: 'GET', body: 'x' }]],
]

describe.each([
  ['the global fetch', undefined],
  ['undici’s', undiciFetch],
  ['the oldest undici’s', oldestUndiciFetch],
] as const)('what comes of %s', (_, fetch) => {
  const over = async (respond: Respond) => {
    const api = await startServer(respond)
    const { server, tokens } = managed({ allowInsecureLoopback: true })
    server.byDefault = { body: { access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 } }
    return { api, tokenFetch: createTokenFetch(tokens, { origins: [api.origin], fetch }), server }
  }

  it.each(failures)('shows the token nowhere: %s', async (_, respond, ask) => {
    const { api, tokenFetch } = await over(respond)
    await using _api = api
    const [path, init] = ask(api)
    const error = await failureOf(tokenFetch(`${api.origin}${path}`, init))
    expect(everyOutput(error)).not.toContain(TOKEN)
    expect(error).toBeInstanceOf(Error)
    for (const { headers } of api.requests) expect(headers.authorization).toBe(`Bearer ${TOKEN}`)
  })

  it.each([200, 401, 403, 500])('shows the token nowhere: an answer of %i', async (status) => {
    const { api, tokenFetch } = await over(answer(status))
    await using _api = api
    const response = await tokenFetch(api.origin)
    expect(everyOutput(response)).not.toContain(TOKEN)
    expect(response.status).toBe(status)
    await response.text()
  })

  it('is what it threw itself', async () => {
    const thrown = new TypeError('fetch failed', { cause: new Error('mine') })
    const { tokens } = managed()
    const tokenFetch = createTokenFetch(tokens, {
      origins: ['https://api.example.com'],
      fetch: () => Promise.reject(thrown),
    })
    expect(await failureOf(tokenFetch('https://api.example.com/'))).toBe(thrown)
    const throwing = () => {
      throw thrown
    }
    const another = createTokenFetch(tokens, { origins: ['https://api.example.com'], fetch: throwing })
    expect(await failureOf(another('https://api.example.com/'))).toBe(thrown)
  })

  it('leaves no connection open once the answers are read', async () => {
    const { api, tokenFetch, server } = await over((response, { url, headers }) => {
      if (url === '/to') response.writeHead(302, { location: '/there' }).end('x'.repeat(100_000))
      else if (headers.authorization === `Bearer ${TOKEN}`) response.writeHead(401).end('x'.repeat(100_000))
      else response.writeHead(200, { connection: 'close' }).end('done')
    })
    await using _api = api
    server.script.push({ body: { access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 } })
    server.byDefault = {}
    const response = await tokenFetch(`${api.origin}/to`, { method: 'POST', body: 'x' })
    expect(await response.text()).toBe('done')
    await api.allClosed()
    expect(api.open).toBe(0)
  })
})
