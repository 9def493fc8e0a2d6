import { afterEach, expect, it, vi } from 'vitest'
import { nock } from '../support/nock.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  nock.cleanAll()
  nock.enableNetConnect()
})

it('does what the first example of the README says: finds the server, gets a token, calls the API with it', async () => {
  nock.disableNetConnect()
  vi.stubEnv('no_proxy', '*')
  vi.stubEnv('CLIENT_SECRET', 'a-secret')
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const server = nock('https://auth.example.com')
  server
    .get(/^\/\.well-known\//)
    .reply(200, { issuer: 'https://auth.example.com', token_endpoint: 'https://auth.example.com/token' })
  server
    .post('/token', { grant_type: 'client_credentials', scope: 'orders.read' })
    .basicAuth({ user: 'orders-service', pass: 'a-secret' })
    .reply(200, { access_token: 'an-access-token', token_type: 'Bearer', expires_in: 3600 })
  const api = nock('https://api.example.com', { reqheaders: { authorization: 'Bearer an-access-token' } })
  api.get('/orders').reply(200, { orders: [4711] })

  await import('../../examples/quick-start.ts')

  expect(log.mock.calls).toEqual([[{ orders: [4711] }]])
  server.done()
  api.done()
})
