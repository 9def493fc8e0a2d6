import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createTransport } from '../src/transport.ts'
import { nock } from './support/nock.ts'

describe('nock', () => {
  beforeEach(() => {
    for (const name of ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']) vi.stubEnv(name, undefined)
  })

  it('stands in for the authorization server', async () => {
    const scope = nock('https://auth.example.com')
      .post('/token', 'grant_type=client_credentials')
      .matchHeader('authorization', 'Basic x')
      .reply(200, { access_token: 'a' }, { 'X-Request-Id': '7' })
    const response = await createTransport({ client: 'orders' })({
      method: 'POST',
      url: 'https://auth.example.com/token',
      headers: { authorization: 'Basic x', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
      signal: new AbortController().signal,
    })
    expect([response.status, response.body, response.header('x-request-id')]).toEqual([
      200,
      '{"access_token":"a"}',
      '7',
    ])
    scope.done()
  })
})
