import { secretFromFile, TokenManager } from 'evertoken'

const secretFile = process.env.CLIENT_SECRET_FILE ?? '/run/secrets/client-secret'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: secretFromFile(secretFile),
})

await tokens.getToken()
