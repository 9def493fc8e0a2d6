import { client } from './orders-client/client.gen.ts'
import { listOrders } from './orders-client/sdk.gen.ts'
import { apiOrigin, tokens } from './orders-service.ts'

const source = tokens.source()
client.setConfig({ baseUrl: apiOrigin, auth: source.getAccessToken })

// The answer is the caller's, a 401 too; the next request has another token.
client.interceptors.response.use((response, request) => {
  const [, token] = request.headers.get('authorization')?.split(' ') ?? []
  if (response.status === 401 && token) source.invalidate(token)
  return response
})

const { data: orders } = await listOrders()
console.log(orders)
