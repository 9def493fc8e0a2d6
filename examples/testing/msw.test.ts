import { TokenManager } from 'evertoken'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OrderService } from './order-service.ts'

let issued = 0
const server = setupServer(
  http.post('https://auth.example.com/oauth2/token', () => {
    issued += 1
    return HttpResponse.json({ access_token: `token-${issued}`, token_type: 'Bearer', expires_in: 3600 })
  }),
  // The API accepts the second token only.
  http.get('https://api.example.com/orders', ({ request }) =>
    request.headers.get('authorization') === 'Bearer token-2'
      ? HttpResponse.json([4711])
      : new HttpResponse(null, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }),
  ),
)
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }))
afterAll(() => server.close())

test('gets another token when the API rejects one', async () => {
  const tokens = new TokenManager({
    tokenEndpoint: 'https://auth.example.com/oauth2/token',
    clientId: 'orders-service',
    clientSecret: 'a-secret',
  })
  const service = new OrderService(tokens, 'https://api.example.com')

  expect(await service.openOrders()).toEqual([4711])
  expect(issued).toBe(2)
})
