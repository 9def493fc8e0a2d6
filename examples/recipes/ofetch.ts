import { createTokenFetch } from 'evertoken/fetch'
import { ofetch } from 'ofetch'
import { apiOrigin, type Order, tokens } from './orders-service.ts'

export const api = ofetch.create(
  { baseURL: apiOrigin },
  { fetch: createTokenFetch(tokens, { origins: [apiOrigin] }) }, // the second argument, not an option of a request
)

const orders = await api<Order[]>('/orders')
console.log(orders)
