import { createTokenFetch } from 'evertoken/fetch'
import { GraphQLClient } from 'graphql-request'
import { apiOrigin, type Order, tokens } from './orders-service.ts'

export const api = new GraphQLClient(`${apiOrigin}/graphql`, {
  fetch: createTokenFetch(tokens, { origins: [apiOrigin] }),
})

// Or by middleware, which may wait, and `headers` may not: the current token, and the caller's 401.
const source = tokens.source()
export const plainApi = new GraphQLClient(`${apiOrigin}/graphql`, {
  requestMiddleware: async (request) => {
    const headers = new Headers(request.headers)
    headers.set('authorization', `Bearer ${await source.getAccessToken()}`)
    return { ...request, headers }
  },
})

const { orders } = await api.request<{ orders: Order[] }>('{ orders { item } }')
console.log(orders)
