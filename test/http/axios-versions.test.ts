import axios from 'axios'
import { describe, expect, inject, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { sendJson, startServer } from '../support/http-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Which axios the project stands for. */
    axiosVersion: string
  }
}

const { VERSION } = axios

describe(`axios ${VERSION}`, () => {
  it('is the one that sends both the token request and the request to the API', async () => {
    await using server = await startServer((response, { url }) =>
      sendJson(response, url === '/token' ? { access_token: 'a-token', token_type: 'Bearer', expires_in: 60 } : {}),
    )
    const tokens = new TokenManager({
      tokenEndpoint: `${server.origin}/token`,
      clientId: 'orders-service',
      clientSecret: 'correct horse',
      allowInsecureLoopback: true,
    })
    const client = axios.create({ baseURL: server.origin, proxy: false })
    attachTokenManager(client, tokens)
    await client.get('/orders')
    expect(VERSION).toBe(inject('axiosVersion'))
    expect(server.requests.map(({ url, headers }) => [url, headers['user-agent']])).toEqual([
      ['/token', `axios/${VERSION}`],
      ['/orders', `axios/${VERSION}`],
    ])
    await tokens.close()
  })
})
