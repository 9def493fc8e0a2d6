import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

// POST /login {"user": …, "password": …} answers {"token": …, "expires": "2030-01-31T12:00:00Z"};
// the API wants X-Auth-Token.
const tokens = new TokenManager({
  tokenEndpoint: 'https://auth.example.com/login',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET ?? '',
  clientAuthentication: 'client_secret_post', // puts id and secret into the form, where `buildRequest` finds them
  buildRequest: ({ form }) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: form.get('client_id'), password: form.get('client_secret') }),
  }),
  parseResponse: ({ body }) => {
    const { token, expires } = JSON.parse(body)
    return { accessToken: token, expiresAt: expires }
  },
  applyToken: (token) => ({ 'X-Auth-Token': token.reveal() }),
})

const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)
await api.get('/orders')
