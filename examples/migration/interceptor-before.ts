import axios, { type AxiosError, type InternalAxiosRequestConfig } from 'axios'
import { apiOrigin, clientId, clientSecret, issuer } from './service.ts'

let token: string | undefined
let expiresAt = 0

async function getToken(): Promise<string> {
  if (token === undefined || Date.now() >= expiresAt) {
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders.read' })
    const auth = { username: clientId, password: clientSecret }
    const { data } = await axios.post(`${issuer}/token`, form, { auth })
    token = data.access_token as string
    expiresAt = Date.now() + data.expires_in * 1000
  }
  return token
}

export const api = axios.create({ baseURL: apiOrigin })
api.interceptors.request.use(async (config) => {
  config.headers.Authorization = `Bearer ${await getToken()}`
  return config
})
api.interceptors.response.use(undefined, async (error: AxiosError) => {
  const config = error.config as InternalAxiosRequestConfig & { isRetry?: boolean }
  if (error.response?.status !== 401 || config.isRetry) throw error
  token = undefined
  return await api.request(Object.assign(config, { isRetry: true }))
})
