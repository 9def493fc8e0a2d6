import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const tokens = new TokenManager({
  issuer: process.env.EVERTOKEN_ISSUER,
  clientId: process.env.EVERTOKEN_CLIENT_ID ?? '',
  clientSecret: process.env.EVERTOKEN_CLIENT_SECRET,
  scope: process.env.EVERTOKEN_SCOPE,
  allowInsecureLoopback: true,
})

const api = axios.create({ baseURL: process.env.EVERTOKEN_API_URL ?? '' })
attachTokenManager(api, tokens)

const { data } = await api.get('/orders')
console.log(data)
console.log(tokens.source().inspect().explanation)
