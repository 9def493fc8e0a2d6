import axios, { type AxiosResponse } from 'axios'
import { type AccessToken, type Clock, TokenError, TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { createTokenFetch } from 'evertoken/fetch'
import { instrumentTokenManager } from 'evertoken/opentelemetry'
import { auth0 } from 'evertoken/providers'
import { VirtualClock } from 'evertoken/testing'

const tokens = new TokenManager({
  clients: {
    orders: { tokenEndpoint: 'https://auth.example.com/token', clientId: 'orders', clientSecret: 'secret' },
    billing: {
      issuer: 'https://auth.example.com',
      clientId: 'billing',
      clientSecret: async () => 'secret',
      transport: axios.create(),
    },
  },
})
const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens, {
  client: 'orders',
  isTokenRejected: (response: AxiosResponse) => response.status === 419,
})

export const stop: () => void = instrumentTokenManager(tokens, { maxClients: 10 })

const fetchOrders: typeof fetch = createTokenFetch(tokens, { client: 'orders', origins: ['https://api.example.com'] })
export const byAuth0 = new TokenManager(
  auth0({ domain: 'example.auth0.com', audience: 'orders', clientId: 'orders', clientSecret: 'secret' }),
)

export async function use(): Promise<AccessToken | string | undefined> {
  await api.get('/orders', { token: { scope: 'orders.read' } })
  await api.get('/public', { token: false })
  await fetchOrders('https://api.example.com/orders')
  try {
    return await tokens.getToken({ client: 'billing' })
  } catch (error) {
    return error instanceof TokenError ? error.hint : undefined
  }
}

// @ts-expect-error a client that is not configured
tokens.getToken({ client: 'shipping' })
export const clockOfTests: Clock = new VirtualClock()
// @ts-expect-error a clock needs more than the time
export const clock: Clock = { now: () => 0 }
