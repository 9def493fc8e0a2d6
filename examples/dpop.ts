import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET ?? '',
  dpop: true, // or { key }: PEM, a JWK, a KeyObject or a CryptoKey
})

const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)
await api.get('/orders')
