/**
 * Shows that nobody waits for a rotation: 200 requests per second for 10 seconds with tokens that live 3 seconds and a
 * token endpoint that takes 400 ms, each beside the same request with a static header. `npm run demo:rotation`
 */
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import axios, { type AxiosInstance } from 'axios'
import { TokenManager } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { startLoopbackServer } from './main-job/loopback-server.ts'

const SECONDS = 10
const PER_SECOND = 200
const WAITED_MS = 100

let tokenRequests = 0
const authorizationServer = await startLoopbackServer(async (_request, response) => {
  tokenRequests += 1
  const token = { access_token: `token-${tokenRequests}`, token_type: 'Bearer', expires_in: 3 }
  await sleep(400)
  response.setHeader('content-type', 'application/json').end(JSON.stringify(token))
})
const used = new Set<string | undefined>()
const orders = await startLoopbackServer((request, response) => {
  used.add(request.headers.authorization)
  response.end('[]')
})

await using tokens = new TokenManager({
  tokenEndpoint: `${authorizationServer.origin}/token`,
  clientId: 'orders-service',
  clientSecret: 'secret',
  clientAuthentication: 'client_secret_basic',
  allowInsecureLoopback: true,
})
const plain = { baseURL: orders.origin, httpAgent: new Agent({ keepAlive: true }) }
const withTokens = axios.create(plain)
const withHeader = axios.create({ ...plain, headers: { Authorization: 'Bearer static' } })
attachTokenManager(withTokens, tokens)
await Promise.all([withTokens.get('/'), withHeader.get('/')])

let failed = 0
const beyondMs: number[] = []
const pairs: Promise<void>[] = []
const begin = performance.now()
for (let pair = 0; pair < SECONDS * PER_SECOND; pair++) {
  pairs.push(compare())
  await sleep(Math.max(0, begin + (pair * 1000) / PER_SECOND - performance.now()))
}
await Promise.all(pairs)

async function compare(): Promise<void> {
  const [ours, floor] = await Promise.all([latencyMs(withTokens), latencyMs(withHeader)])
  beyondMs.push(ours - floor)
}

async function latencyMs(instance: AxiosInstance): Promise<number> {
  const sentAt = performance.now()
  await instance.get('/').catch(() => failed++)
  return performance.now() - sentAt
}

used.delete('Bearer static')
const waited = beyondMs.filter((ms) => ms > WAITED_MS).length
const sorted = beyondMs.toSorted((a, b) => a - b)
console.table({
  'requests with a token': beyondMs.length,
  'failed (both kinds)': failed,
  [`waited more than ${WAITED_MS} ms beyond a static header`]: waited,
  'longest beyond a static header (ms)': Math.round(sorted.at(-1) ?? 0),
  'tokens used': used.size,
  'token requests': tokenRequests,
})
await Promise.all([authorizationServer.stop(), orders.stop()])
// The last request may be for a token that no request has used yet.
const kept = failed === 0 && waited === 0 && used.size >= 4 && tokenRequests - used.size <= 1
console.log(kept ? 'Nobody waited for a rotation.' : 'That is not what was promised.')
process.exitCode = kept ? 0 : 1
