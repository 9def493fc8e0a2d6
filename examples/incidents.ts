import { createServer } from 'node:http'
import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

let refreshesEarly = true

const tokens = new TokenManager({
  // A function, because it is asked again after `removeClient`.
  clients: (_name: 'orders') => ({
    issuer: 'https://auth.example.com',
    clientId: 'orders-service',
    clientSecret: process.env.CLIENT_SECRET,
    ...(!refreshesEarly && { refreshWindowMs: 1_000 }),
  }),
})

export const api = axios.create({ baseURL: 'https://api.example.com' })
let attachment = attachTokenManager(api, tokens, { client: 'orders' })

/** Which requests are sent once more when the API rejects their token, from now on. */
export function setReplay(replay: 'all' | 'idempotent' | 'none'): void {
  attachment.detach()
  attachment = attachTokenManager(api, tokens, { client: 'orders', replay })
}

/** Whether tokens are refreshed long before they expire. Costs one token request, for which calls wait. */
export function setEarlyRefresh(on: boolean): void {
  refreshesEarly = on
  tokens.removeClient('orders')
}

/** For an address that only operators reach. Holds no token and no secret. */
export const status = createServer((_, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(tokens.inspect()))
})
