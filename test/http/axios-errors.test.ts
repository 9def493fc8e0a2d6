import { Agent } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import axios, { type AxiosError, type AxiosRequestConfig } from 'axios'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import { type Respond, sendJson, startServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { Api, everyOutput, failureOf } from './axios-api.ts'

const TOKEN = 'Marker-T0ken'

/** An attached instance for a real API that answers like this. */
async function over(respond: Respond, config: AxiosRequestConfig = {}) {
  const api = await startServer(respond)
  const { server, tokens } = managed({ allowInsecureLoopback: true })
  server.byDefault = { body: { access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 } }
  const client = axios.create({ baseURL: api.origin, proxy: false, ...config })
  attachTokenManager(client, tokens)
  return { api, client, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

const answer =
  (status: number): Respond =>
  (response) =>
    sendJson(response, { why: 'because' }, status)

const hangUp: Respond = (_, __, incoming) => incoming.socket.destroy()

describe('an API’s error', () => {
  const kinds: [string, Respond, AxiosRequestConfig][] = [
    ['404', answer(404), {}],
    ['503 without following redirects', answer(503), { maxRedirects: 0 }],
    ['403 with the fetch adapter', answer(403), { adapter: 'fetch' }],
    ['a 401 that has been through a second sending', answer(401), {}],
    ['a connection that breaks', hangUp, {}],
    ['a connection that breaks, with the fetch adapter', hangUp, { adapter: 'fetch' }],
    // Long enough for the request to arrive, on a busy machine too.
    ['no answer in time', () => {}, { timeout: 3000 }],
    ['an answer that is too large', answer(200), { maxContentLength: 1 }],
    ['too many redirects', (response) => response.writeHead(302, { location: '/' }).end(), { maxRedirects: 3 }],
    [
      'an answer that is no JSON',
      (response) => response.end('<html>'),
      { responseType: 'json', transitional: { silentJSONParsing: false } },
    ],
    ['a streamed answer', answer(500), { responseType: 'stream' }],
    [
      'a compressed answer that is damaged',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
      {},
    ],
  ]

  it.each(kinds)('shows the token nowhere when it is printed: %s', async (_, respond, config) => {
    await using server = await over(respond, config)
    const error = await failureOf(server.client.post('/orders', { id: 1 }, { headers: { 'x-request-id': '7' } }))
    expect(server.api.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`)
    expect(everyOutput(error)).not.toContain(TOKEN)
    expect(error).toMatchObject({ isAxiosError: true })
    expect(error.config).toMatchObject({
      method: 'post',
      url: '/orders',
      data: '{"id":1}',
      headers: { 'x-request-id': '7' },
    })
  })

  it('of a request that was aborted before shows the token nowhere either', async () => {
    await using server = await over(answer(200))
    await server.client.get('/orders')
    const error = await failureOf(server.client.get('/orders', { signal: AbortSignal.abort() }))
    expect(error).toMatchObject({ code: 'ERR_CANCELED' })
    expect(everyOutput(error)).not.toContain(TOKEN)
    expect(server.api.requests).toHaveLength(1)
  })

  it.each(['http', 'fetch'])('keeps what its handlers need: %s adapter', async (adapter) => {
    await using server = await over(answer(409), { adapter })
    const error = (await failureOf(server.client.get('/orders', { params: { page: 2 } }))) as unknown as AxiosError
    expect(error).toMatchObject({
      code: 'ERR_BAD_REQUEST',
      config: { method: 'get', url: '/orders', params: { page: 2 } },
    })
    expect(error.response).toMatchObject({ status: 409, statusText: 'Conflict', data: { why: 'because' } })
    expect(error.response?.headers['content-type']).toBe('application/json')
    expect(error.request).toBeTypeOf('object')
    expect(error.response?.request).toBe(error.request)
    expect(Object.keys(error)).not.toContain('request')
    expect(Object.keys(error.response ?? {})).not.toContain('request')
    expect(error.toJSON()).toMatchObject({ code: 'ERR_BAD_REQUEST', config: { url: '/orders' } })
  })

  it('is one of axios when the caller cancels', async () => {
    const controller = new AbortController()
    await using server = await over(() => controller.abort())
    const error = await failureOf(server.client.get('/orders', { signal: controller.signal }))
    expect(axios.isCancel(error)).toBe(true)
    expect(everyOutput(error)).not.toContain(TOKEN)
  })

  it('leaves a header of the caller’s own in its place', async () => {
    await using server = await over(answer(404))
    const error = await failureOf(server.client.get('/', { headers: { Authorization: 'Basic own' } }))
    expect(error.config).toMatchObject({ headers: { Authorization: 'Basic own' } })
    const without = await failureOf(server.client.get('/', { headers: { Authorization: 'Basic own' }, token: false }))
    expect(without.config).toMatchObject({ headers: { Authorization: 'Basic own' } })
  })

  it('can be sent again, and has its token again', async () => {
    let status = 503
    await using server = await over((response) => sendJson(response, {}, status), {
      httpAgent: new Agent({ keepAlive: true }),
    })
    const { config } = (await failureOf(server.client.post('/', 'body'))) as unknown as AxiosError
    status = 200
    const again = await server.client(config as AxiosRequestConfig)
    expect(again.config.httpAgent).toBe(config?.httpAgent)
    expect(server.api.requests.map(({ headers, body }) => [headers.authorization, body])).toEqual([
      [`Bearer ${TOKEN}`, 'body'],
      [`Bearer ${TOKEN}`, 'body'],
    ])
  })

  it('does not show the tokens of other requests that are under way with the same agent', async () => {
    const agent = new Agent({ keepAlive: true })
    let release: (() => void) | undefined
    const respond: Respond = (response, { url }) => {
      if (url === '/slow') release = () => response.end()
      else sendJson(response, {}, 500)
    }
    await using server = await over(respond, { httpAgent: agent })
    const slow = server.client.get('/slow')
    while (release === undefined) await new Promise((resolve) => setImmediate(resolve))
    const error = await failureOf(server.client.get('/orders'))
    expect(inspect(agent, { depth: null })).toContain(TOKEN)
    expect(everyOutput(error)).not.toContain(TOKEN)
    expect(inspect(error)).toContain('[Agent]')
    expect((error as unknown as AxiosError).config?.httpAgent).toBe(agent)
    release()
    await slow
  })

  it('does not show the token by way of the body that was being sent', async () => {
    const body = new PassThrough()
    body.write('begun')
    await using server = await over(() => {}, { timeout: 50 })
    const error = await failureOf(server.client.post('/', body))
    expect(everyOutput(error)).not.toContain(TOKEN)
    expect((error as unknown as AxiosError).config?.data).toBe(body)
    body.destroy()
  })

  it('has its body to read where that is a stream', async () => {
    await using server = await over(answer(500), { responseType: 'stream' })
    const error = (await failureOf(server.client.get('/'))) as unknown as AxiosError<Readable>
    expect(everyOutput(error)).not.toContain(TOKEN)
    expect(inspect(error)).toContain('[IncomingMessage]')
    expect(await text(error.response?.data as Readable)).toBe('{"why":"because"}')
  })

  it('is left alone when it did not pass us', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    const foreign = Object.freeze(
      Object.assign(new Error('of another'), { config: { headers: { Authorization: 'x' } }, request: {} }),
    )
    client.interceptors.response.use(() => Promise.reject(foreign))
    attachTokenManager(client, tokens)
    expect(await failureOf(client.get('/'))).toBe(foreign)
  })

  it('is hidden too when only its response names the request', async () => {
    const { tokens } = managed()
    const api = new Api()
    api.answer = () => ({ status: 500 })
    const client = api.client()
    client.interceptors.response.use(null, ({ response }) =>
      Promise.reject(Object.assign(new Error('mine'), { response })),
    )
    attachTokenManager(client, tokens)
    const error = await failureOf(client.get('/'))
    expect(error.message).toBe('mine')
    expect(everyOutput(error)).not.toContain('token-1')
  })

  it('is hidden too when it is the cause of another', async () => {
    const { tokens } = managed()
    const api = new Api()
    api.answer = () => ({ status: 500 })
    const client = api.client()
    client.interceptors.response.use(null, (cause) => Promise.reject(new Error('mine', { cause })))
    attachTokenManager(client, tokens)
    const error = await failureOf(client.get('/'))
    expect(error.message).toBe('mine')
    expect(everyOutput(error)).not.toContain('token-1')
  })

  it('has nothing of ours in its JSON', async () => {
    await using server = await over(answer(404))
    const error = await failureOf(server.client.get('/'))
    expect(JSON.stringify(error)).not.toContain('evertoken"')
  })
})
