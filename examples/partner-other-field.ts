import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

// HashiCorp Vault's AppRole login answers {"auth": {"client_token": …, "lease_duration": 3600}};
// its API wants X-Vault-Token.
const tokens = new TokenManager({
  tokenEndpoint: 'https://vault.example.com/v1/auth/approle/login',
  clientId: 'the-role-id',
  clientSecret: process.env.CLIENT_SECRET ?? '',
  clientAuthentication: 'client_secret_post',
  buildRequest: ({ form }) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ role_id: form.get('client_id'), secret_id: form.get('client_secret') }),
  }),
  parseResponse: ({ body }) => {
    const { auth } = JSON.parse(body)
    return { accessToken: auth.client_token, lifetimeMs: auth.lease_duration * 1000 }
  },
  applyToken: (token) => ({ 'X-Vault-Token': token.reveal() }),
})

const vault = axios.create({ baseURL: 'https://vault.example.com/v1' })
attachTokenManager(vault, tokens, {
  isTokenRejected: ({ status }) => status === 403, // Vault has no 401
})
await vault.get('/secret/data/orders')
