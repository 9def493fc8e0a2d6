import { inspect } from 'node:util'
import type { AxiosInstance } from 'axios'
import { setupCache } from 'axios-cache-interceptor'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import type { TokenManager } from '../../src/token-manager.ts'
import { managed } from '../support/managed.ts'
import { Api, failureOf } from './axios-api.ts'

const ORDERS = ['before us', 'after us', 'around us'] as const
type Order = (typeof ORDERS)[number]

/** Sets up the cache before the manager is attached, or after it, or so that requests come to it first, answers last. */
function cacheAndAttach(client: AxiosInstance, tokens: TokenManager, order: Order) {
  if (order === 'after us') attachTokenManager(client, tokens)
  const cached = setupCache(client, { register: order !== 'around us' })
  if (order === 'around us') client.interceptors.request.use(cached.requestInterceptor.onFulfilled)
  if (order !== 'after us') attachTokenManager(client, tokens)
  const { onFulfilled, onRejected } = cached.responseInterceptor
  if (order === 'around us') client.interceptors.response.use(onFulfilled, onRejected)
  return cached
}

function caching(order: Order) {
  const made = managed()
  const api = new Api()
  const client = cacheAndAttach(api.client(), made.tokens, order)
  const stored = () => inspect((client.storage as unknown as { data: object }).data, { depth: null })
  return { ...made, api, client, stored }
}

describe.each(ORDERS)('axios-cache-interceptor, set up %s', (order) => {
  it('answers from its cache, which holds no token', async () => {
    const { api, client, stored } = caching(order)
    api.answer = () => ({ data: 'orders' })
    const answers = [await client.get('/orders'), await client.get('/orders')]
    expect(answers.map(({ data, cached }) => [data, cached])).toEqual([
      ['orders', false],
      ['orders', true],
    ])
    expect(api.authorizations).toEqual(['Bearer token-1'])
    expect(stored()).toContain('orders')
    expect(stored()).not.toContain('token-')
  })

  it('has requests under way at the same time answered by one', async () => {
    const { api, client } = caching(order)
    api.answer = () => ({ data: 'orders' })
    const answers = await Promise.all([1, 2, 3].map(() => client.get('/orders')))
    expect(answers.map(({ data }) => data)).toEqual(['orders', 'orders', 'orders'])
    expect(api.requests).toHaveLength(1)
  })

  it('waits for a token that an answer from the cache has no use for', async () => {
    const { api, client, clock, server } = caching(order)
    await client.get('/orders')
    await clock.advance(3600_000)
    server.script.push({ afterMs: 1000 })
    const answer = client.get('/orders')
    await clock.advance(1000)
    expect((await answer).cached).toBe(true)
    expect(api.requests).toHaveLength(1)
    expect(server.requests).toHaveLength(2)
  })

  it('asks again with a token when its answer has become stale', async () => {
    const { api, client, clock } = caching(order)
    api.answer = ({ config }) =>
      config.headers['if-none-match'] === '"1"'
        ? { status: 304 }
        : { data: 'orders', headers: { etag: '"1"', 'cache-control': 'max-age=0' } }
    await client.get('/orders')
    await clock.advance(3600_000)
    expect(await client.get('/orders')).toMatchObject({ data: 'orders', cached: true, status: 200 })
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('keeps no answer that rejects the token, and gives the one to the second sending', async () => {
    const { api, client, stored } = caching(order)
    api.answer = ({ authorization }) =>
      authorization === 'Bearer token-1' ? { status: 401, data: 'rejected' } : { data: 'orders' }
    const answers = await Promise.all([1, 2, 3].map(() => client.get('/orders')))
    answers.push(await client.get('/orders'))
    expect(answers.map(({ data }) => data)).toEqual(Array(4).fill('orders'))
    expect(stored()).not.toMatch(/rejected|token-/)
    // Before us it sees the 401 as the answer, and the second sending not at all.
    const requests = { 'before us': 5, 'after us': 2, 'around us': 2 }
    expect(api.requests).toHaveLength(requests[order])
  })

  it('keeps no 401 that comes back, and asks again', async () => {
    const { api, client, stored } = caching(order)
    api.answer = () => ({ status: 401, data: 'go away' })
    expect((await failureOf(client.get('/orders'))).response).toMatchObject({ status: 401 })
    expect(stored()).not.toContain('go away')
    api.answer = () => ({ data: 'orders' })
    expect((await client.get('/orders')).data).toBe('orders')
  })

  it('gets no request sent to another origin with a token, nor an answer from there', async () => {
    const { api, client } = caching(order)
    await client.get('/orders')
    expect(await failureOf(client.get('https://other.example/'))).toMatchObject({ code: 'origin_refused' })
    expect(api.requests).toHaveLength(1)
  })
})

// After us it has noted that a request is under way before that request fails for want of a token, and takes no notice
// of errors that are not axios's: whoever asks for the same URL then waits for ever. So the documents advise against it.
describe.each(['before us', 'around us'] as const)('axios-cache-interceptor, set up %s', (order) => {
  it('does not make others wait for a request that failed for want of a token', async () => {
    const { api, client, clock, server } = caching(order)
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    const failures = await Promise.all([1, 2].map(() => failureOf(client.get('/orders'))))
    for (const failure of failures) expect(failure).toMatchObject({ code: 'request_denied' })
    server.byDefault = {}
    await clock.advance(60_000)
    await client.get('/orders')
    expect(api.requests).toHaveLength(1)
  })

  it('does not make others wait for a request whose caller gave up', async () => {
    const { api, client, clock, server } = caching(order)
    server.script.push({ afterMs: 1000 })
    const controller = new AbortController()
    const given = failureOf(client.get('/orders', { signal: controller.signal }))
    const other = client.get('/orders')
    await clock.advance(500)
    controller.abort()
    expect(await given).toMatchObject({ code: 'ERR_CANCELED' })
    await clock.advance(500)
    await other
    expect(api.requests).toHaveLength(1)
  })
})
