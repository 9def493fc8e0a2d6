import { TokenManager } from 'evertoken'
import { RedisTokenStore } from 'evertoken/redis'
import { createClient } from 'redis'

const redis = createClient({ url: process.env.REDIS_URL ?? 'redis://localhost:6379' })
redis.on('error', (error) => console.error(error.code))
await redis.connect()

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
  store: new RedisTokenStore(redis, { encryptionKeys: process.env.TOKEN_STORE_KEY }),
})

console.log((await tokens.getToken()).fingerprint)

await tokens.close()
await redis.close()
