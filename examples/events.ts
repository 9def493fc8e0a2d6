import { TokenManager } from 'evertoken'

const counts = new Map<string, number>()
const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)

const tokens = new TokenManager({
  issuer: 'https://auth.example.com',
  clientId: 'orders-service',
  clientSecret: process.env.CLIENT_SECRET,
})

tokens.on('tokenRequested', ({ client, reason }) => count(`${client}, because: ${reason}`))
const stop = tokens.on('tokenRequestFailed', ({ client, error }) => count(`${client}, failed: ${error.code}`))

await tokens.getToken()
stop()

console.log(tokens.source().inspect().explanation)
// The cached token is used; a refresh is due in 2321 s, it is used for 3590 s more.
console.log([...counts])
