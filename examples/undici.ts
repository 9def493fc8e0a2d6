import { TokenManager } from 'evertoken'
import { tokenInterceptor } from 'evertoken/undici'
import { getGlobalDispatcher, interceptors, request } from 'undici'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  scope: 'orders.read',
})

// Or an Agent, a Pool or a Client of yours.
const dispatcher = getGlobalDispatcher().compose(
  tokenInterceptor(tokens, { origins: ['https://api.example.com'] }),
  interceptors.retry(), // each attempt gets the token there is by then
)

const { body } = await request('https://api.example.com/orders', { dispatcher })
await body.json()

const writing = { dispatcher, method: 'POST', body: '{}', token: { scope: 'orders.write' } }
const created = await request('https://api.example.com/orders', writing)
await created.body.dump()
