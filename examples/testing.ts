import { TokenManager } from 'evertoken'
import { VirtualClock } from 'evertoken/testing'

const clock = new VirtualClock()
const tokens = new TokenManager({
  tokenEndpoint: 'https://auth.example.com/oauth2/token',
  clientId: 'orders-service',
  clientSecret: 'a-secret',
  clock,
  transport: async () => Response.json({ access_token: 'a-token', token_type: 'Bearer', expires_in: 3600 }),
})

const source = tokens.source()
await source.getToken()
await clock.advance(59 * 60_000) // 59 minutes later, without waiting
console.log(source.inspect().state) // refresh due
