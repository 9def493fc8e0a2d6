import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { apiOrigin, clientId, clientSecret, issuer } from './service.ts'

const tokens = new TokenManager({
  issuer,
  clientId,
  clientSecret,
  scope: 'orders.read',
  allowInsecureLoopback: true, // for a server on this machine that speaks http
})

export const api = axios.create({ baseURL: apiOrigin })
attachTokenManager(api, tokens, {
  isTokenRejected: ({ status }) => status === 419, // what `statusCodes` had beside 401
})
