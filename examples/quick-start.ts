import axios from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  scope: 'orders.read',
})

const api = axios.create({ baseURL: 'https://api.example.com' })
attachTokenManager(api, tokens)

const { data } = await api.get('/orders')
console.log(data)
