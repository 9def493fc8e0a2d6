import axios from 'axios'
import tokenInterceptor from 'axios-token-interceptor'
import { apiOrigin, clientId, clientSecret, issuer } from './service.ts'

async function requestToken(): Promise<{ access_token: string; expires_in: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders.read' })
  const auth = { username: clientId, password: clientSecret }
  return (await axios.post(`${issuer}/token`, form, { auth })).data
}

const cache = tokenInterceptor.tokenCache(requestToken, {
  getMaxAge: ({ expires_in }) => expires_in * 1000,
})

export const api = axios.create({ baseURL: apiOrigin })
api.interceptors.request.use(
  tokenInterceptor({ getToken: cache, headerFormatter: ({ access_token }) => `Bearer ${access_token}` }),
)
