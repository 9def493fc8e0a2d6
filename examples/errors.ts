import axios from 'axios'
import { TokenError, TokenManager, TokenResponseError } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
})
const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)

try {
  await api.get('/orders')
} catch (error) {
  if (error instanceof TokenResponseError) console.error(error.code, error.status, error.error, error.correlationId)
  else if (error instanceof TokenError) console.error(error.code, error.retryable, error.message)
  else throw error // the API's own: an AxiosError
}
