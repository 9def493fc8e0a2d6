import { randomBytes } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { nock } from '../support/nock.ts'
import { anyRedis, hasRedis } from '../support/redis.ts'

it.runIf(hasRedis)('fleet.ts shares its token by Redis, with whoever runs it next', async () => {
  await using redis = await anyRedis()
  vi.stubEnv('REDIS_URL', redis.url)
  vi.stubEnv('TOKEN_STORE_KEY', randomBytes(32).toString('base64'))
  vi.stubEnv('CLIENT_SECRET', 'correct horse')
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const issuer = 'https://auth.example.com'
  nock(issuer)
    .get('/.well-known/oauth-authorization-server')
    .reply(200, { issuer, token_endpoint: `${issuer}/token` })
    .post('/token')
    .once()
    .reply(200, { access_token: 'of-the-fleet', token_type: 'Bearer', expires_in: 3600 })
  await import('../../examples/fleet.ts')
  vi.resetModules()
  await import('../../examples/fleet.ts')
  expect(nock.isDone()).toBe(true)
  expect(log.mock.calls).toEqual([['3e8c7bf2'], ['3e8c7bf2']])
  vi.unstubAllEnvs()
  log.mockRestore()
})
