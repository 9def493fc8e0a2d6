import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  keepWarm: true, // refresh on time even without requests
})
const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)

await tokens.ready({ timeoutMs: 10_000 }) // in the startup probe: wrong credentials show before traffic comes

await api.get('/orders')

await tokens.close({ revoke: true }) // on SIGTERM, after the last request
