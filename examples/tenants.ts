import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const secrets = new Map([['acme', 'the-secret-of-acme']])

const tokens = new TokenManager({
  clients: (tenant: string) => ({
    issuer: `https://auth.example.com/${encodeURIComponent(tenant)}`,
    clientId: 'orders-service',
    clientSecret: async () => secrets.get(tenant) ?? '',
  }),
})

const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)

await api.get('/orders', { token: { client: 'acme' } })
tokens.removeClient('acme') // its tokens are forgotten; the next use of the name asks the function again
