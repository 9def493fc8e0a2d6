import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const subscriptionKey = process.env.SUBSCRIPTION_KEY ?? ''

// Azure API Management wants a subscription key beside the token. Given to axios itself it would follow a redirect to
// another host; here it goes only where the token may go.
const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET ?? '',
  applyToken: (token) => ({
    Authorization: `${token.tokenType} ${token.reveal()}`,
    'Ocp-Apim-Subscription-Key': subscriptionKey,
  }),
})

const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)
await api.get('/orders')
