import { getEventListeners } from 'node:events'
import axios from 'axios'
import { Agent, request } from 'undici'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../src/http/axios.ts'
import { createTokenFetch } from '../src/http/fetch.ts'
import { tokenInterceptor } from '../src/http/undici.ts'
import type { TokenManager } from '../src/token-manager.ts'
import { sendJson, startServer } from './support/http-server.ts'
import { managed } from './support/managed.ts'

const CALLS = process.env.EVERTOKEN_TEST_SIZE === 'full' ? 10_000 : 2000
const AT_ONCE = 100
const ORIGIN = 'https://orders.example.com'

type Call = (scope: string, signal: AbortSignal) => Promise<unknown>

/** Each call wants a token of its own, so that it waits. */
const WAYS: readonly (readonly [name: string, callBy: (tokens: TokenManager, origin: string) => Call])[] = [
  ['getToken', (tokens) => (scope, signal) => tokens.getToken({ scope, signal })],
  ['getToken with a timeout', (tokens) => (scope, signal) => tokens.getToken({ scope, signal, timeoutMs: 1000 })],
  [
    'axios',
    (tokens) => {
      const adapter = async (config: object) =>
        ({ data: [], status: 200, statusText: '', headers: {}, config }) as never
      const api = axios.create({ baseURL: ORIGIN, adapter })
      attachTokenManager(api, tokens)
      return (scope, signal) => api.get('/orders', { signal, token: { scope } })
    },
  ],
  [
    'fetch',
    (tokens) => {
      const fetch = createTokenFetch(tokens, { origins: [ORIGIN], fetch: async () => new Response('[]') })
      return (scope, signal) => fetch(`${ORIGIN}/orders`, { signal, token: { scope } })
    },
  ],
  [
    'undici',
    (tokens, origin) => {
      const dispatcher = new Agent().compose(tokenInterceptor(tokens, { origins: [origin] }))
      return async (scope, signal) => {
        const options = { dispatcher, signal, token: { scope } }
        await (await request(`${origin}/orders`, options)).body.dump()
      }
    },
  ],
]

describe('a long-lived signal', { timeout: 300_000 }, () => {
  it.each(WAYS)(`has no listeners after ${CALLS} calls of %s`, async (_name, callBy) => {
    await using server = await startServer((response) => sendJson(response, []))
    const { tokens, server: authorizationServer } = managed({ allowInsecureLoopback: true })
    const { signal } = new AbortController()
    const call = callBy(tokens, server.origin)
    for (let done = 0; done < CALLS; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => call(`orders.${done + i}`, signal)))
    }
    expect(authorizationServer.requests).toHaveLength(CALLS)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})
