/** One process of a fleet, for tests: does what its parent says, and tells what came of it. */
import axios from 'axios'
import { createClient } from 'redis'
import { watchStalls } from '../../scripts/soak/stalls.ts'
import { attachTokenManager } from '../../src/http/axios.ts'
import { type ClientOptions, clientCertificate, TokenManager, tlsClientAuth } from '../../src/index.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import type { FromWorker, Load, LoadReport, Start, ToWorker } from './worker-messages.ts'

const EVENTS = ['tokenRequested', 'tokenReceived', 'tokenFound', 'storeSuspended', 'storeResumed'] as const

const say = (message: FromWorker) => process.send?.(message)

let service: Awaited<ReturnType<typeof start>> | undefined

function credentialOf({ secret, dpopKey, certificate }: Start): Partial<ClientOptions> {
  if (certificate === undefined)
    return { clientSecret: secret, ...(dpopKey !== undefined && { dpop: { key: dpopKey } }) }
  const { cert, key, ca, tokenEndpoint } = certificate
  return { tokenEndpoint, ca, clientAuthentication: tlsClientAuth(), certificate: clientCertificate({ cert, key }) }
}

async function start(how: Start) {
  const { redisUrl, encryptionKeys, origin, scope, timeoutMs, certificate } = how
  const redis = createClient({ url: redisUrl })
  redis.on('error', () => {})
  await redis.connect()
  const tokens = new TokenManager({
    tokenEndpoint: `${origin}/token`,
    clientId: 'orders-service',
    ...credentialOf(how),
    scope,
    // Longer than a process may be kept from running; but where the store is in trouble, it is waited for a fifth of this.
    timeoutMs: 60_000,
    attemptTimeoutMs: timeoutMs === undefined ? 15_000 : 60_000,
    allowInsecureLoopback: true,
    proxy: false,
    store: new RedisTokenStore(redis, { encryptionKeys, timeoutMs }),
  })
  for (const event of EVENTS) tokens.on(event, () => say({ event }))
  const api = axios.create({ baseURL: origin, proxy: false })
  attachTokenManager(api, tokens)
  const source = tokens.source()
  const call = ({ token }: Load) => {
    if (certificate !== undefined || token !== undefined) return source.getToken(token)
    return api.get('/orders', { headers: { 'x-begun-at': Date.now() } })
  }
  return { redis, call, source }
}

let stalledMs = 0
watchStalls(({ from, to }) => {
  stalledMs += to - from
})

let hadToken = true

async function request(report: LoadReport, load: Load): Promise<void> {
  const hasToken = service?.source.peek() !== undefined
  if (hadToken && !hasToken) report.waits += 1
  hadToken = hasToken
  const begun = performance.now()
  const measure = () => report.durations.push(performance.now() - begun)
  // Takes no time, however busy the machine is, unless it is waited for.
  const token = service?.source.getToken().then(measure, measure)
  try {
    await service?.call(load)
    report.succeeded += 1
  } catch (error) {
    const { code = 'unknown', message } = error as { code?: string; message: string }
    report.failures.push(`${code}: ${message}`)
  }
  await token
}

async function run(load: Load): Promise<LoadReport> {
  const { concurrent = 1, perSecond = 0, forMs = 0 } = load
  const report: LoadReport = { succeeded: 0, waits: 0, failures: [], durations: [], stalledMs: -stalledMs }
  const requests = Array.from({ length: concurrent }, () => request(report, load))
  const end = performance.now() + forMs
  while (perSecond > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1000 / perSecond))
    requests.push(request(report, load))
  }
  await Promise.all(requests)
  report.stalledMs += stalledMs
  return report
}

process.on('message', async (message: ToWorker) => {
  if ('run' in message) {
    say({ id: message.id, report: await run(message.run) })
    return
  }
  // As in a deploy: the new one takes over when it is ready.
  const before = service
  service = message.start && (await start(message.start))
  before?.redis.destroy()
  if (service !== undefined) say({ event: 'ready' })
})
process.on('disconnect', () => process.exit())
