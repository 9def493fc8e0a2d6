import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { auth0 } from 'evertoken/providers'

const tokens = new TokenManager(
  auth0({
    domain: 'auth.example.com',
    audience: 'https://api.example.com',
    clientId: 'orders-service',
    clientSecret: process.env.CLIENT_SECRET ?? '',
  }),
)

const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)
await api.get('/orders')
