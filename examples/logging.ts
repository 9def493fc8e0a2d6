import { TokenManager } from 'evertoken'
import pino from 'pino'

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  logger: pino({ level: process.env.LOG_LEVEL ?? 'info' }),
})

await tokens.getToken()
