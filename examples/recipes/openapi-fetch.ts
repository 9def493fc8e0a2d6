import { createTokenFetch } from 'evertoken/fetch'
import createClient from 'openapi-fetch'
import { apiOrigin, type Order, tokens } from './orders-service.ts'

// As openapi-typescript makes it of an OpenAPI document.
interface paths {
  '/orders': {
    get: { responses: { 200: { content: { 'application/json': Order[] } } } }
    post: {
      requestBody: { content: { 'application/json': Order } }
      responses: { 201: { content: { 'application/json': Order } } }
    }
  }
}

export const api = createClient<paths>({
  baseUrl: apiOrigin,
  fetch: createTokenFetch(tokens, { origins: [apiOrigin] }),
})

const { data: orders } = await api.GET('/orders')
console.log(orders)
