import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

// Outside the handler, so that warm invocations share the token.
const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
})
const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)

export async function handler(): Promise<number> {
  const { data } = await api.get('/orders')
  return data.orders.length
}

// Stands for a WebSocket, a gRPC stream or an upload that goes on for long.
async function openStream(authorization: string): Promise<void> {
  await fetch('https://api.example.com/stream', { headers: { authorization } })
}

const source = tokens.source()
const lasting = await source.getToken({ minValidityMs: 10 * 60_000 }) // valid for 10 more minutes at least
await openStream(`Bearer ${lasting.reveal()}`)

const newer = await source.getToken({ forceRefresh: true }) // requested after this call, whatever is cached
await openStream(`Bearer ${newer.reveal()}`)
