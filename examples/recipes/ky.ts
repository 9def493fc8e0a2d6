import { createTokenFetch } from 'evertoken/fetch'
import ky from 'ky'
import { apiOrigin, type Order, tokens } from './orders-service.ts'

export const api = ky.create({
  baseUrl: apiOrigin,
  fetch: createTokenFetch(tokens, { origins: [apiOrigin] }),
})

const orders = await api.get('/orders').json<Order[]>()
console.log(orders)
