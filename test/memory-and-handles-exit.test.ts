import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sendJson, startServer, type TestServer } from './support/http-server.ts'
import { runNode } from './support/run-node.ts'
import { TestAuthority } from './support/tls.ts'

// A process that waits for a token request stays for its whole minute, for metadata 5 seconds.
const PROMPTLY_MS = { POST: 30_000, GET: 4500 }

const SETUP = `
  import { systemClock, TokenManager } from './src/index.ts'
  const { origin, ca, key } = JSON.parse(process.argv[1])
  let aheadMs = 0
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const options = {
    tokenEndpoint: origin + '/token', clientId: 'orders', clientSecret: 'correct horse', ca, proxy: false, clock,
    allowInsecureLoopback: true, timeoutMs: 60_000, attemptTimeoutMs: 60_000,
  }
  const isRequested = (tokens) => new Promise((resolve) => tokens.on('tokenRequested', resolve))
  const lastRequestIsSent = () => {
    const sentAt = performance.now()
    process.on('exit', () => console.log(performance.now() - sentAt))
  }
  const refreshInFlight = async (tokens) => {
    await tokens.getToken()
    aheadMs += 55 * 60_000
    const requested = isRequested(tokens)
    await tokens.getToken()
    await requested
  }
`

interface Mode {
  readonly name: string
  readonly source: string
  readonly tls?: true
  /** The request that is never answered. */
  readonly hangs?: string
}

const MODES: readonly Mode[] = [
  { name: 'that has its token', source: `await new TokenManager(options).getToken()` },
  {
    name: 'that closes its manager',
    source: `const t = new TokenManager(options); await t.getToken(); await t.close()`,
  },
  { name: 'that keeps its token warm', source: `await new TokenManager({ ...options, keepWarm: true }).getToken()` },
  {
    name: 'whose refresh in the background is not answered',
    source: `await refreshInFlight(new TokenManager(options))`,
    hangs: 'POST /token 2',
  },
  {
    name: 'whose refresh in the background, over TLS, is not answered',
    source: `await refreshInFlight(new TokenManager(options))`,
    hangs: 'POST /token 2',
    tls: true,
  },
  {
    name: 'whose refresh for keepWarm is not answered',
    source: `
      const tokens = new TokenManager({ ...options, keepWarm: true })
      await tokens.getToken()
      const alive = setInterval(() => {}, 1000)
      await isRequested(tokens)
      clearInterval(alive)`,
    hangs: 'POST /token 2',
  },
  {
    name: 'that closes its manager while a refresh is not answered',
    source: `const t = new TokenManager(options); await refreshInFlight(t); await t.close()`,
    hangs: 'POST /token 2',
  },
  {
    name: 'whose metadata is not loaded again in the background',
    source: `
      const tokens = new TokenManager({ ...options, tokenEndpoint: undefined, issuer: origin })
      const stale = new Promise((resolve) => tokens.on('metadataLoaded', resolve))
      await tokens.getToken()
      await stale
      aheadMs += 65 * 60_000
      tokens.source().refreshInBackground()`,
    hangs: 'GET /.well-known/oauth-authorization-server 2',
  },
  {
    name: 'with a store, whose refresh is not answered',
    source: `
      const { MemoryTokenStore } = await import('./src/testing/index.ts')
      await refreshInFlight(new TokenManager({ ...options, store: new MemoryTokenStore({ encryptionKeys: key }) }))`,
    hangs: 'POST /token 2',
  },
  {
    name: 'that leaves a refresh to another process',
    source: `
      const { MemoryTokenStore } = await import('./src/testing/index.ts')
      const store = new MemoryTokenStore({ encryptionKeys: key })
      const others = store.connect()
      const other = new TokenManager({ ...options, store: others })
      const tokens = new TokenManager({ ...options, store })
      await tokens.getToken()
      await other.getToken()
      await refreshInFlight(tokens)
      await other.getToken()
      while (others.calls.getOrLease < 2) await new Promise(setImmediate)`,
    hangs: 'POST /token 2',
  },
  {
    name: 'that sends requests by axios',
    source: `
      const { default: axios } = await import('axios')
      const { attachTokenManager } = await import('./src/http/axios.ts')
      const { Agent } = await import('node:http')
      const api = axios.create({ baseURL: origin, proxy: false, httpAgent: new Agent({ keepAlive: true }) })
      attachTokenManager(api, new TokenManager(options))
      await api.get('/orders')`,
  },
  {
    name: 'that sends requests by fetch',
    source: `
      const { createTokenFetch } = await import('./src/http/fetch.ts')
      await (await createTokenFetch(new TokenManager(options), { origins: [origin] })(origin + '/orders')).text()`,
  },
  {
    name: 'that sends requests by undici',
    source: `
      const { Agent, request } = await import('undici')
      const { tokenInterceptor } = await import('./src/http/undici.ts')
      const dispatcher = new Agent().compose(tokenInterceptor(new TokenManager(options), { origins: [origin] }))
      await (await request(origin + '/orders', { dispatcher })).body.text()`,
  },
]

const run = (server: TestServer, source: string, ca?: string) => {
  const argument = { origin: server.origin, ca, key: randomBytes(32).toString('hex') }
  return runNode(`${SETUP}${source}\nlastRequestIsSent()`, argument)
}

describe('a process exits promptly', { timeout: 180_000 }, () => {
  const authority = new TestAuthority()

  it.for(MODES.map((mode) => [mode.name, mode] as const))('%s', async ([, { source, hangs, tls }]) => {
    const counts = new Map<string, number>()
    await using server = await startServer((response, { method, url }) => {
      const what = `${method} ${url}`
      const count = (counts.get(what) ?? 0) + 1
      counts.set(what, count)
      if (hangs === `${what} ${count}`) return
      const { origin } = server
      if (method === 'GET') return sendJson(response, { issuer: origin, token_endpoint: `${origin}/token` })
      sendJson(response, { access_token: `token-${count}`, token_type: 'Bearer', expires_in: 3600, refresh_in: 1 })
    }, tls && authority.issue())
    const { stdout, stderr, exitCode } = await run(server, source, tls && authority.cert)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(Number(stdout)).toBeLessThan(hangs?.startsWith('GET') ? PROMPTLY_MS.GET : PROMPTLY_MS.POST)
    if (hangs !== undefined) expect(counts.get(hangs.replace(/ \d+$/, ''))).toBeGreaterThan(0)
  })
})

describe('a process stays alive', { timeout: 180_000 }, () => {
  it('for a caller that comes to a refresh in the background', async () => {
    let requests = 0
    await using server = await startServer((response) => {
      requests += 1
      const answer = { access_token: `token-${requests}`, token_type: 'Bearer', expires_in: 3600 }
      // Long enough for the caller to come; what is not waited for would be left at once.
      setTimeout(() => sendJson(response, answer), requests === 1 ? 0 : 500)
    })
    const source = `
      const tokens = new TokenManager(options)
      await refreshInFlight(tokens)
      console.log(await tokens.getAccessToken({ minValidityMs: 30 * 60_000 }))`
    const { stdout, stderr, exitCode } = await run(server, source)
    expect({ stderr, exitCode, token: stdout.split('\n')[0] }).toEqual({ stderr: '', exitCode: 0, token: 'token-2' })
    expect(requests).toBe(2)
  })
})
