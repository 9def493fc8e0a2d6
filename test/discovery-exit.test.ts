import { describe, expect, it } from 'vitest'
import { sendJson, startServer } from './support/http-server.ts'
import { runNode } from './support/run-node.ts'

// A load of metadata may take 30 seconds here, so that nobody is so slow that it ends by itself.
const SETUP = `
  import { systemClock, TokenManager } from './src/index.ts'
  const { origin } = JSON.parse(process.argv[1])
  let aheadMs = 0
  const now = () => systemClock.now() + aheadMs
  const sleep = (ms, ...rest) => systemClock.sleep(ms === 5000 ? 30_000 : ms, ...rest)
  const tokens = new TokenManager({
    issuer: origin, clientId: 'orders', clientSecret: 'correct horse', proxy: false, allowInsecureLoopback: true,
    clock: { ...systemClock, now, sleep },
  })
  tokens.on('metadataFailed', () => console.log('the load has ended'))
`

describe('a load of metadata', { timeout: 60_000 }, () => {
  it('that nobody waits for any more does not keep the process alive', async () => {
    await using server = await startServer(() => {})
    const source = `
      import { subscribe } from 'node:diagnostics_channel'
      const abort = new AbortController()
      subscribe('http.client.request.start', () => setTimeout(() => abort.abort(), 50))
      await tokens.getToken({ signal: abort.signal }).catch((error) => console.log(error.name))
      await tokens.close()`
    const { stdout, stderr, exitCode } = await runNode(`${SETUP}${source}`, { origin: server.origin })
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'AbortError\n', stderr: '', exitCode: 0 })
  })

  it('that somebody waits for does, also to revoke a token', async () => {
    const requests: string[] = []
    await using server = await startServer((response, { method, url }) => {
      requests.push(`${method} ${url}`)
      const endpoints = { token_endpoint: `${server.origin}/token`, revocation_endpoint: `${server.origin}/revoke` }
      if (method === 'GET') setTimeout(() => sendJson(response, { issuer: server.origin, ...endpoints }), 500)
      else sendJson(response, { access_token: 'token-1', token_type: 'Bearer', expires_in: 7200 })
    })
    const source = `
      await tokens.getToken()
      // What is known is an hour old then.
      aheadMs = 61 * 60_000
      await tokens.close({ revoke: true })`
    const { stdout, stderr, exitCode } = await runNode(`${SETUP}${source}`, { origin: server.origin })
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: '', stderr: '', exitCode: 0 })
    const metadata = 'GET /.well-known/oauth-authorization-server'
    expect(requests).toEqual([metadata, 'POST /token', metadata, 'POST /revoke'])
  })
})
