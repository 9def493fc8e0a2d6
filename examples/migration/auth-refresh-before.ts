import axios from 'axios'
import { createAuthRefresh } from 'axios-auth-refresh'
import { apiOrigin, clientId, clientSecret, issuer } from './service.ts'

let token = ''

async function refresh(): Promise<void> {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders.read' })
  const auth = { username: clientId, password: clientSecret }
  token = (await axios.post(`${issuer}/token`, form, { auth })).data.access_token
}

export const api = axios.create({ baseURL: apiOrigin })
api.interceptors.request.use((config) => {
  config.headers.Authorization = `Bearer ${token}`
  return config
})
createAuthRefresh(api, refresh)
await refresh() // the first token
