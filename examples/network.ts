import { readFileSync } from 'node:fs'
import { TokenManager } from 'evertoken'

const certificates = process.env.CERTIFICATES ?? '/etc/ssl/orders'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  proxy: 'http://proxy.example.com:3128', // or false; default: what HTTPS_PROXY, ALL_PROXY and NO_PROXY say
  ca: readFileSync(`${certificates}/ca.pem`), // instead of the built-in authorities
})

const overFetch = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  transport: fetch, // or an axios instance of yours; it brings its own proxy and TLS settings
})

await overFetch.getToken()
console.log(tokens.inspect())
