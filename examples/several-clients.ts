import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const issuer = 'https://auth.example.com'
const order = { item: 4711 }

const tokens = new TokenManager({
  clients: {
    orders: { issuer, clientId: 'orders', clientSecret: process.env.ORDERS_SECRET, scope: 'orders.read' },
    billing: {
      issuer,
      clientId: 'billing',
      clientSecret: process.env.BILLING_SECRET,
      audience: 'https://billing.example.com',
    },
  },
})

const orders = axios.create({ baseURL: 'https://api.example.com' })
const billing = axios.create({ baseURL: 'https://billing.example.com' })
attachTokenManager(orders, tokens, { client: 'orders' })
attachTokenManager(billing, tokens, { client: 'billing' })

await orders.get('/orders')
await orders.post('/orders', order, { token: { scope: 'orders.write' } }) // instead of orders.read
await billing.get('/invoices')
await billing.get('/health', { token: false }) // goes out without a token
