import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

// OpenStack's Identity API answers 201 with the token in the header X-Subject-Token and its expiry in the body;
// the other APIs want X-Auth-Token.
const tokens = new TokenManager({
  tokenEndpoint: 'https://identity.example.com/v3/auth/tokens',
  clientId: 'the-application-credential-id',
  clientSecret: process.env.CLIENT_SECRET ?? '',
  clientAuthentication: 'client_secret_post',
  buildRequest: ({ form }) => {
    const credential = { id: form.get('client_id'), secret: form.get('client_secret') }
    const identity = { methods: ['application_credential'], application_credential: credential }
    return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ auth: { identity } }) }
  },
  parseResponse: ({ header, body }) => ({
    accessToken: header('X-Subject-Token') ?? '',
    expiresAt: JSON.parse(body).token.expires_at,
  }),
  applyToken: (token) => ({ 'X-Auth-Token': token.reveal() }),
})

const compute = axios.create({ baseURL: 'https://compute.example.com/v2.1' })
attachTokenManager(compute, tokens)
await compute.get('/servers')
