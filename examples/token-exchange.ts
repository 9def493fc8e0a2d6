import axios from 'axios'
import { TokenManager, tokenExchange } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

// Stands for a request that this service gets, and whose token it has found to be valid.
const incoming = { headers: { authorization: 'Bearer the-token-of-alice' } }

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  grant: tokenExchange(),
  audience: 'https://billing.example.com',
})

const billing = axios.create({ baseURL: 'https://billing.example.com' })
attachTokenManager(billing, tokens)

const subjectToken = incoming.headers.authorization.slice('Bearer '.length)
await billing.get('/invoices', { token: { subjectToken } }) // exchanged once
await billing.get('/invoices/4711', { token: { subjectToken } }) // cached
