import { Readable } from 'node:stream'
import axios, { type AxiosAdapter, type AxiosInstance } from 'axios'
import axiosRetry from 'axios-retry'
import { describe, expect, it } from 'vitest'
import { type AttachOptions, attachTokenManager } from '../src/http/axios.ts'
import type { TokenManager } from '../src/token-manager.ts'
import { Api, everyOutput, failureOf } from './http/axios-api.ts'
import { managedWithDpop } from './http/dpop-clients.ts'
import { verifiedProof } from './support/dpop-proof.ts'
import { startServer } from './support/http-server.ts'

const NONCE = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-1' }

/** An instance that carries bound tokens to its API; what it sent, taken down before anything is hidden. */
function attached(
  options: AttachOptions = {},
  attach: (client: AxiosInstance, tokens: TokenManager) => void = (client, tokens) =>
    attachTokenManager(client, tokens, options as object),
) {
  const made = managedWithDpop()
  const api = new Api()
  const proofs: unknown[] = []
  const adapter: AxiosAdapter = (config) => {
    const found = Object.entries(config.headers).filter(([name]) => name.toLowerCase() === 'dpop')
    proofs.push(found.length > 1 ? found : found[0]?.[1])
    return api.adapter(config)
  }
  const claims = async () => (await Promise.all(proofs.map(verifiedProof))).map((proof) => proof.claims)
  const client = api.client({ adapter })
  attach(client, made.tokens)
  return { ...made, api, client, adapter, proofs, claims }
}

describe('axios, with tokens that are bound to a key', () => {
  it('D2: names method and URL as they are when every interceptor and transform is done', async () => {
    const { client, claims } = attached({}, (client, tokens) => {
      client.interceptors.request.use((config) =>
        Object.assign(config, config.method === 'get' ? {} : { url: '/v2/orders', method: 'put' }),
      )
      attachTokenManager(client, tokens)
    })
    await client.get('/orders', { params: { page: 2 } })
    // The token is at hand by now.
    await client.delete('/orders')
    await client.post('/orders', {}, { transformRequest: (data) => data })
    expect((await claims()).map(({ htm, htu }) => [htm, htu])).toEqual([
      ['GET', 'https://api.example.com/orders'],
      ['PUT', 'https://api.example.com/v2/orders'],
      ['PUT', 'https://api.example.com/v2/orders'],
    ])
  })

  it('D2: names the URL of a base with a path', async () => {
    const { client, claims } = attached()
    client.defaults.baseURL = 'https://api.example.com/base/'
    await client.get('orders?page=2')
    expect(await claims()).toMatchObject([{ htu: 'https://api.example.com/base/orders' }])
  })

  it.each(['before', 'after'])('D4: gives each try of axios-retry a proof of its own: added %s us', async (order) => {
    const { api, client, claims } = attached({}, (client, tokens) => {
      if (order === 'before') axiosRetry(client, { retries: 3 })
      attachTokenManager(client, tokens)
      if (order === 'after') axiosRetry(client, { retries: 3 })
    })
    api.answer = () => ({ status: api.requests.length < 3 ? 503 : 200 })
    await client.get('/orders')
    expect(new Set((await claims()).map(({ jti }) => jti)).size).toBe(3)
  })

  it('D9: answers a nonce in every try of axios-retry', async () => {
    const { api, client } = attached()
    axiosRetry(client, { retries: 3 })
    const script = ['nonce', '503', 'nonce', '503', '200']
    api.answer = () => {
      const next = script.shift()
      return next === 'nonce' ? { status: 401, headers: NONCE } : { status: Number(next) }
    }
    expect((await client.get('/orders')).status).toBe(200)
    expect(api.requests).toHaveLength(5)
  })

  it('D9: passes the answer through `transformResponse` once, and the data through `transformRequest` once', async () => {
    const { api, client } = attached()
    api.answer = () => (api.requests.length === 1 ? { status: 401, headers: NONCE } : { data: 'done' })
    const transformRequest = [(data: string) => `${data}!`]
    const transformResponse = [(data: string) => `${data}?`]
    const { data, config } = await client.post('/orders', 'text', { transformRequest, transformResponse })
    expect(data).toBe('done?')
    expect(api.requests.map((request) => request.config.data)).toEqual(['text!', 'text!'])
    expect([config.transformRequest, config.transformResponse]).toEqual([transformRequest, transformResponse])
  })

  it.each([{ scope: 'orders.read' }, { scope: ['orders.read'] }])(
    'sends a request once more that says which token it wants, when that is rejected: %o',
    async (token) => {
      const { api, client, server } = attached()
      api.answer = () => ({ status: api.requests.length === 1 ? 401 : 200 })
      expect((await client.get('/orders', { token })).status).toBe(200)
      expect(server.requests).toHaveLength(2)
    },
  )

  it('D9: gives up the answer that wants a nonce', async () => {
    const { api, client } = attached()
    const streams: Readable[] = []
    api.answer = () => {
      streams.push(Readable.from(['text']))
      return { status: api.requests.length === 1 ? 401 : 200, headers: NONCE, data: streams.at(-1) }
    }
    expect((await client.get('/orders', { responseType: 'stream' })).data).toBe(streams[1])
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, false])
  })

  it('D9: answers a nonce whether axios takes a 401 for an error or not', async () => {
    for (const validateStatus of [undefined, () => true]) {
      const { api, client, claims } = attached()
      api.answer = () => (api.requests.length === 1 ? { status: 401, headers: NONCE } : { data: 'done' })
      expect((await client.get('/orders', validateStatus && { validateStatus })).data).toBe('done')
      expect((await claims()).map(({ nonce }) => nonce)).toEqual([undefined, 'nonce-1'])
    }
  })

  it.each(['http', 'fetch'])('D6: follows no redirect: %s', async (adapter) => {
    await using server = await startServer((response) => response.writeHead(307, { location: '/elsewhere' }).end())
    const { tokens } = attached()
    const client = axios.create({ baseURL: server.origin, adapter: adapter as 'http', proxy: false, maxRedirects: 5 })
    attachTokenManager(client, tokens)
    const error = await failureOf(client.get('/orders'))
    expect(error.response).toMatchObject({ status: 307 })
    expect(server.requests.map(({ url }) => url)).toEqual(['/orders'])
  })

  it('D6: takes the proof off with the token when a request comes back for another origin, or for none', async () => {
    const { api, client, proofs } = attached({ onOtherOrigin: 'omit' })
    const { config } = await client.get('/orders')
    expect(config.headers.get('DPoP')).toBe(proofs[0])
    await client.request({ ...config, url: 'https://other.example.com/' })
    await client.request({ ...config, token: false })
    expect(api.authorizations).toEqual(['DPoP token-1', undefined, undefined])
    expect(proofs.slice(1)).toEqual([undefined, undefined])
  })

  it('shows neither token nor proof in an error, at first or after a nonce or another token', async () => {
    for (const headers of [{}, NONCE, { 'www-authenticate': 'DPoP error="invalid_token"' }]) {
      const { api, client, proofs } = attached()
      api.answer = () => ({ status: api.requests.length === 1 ? 401 : 500, headers })
      const output = everyOutput(await failureOf(client.get('/orders')))
      expect(output).not.toMatch(/token-\d/)
      for (const proof of proofs) {
        expect(proof).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
        expect(output).not.toContain(String(proof).split('.')[2])
      }
    }
  })

  it('leaves a request with an `Authorization` of its own without a proof', async () => {
    const { api, client, proofs } = attached()
    await client.get('/orders', { headers: { Authorization: 'Basic abc' } })
    expect([...api.authorizations, ...proofs]).toEqual(['Basic abc', undefined])
  })
})
