import { TokenManager } from 'evertoken'
import { createTokenFetch } from 'evertoken/fetch'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
})

const fetch = createTokenFetch(tokens, { origins: ['https://api.example.com'] })

const response = await fetch('https://api.example.com/orders')
console.log(await response.json())

await fetch('https://api.example.com/orders', {
  method: 'POST',
  body: JSON.stringify({ item: 4711 }),
  token: { scope: 'orders.write' }, // or a handle, or false for none
})
