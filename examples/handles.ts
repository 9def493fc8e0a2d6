import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
})
const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)

// Stands for a client that a generator made from an OpenAPI document.
class OrdersClient {
  readonly #accessToken: (scopes: string[]) => Promise<string>

  constructor(options: { accessToken: (scopes: string[]) => Promise<string> }) {
    this.#accessToken = options.accessToken
  }

  async list(): Promise<Response> {
    const authorization = `Bearer ${await this.#accessToken(['whatever'])}`
    return await fetch('https://api.example.com/orders', { headers: { authorization } })
  }
}

const source = tokens.source({ scope: 'orders.write' })

const token = await source.getToken() // an AccessToken: expiresAt, scope, fingerprint, …
source.peek() // the same one while it is usable, else undefined; never waits
const response = await fetch('https://api.example.com/orders', {
  headers: { authorization: `Bearer ${token.reveal()}` },
})
if (response.status === 401) source.invalidate(token) // the next getToken() brings another

const client = new OrdersClient({ accessToken: source.getAccessToken }) // as a bare function
await api.get('/orders', { token: source }) // for one request of an attached axios

await client.list()
