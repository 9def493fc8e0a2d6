import { TokenManager } from 'evertoken'
import { createTokenFetch } from 'evertoken/fetch'
import { apiOrigin, clientId, clientSecret, issuer } from './service.ts'

const tokens = new TokenManager({
  tokenEndpoint: `${issuer}/token`,
  clientId,
  clientSecret,
  scope: 'orders.read',
  allowInsecureLoopback: true, // for a server on this machine that speaks http
})
const tokenFetch = createTokenFetch(tokens, { origins: [apiOrigin] })

export async function listOrders(): Promise<unknown> {
  const response = await tokenFetch(`${apiOrigin}/orders`)
  if (!response.ok) throw new Error(`The API answered ${response.status}`)
  return await response.json()
}
