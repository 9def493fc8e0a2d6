import { randomBytes } from 'node:crypto'
import { type FetchLike, TokenManager } from '../src/index.ts'

const LIVE_KEYS = 64
const TOKEN_LENGTH = 1024

/** A new token of 1 KB that looks like a JWT, since one of the peers reads it. */
export function tokenText(lifetimeS = 3600): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iat: now, exp: now + lifetimeS, jti: randomBytes(12).toString('hex') }
  const head = [{ alg: 'ES256', typ: 'at+jwt' }, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  return `${head}.${base64url(randomBytes(TOKEN_LENGTH))}`.slice(0, TOKEN_LENGTH)
}

/** What a token endpoint answers. */
export function tokenAnswer(lifetimeS = 3600): string {
  return JSON.stringify({ access_token: tokenText(lifetimeS), token_type: 'Bearer', expires_in: lifetimeS })
}

/** The scope of one of the keys that {@link filledManager} has beside that of the client. */
export function scopeOf(key: number): string {
  return `orders.read orders.write warehouse.${key}`
}

/** A manager with a token in each of 64 keys, that of its client included. */
export async function filledManager(): Promise<TokenManager> {
  const tokens = new TokenManager({
    tokenEndpoint: 'https://auth.example.com/token',
    clientId: 'bench',
    clientSecret: 'not much of a secret',
    transport,
    // For APIs on this machine.
    allowInsecureLoopback: true,
  })
  await tokens.getToken()
  for (let key = 1; key < LIVE_KEYS; key += 1) await tokens.getToken({ scope: scopeOf(key) })
  return tokens
}

// No `Response`: whoever makes one has all of Node's fetch in memory, and in the way of the garbage collector.
const transport: FetchLike = async () => ({
  status: 200,
  headers: new Map([['content-type', 'application/json']]),
  body: new ReadableStream({
    start: (stream) => {
      stream.enqueue(Buffer.from(tokenAnswer()))
      stream.close()
    },
  }),
})

function base64url(data: string | Buffer): string {
  return Buffer.from(data).toString('base64url')
}
