import { createTokenFetch } from 'evertoken/fetch'
import { client } from './orders-client/client.gen.ts'
import { listOrders } from './orders-client/sdk.gen.ts'
import { apiOrigin, tokens } from './orders-service.ts'

client.setConfig({
  baseUrl: apiOrigin,
  fetch: createTokenFetch(tokens, { origins: [apiOrigin] }),
})

const { data: orders } = await listOrders()
console.log(orders)
