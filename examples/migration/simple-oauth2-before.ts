import { type AccessToken, ClientCredentials } from 'simple-oauth2'
import { apiOrigin, clientId, clientSecret, issuer } from './service.ts'

const client = new ClientCredentials({
  client: { id: clientId, secret: clientSecret },
  auth: { tokenHost: issuer, tokenPath: '/token' },
})
let accessToken: AccessToken | undefined

export async function listOrders(): Promise<unknown> {
  if (accessToken === undefined || accessToken.expired(300)) {
    accessToken = await client.getToken({ scope: 'orders.read' })
  }
  const response = await fetch(`${apiOrigin}/orders`, {
    headers: { authorization: `Bearer ${accessToken.token.access_token}` },
  })
  if (!response.ok) throw new Error(`The API answered ${response.status}`)
  return await response.json()
}
