import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, it, vi } from 'vitest'
import { nock } from '../support/nock.ts'

it('telemetry.ts shows Prometheus what its token manager does', async () => {
  vi.stubEnv('CLIENT_SECRET', 'correct horse')
  vi.stubEnv('METRICS_PORT', '0')
  vi.stubEnv('no_proxy', '*')
  const issuer = 'https://auth.example.com'
  nock(issuer)
    .get('/.well-known/oauth-authorization-server')
    .reply(200, { issuer, token_endpoint: `${issuer}/token` })
    .post('/token')
    .reply(200, { access_token: 'of-the-example', token_type: 'Bearer', expires_in: 3600 })
  const { metricsServer, stop } = await import('../../examples/telemetry.ts')
  if (!metricsServer.listening) await once(metricsServer, 'listening')
  const { port } = metricsServer.address() as AddressInfo
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  expect(text).toContain('evertoken_cache_lookups_total{evertoken_client_name="default",evertoken_cache_level="none"')
  stop()
  metricsServer.closeAllConnections()
  metricsServer.close()
  await once(metricsServer, 'close')
  vi.unstubAllEnvs()
})
