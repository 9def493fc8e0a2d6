import { TokenManager } from 'evertoken'
import nock from 'nock'
import { afterEach, expect, test } from 'vitest'
import { OrderService } from './order-service.ts'

afterEach(() => nock.cleanAll())

test('asks for a token once for two requests', async () => {
  const authorizationServer = nock('https://auth.example.com')
    .post('/oauth2/token', { grant_type: 'client_credentials' })
    .basicAuth({ user: 'orders-service', pass: 'a-secret' })
    .reply(200, { access_token: 'a-token', token_type: 'Bearer', expires_in: 3600 })
  const api = nock('https://api.example.com', { reqheaders: { authorization: 'Bearer a-token' } })
    .get('/orders')
    .twice()
    .reply(200, [4711])
  // A new manager for each test: one that is shared has the token of the test before.
  const tokens = new TokenManager({
    tokenEndpoint: 'https://auth.example.com/oauth2/token',
    clientId: 'orders-service',
    clientSecret: 'a-secret',
  })
  const service = new OrderService(tokens, 'https://api.example.com')

  expect(await service.openOrders()).toEqual([4711])
  expect(await service.openOrders()).toEqual([4711])

  authorizationServer.done()
  api.done()
})
