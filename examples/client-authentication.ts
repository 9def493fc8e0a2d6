import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { privateKeyJwt, TokenManager } from 'evertoken'

const certificates = process.env.CERTIFICATES ?? '/etc/ssl/orders'

// Stands for the client of a key service.
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const kms = { sign: async (message: Uint8Array) => sign('sha256', message, privateKey) }

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientAuthentication: privateKeyJwt({
    key: readFileSync(`${certificates}/client.key`),
    keyId: 'orders-2026',
  }),
})

const overKms = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientAuthentication: privateKeyJwt({
    sign: (message) => kms.sign(message),
    algorithm: 'ES256',
    keyId: 'orders-kms-1',
  }),
})

await tokens.getToken()
await overKms.getToken()
