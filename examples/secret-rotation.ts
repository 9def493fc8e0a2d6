import { readFile } from 'node:fs/promises'
import { TokenManager } from 'evertoken'

const secretFile = process.env.CLIENT_SECRET_FILE ?? '/run/secrets/client-secret'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: async () => (await readFile(secretFile, 'utf8')).trim(),
})

await tokens.getToken()
