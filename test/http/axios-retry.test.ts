import { Readable } from 'node:stream'
import axios, { type AxiosError, type AxiosInstance } from 'axios'
import axiosRetry, { type IAxiosRetryConfig } from 'axios-retry'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import type { TokenManager } from '../../src/token-manager.ts'
import type { ScriptedAnswer } from '../support/authorization-server.ts'
import { fc } from '../support/fast-check.ts'
import { sendJson, startServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { Api, everyOutput, failureOf } from './axios-api.ts'

const ORDERS = ['before', 'after'] as const
type Order = (typeof ORDERS)[number]

const ALWAYS: IAxiosRetryConfig = { retries: 3, retryCondition: () => true }

/** Adds axios-retry before the manager is attached, or after it. */
function attachBoth(client: AxiosInstance, tokens: TokenManager, order: Order, retry: IAxiosRetryConfig): void {
  if (order === 'before') axiosRetry(client, retry)
  attachTokenManager(client, tokens)
  if (order === 'after') axiosRetry(client, retry)
}

function retrying(order: Order, retry: IAxiosRetryConfig = {}, options: Parameters<typeof managed>[0] = {}) {
  const made = managed(options)
  const api = new Api()
  const client = api.client()
  attachBoth(client, made.tokens, order, retry)
  return { ...made, api, client }
}

describe.each(ORDERS)('axios-retry, added %s us', (order) => {
  it('gets each try a current token, whether or not it is another one by then', async () => {
    const { api, client, clock, server } = retrying(order)
    api.answer = async () => {
      if (api.requests.length === 2) clock.moveWall(3600_000)
      return { status: api.requests.length < 4 ? 503 : 200, data: 'done' }
    }
    expect((await client.get('/orders')).data).toBe('done')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2', 'Bearer token-2'])
    expect(server.requests).toHaveLength(2)
  })

  it('gets each try a current token also when each has its own', async () => {
    const { api, client, clock } = retrying(order)
    api.answer = () => {
      clock.moveWall(3600_000)
      return { breaks: true }
    }
    await failureOf(client.get('/orders'))
    expect(api.authorizations).toEqual([1, 2, 3, 4].map((i) => `Bearer token-${i}`))
  })

  const failures: [string, ScriptedAnswer, number, string][] = [
    ['a denial', { status: 401, body: { error: 'invalid_client' } }, 1, 'request_denied'],
    ['a rate limit', { status: 429, headers: { 'retry-after': '3600' } }, 1, 'server_unavailable'],
    ['an outage', { status: 503 }, 3, 'server_unavailable'],
    ['a connection that is refused', { refuse: true }, 3, 'network'],
    ['no answer in time', { hang: true }, 3, 'timeout'],
    ['an answer that holds no token', { body: {} }, 1, 'invalid_response'],
  ]

  it.each(failures)(
    'causes no request when no token is to be had, here or there: %s',
    async (_, byDefault, attempts, code) => {
      const { api, client, clock, server } = retrying(order, ALWAYS)
      server.byDefault = byDefault
      const failure = failureOf(client.get('/orders'))
      await clock.advance(60_000)
      expect(await failure).toMatchObject({ code })
      expect(server.requests).toHaveLength(attempts)
      expect(api.requests).toEqual([])
    },
  )

  it.each(failures)(
    'causes no request when no token is to be had for a retry: %s',
    async (_, byDefault, attempts, code) => {
      const { api, client, clock, server } = retrying(order, ALWAYS)
      api.answer = () => {
        clock.moveWall(3600_000)
        server.byDefault = byDefault
        return { status: 503 }
      }
      const failure = failureOf(client.get('/orders'))
      // The retry begins with a timer of axios-retry's own.
      while (server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(60_000)
      expect(await failure).toMatchObject({ code })
      expect(server.requests).toHaveLength(1 + attempts)
      expect(api.requests).toHaveLength(1)
    },
  )

  it('causes no request when the caller has waited long enough for a token', async () => {
    const { api, client, clock, server } = retrying(order, ALWAYS)
    server.byDefault = { afterMs: 1000 }
    const failure = failureOf(client.get('/orders', { timeout: 300 }))
    await clock.advance(1000)
    expect(await failure).toMatchObject({ code: 'wait_timeout' })
    expect(server.requests).toHaveLength(1)
    expect(api.requests).toEqual([])
  })

  it('has a retry that meets a revoked token sent a second time', async () => {
    const { api, client } = retrying(order, { retryCondition: axiosRetry.isNetworkError })
    api.answer = ({ authorization }) => {
      if (api.requests.length === 1) return { breaks: true }
      return authorization === 'Bearer token-1' ? { status: 401 } : { data: 'done' }
    }
    expect((await client.post('/', 'body')).data).toBe('done')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
    expect(api.requests.map(({ config }) => config.data)).toEqual(['body', 'body', 'body'])
  })

  it('makes no more requests than its tries, each sent a second time at most, whatever the API answers', async () => {
    const someAnswer = fc.constantFrom(200, 401, 503, 'breaks' as const)
    const someAnswers = fc.array(someAnswer, { minLength: 1, maxLength: 12 })
    const someRetry = fc.record({ retries: fc.nat({ max: 3 }), isForAll: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(someAnswers, someRetry, fc.boolean(), async (answers, { retries, isForAll }, isSlow) => {
        const retry = isForAll ? { retries, retryCondition: () => true } : { retries }
        const { api, client, clock, server, tokens } = retrying(order, retry, { maxTokens: 10 })
        const current: boolean[] = []
        api.answer = ({ authorization }) => {
          current.push(authorization === `Bearer token-${server.requests.length}`)
          // Long enough for each token to be rejected in its own right.
          if (isSlow) clock.moveWall(60_000)
          const answer = answers[api.requests.length - 1] ?? answers.at(-1)
          return answer === 'breaks' ? { breaks: true } : { status: answer as number }
        }
        await tokens.getToken()
        const outcome = await client.put('/orders', { id: 1 }).then(
          ({ status }) => status,
          (error) => error.response?.status ?? 'breaks',
        )
        // Added before us it sees each answer first, and leaves the last one to us.
        const most = order === 'before' ? retries + 2 : 2 * (retries + 1)
        expect(api.requests.length).toBeLessThanOrEqual(most)
        expect(current).not.toContain(false)
        expect(api.requests.map(({ config }) => config.data)).toEqual(Array(current.length).fill('{"id":1}'))
        expect(outcome).toBe(answers[current.length - 1] ?? answers.at(-1))
      }),
      { numRuns: 100 },
    )
  })

  it('is told what it needs to know, and the caller too', async () => {
    await using api = await startServer((response) => {
      response.setHeader('retry-after', '0')
      sendJson(response, { why: 'overload' }, 503)
    })
    const { tokens } = managed({ allowInsecureLoopback: true })
    const client = axios.create({ baseURL: api.origin, proxy: false })
    const told: AxiosError[] = []
    attachBoth(client, tokens, order, {
      retries: 1,
      retryCondition: (error) => told.push(error) > 0 && axiosRetry.isNetworkOrIdempotentRequestError(error),
      onRetry: (_, error) => void told.push(error),
    })
    const config = { headers: { 'x-request-id': '7' }, params: { page: 2 } }
    const error = (await failureOf(client.put('/orders', { id: 1 }, config))) as unknown as AxiosError
    told.push(error)
    expect(told).toHaveLength(3)
    for (const each of told) {
      expect(axios.isAxiosError(each)).toBe(true)
      expect(each).toMatchObject({ code: 'ERR_BAD_RESPONSE', message: 'Request failed with status code 503' })
      expect(each.config).toMatchObject({ method: 'put', url: '/orders', data: '{"id":1}', ...config })
      expect(each.response).toMatchObject({ status: 503, data: { why: 'overload' } })
      expect(each.response?.headers['retry-after']).toBe('0')
      expect(each.request).toBeTypeOf('object')
    }
    expect(everyOutput(error)).not.toContain('token-1')
    expect(api.requests.map(({ body }) => body)).toEqual(['{"id":1}', '{"id":1}'])
  })

  it('does not get a body sent that was used up: the 401 comes back', async () => {
    const bodies: string[] = []
    await using api = await startServer((response, { body }) => {
      bodies.push(body)
      sendJson(response, {}, 401)
    })
    const { tokens } = managed({ allowInsecureLoopback: true })
    const client = axios.create({ baseURL: api.origin, proxy: false })
    attachBoth(client, tokens, order, { retries: 3 })
    const failure = await failureOf(client.put('/orders', Readable.from([Buffer.from('once')])))
    expect(failure).toMatchObject({ response: { status: 401 } })
    expect(bodies).toEqual(['once'])
  })
})

describe('axios-retry', () => {
  it('sees no token in the errors that it is told, if it is added after us', async () => {
    await using api = await startServer((response) => sendJson(response, {}, 503))
    const { tokens } = managed({ allowInsecureLoopback: true })
    const client = axios.create({ baseURL: api.origin, proxy: false })
    const outputs: string[] = []
    attachBoth(client, tokens, 'after', {
      retries: 2,
      retryCondition: (error) => outputs.push(everyOutput(error)) > 0,
      onRetry: (_, error) => void outputs.push(everyOutput(error)),
      onMaxRetryTimesExceeded: (error) => void outputs.push(everyOutput(error)),
    })
    expect(await failureOf(client.get('/orders'))).toMatchObject({ response: { status: 503 } })
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer token-1'))
    expect(outputs).toHaveLength(5)
    expect(outputs.join()).not.toContain('token-1')
  })

  it('on the global axios does not repeat token requests', async () => {
    const ids = axiosRetry(axios, ALWAYS)
    await using server = await startServer((response) => sendJson(response, { error: 'invalid_client' }, 401))
    const { tokens } = managed({
      ...{ transport: undefined, tokenEndpoint: `${server.origin}/token` },
      ...{ allowInsecureLoopback: true, proxy: false },
    })
    await failureOf(tokens.getToken())
    axios.interceptors.request.eject(ids.requestInterceptorId)
    axios.interceptors.response.eject(ids.responseInterceptorId)
    expect(server.requests).toHaveLength(1)
  })
})
