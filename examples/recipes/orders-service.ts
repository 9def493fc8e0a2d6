import { TokenManager } from 'evertoken'

/** Where the API of the orders is. */
export const apiOrigin = process.env.EVERTOKEN_API_URL ?? 'https://api.example.com'

/** The one manager of this service, which everything in it shares. */
export const tokens = new TokenManager({
  issuer: process.env.EVERTOKEN_ISSUER ?? 'https://auth.example.com',
  clientId: process.env.EVERTOKEN_CLIENT_ID ?? 'orders-service',
  clientSecret: process.env.EVERTOKEN_CLIENT_SECRET,
  allowInsecureLoopback: true, // for servers on this machine that speak http
})

export interface Order {
  readonly item: number
}
