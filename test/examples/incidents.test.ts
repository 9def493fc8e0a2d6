import { randomBytes } from 'node:crypto'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { clientOf } from '../support/managed.ts'
import { nock } from '../support/nock.ts'
import { anyRedis, hasRedis } from '../support/redis.ts'

/** What reached the API. */
const sent: string[] = []
let rejected: string | undefined
let issued = 0

beforeEach(() => {
  const issuer = 'https://auth.example.com'
  const server = nock(issuer).persist()
  server.get('/.well-known/oauth-authorization-server').reply(200, { issuer, token_endpoint: `${issuer}/token` })
  server.post('/token').reply(() => {
    issued += 1
    return [200, { access_token: `token-${issued}`, token_type: 'Bearer', expires_in: 3600 }]
  })
  const api = nock('https://api.example.com').persist()
  api.get('/orders').reply((request: Request) => {
    const token = request.headers.get('authorization')?.slice('Bearer '.length)
    sent.push(String(token))
    return token === rejected ? [401, {}] : [200, [4711]]
  })
  vi.stubEnv('CLIENT_SECRET', 's3cret')
  vi.stubEnv('no_proxy', '*')
  vi.resetModules()
})
afterEach(() => {
  vi.unstubAllEnvs()
  nock.cleanAll()
  sent.length = 0
  issued = 0
  rejected = undefined
})

describe('the switches of incidents.ts', () => {
  it('turn the second sending off and on again', async () => {
    const { api, setReplay } = await import('../../examples/incidents.ts')
    await api.get('/orders')
    rejected = 'token-1'
    setReplay('none')
    await expect(api.get('/orders')).rejects.toMatchObject({ response: { status: 401 } })
    expect(sent).toEqual(['token-1', 'token-1'])
    setReplay('all')
    await api.get('/orders') // the token was replaced all the same
    expect(sent.slice(2)).toEqual(['token-2'])
  })

  it('leave it on where it was turned off and on before a token is rejected', async () => {
    const { api, setReplay } = await import('../../examples/incidents.ts')
    await api.get('/orders')
    setReplay('none')
    setReplay('all')
    rejected = 'token-1'
    await api.get('/orders')
    expect(sent).toEqual(['token-1', 'token-1', 'token-2'])
  })

  it('turn early refreshes off and on again, for one token request each', async () => {
    const { api, setEarlyRefresh, status } = await import('../../examples/incidents.ts')
    // Without a port: the answer is what is looked at.
    const dueIn = () => {
      const end = vi.fn()
      status.emit('request', {}, { setHeader: () => ({ end }) })
      const [[body]] = end.mock.calls as [[string]]
      return Number(/due in (\d+) s/.exec(JSON.parse(body)[0].explanation)?.[1])
    }
    await api.get('/orders')
    expect(dueIn()).toBeLessThanOrEqual(2400)
    setEarlyRefresh(false)
    await api.get('/orders')
    expect(dueIn()).toBeGreaterThan(3400)
    setEarlyRefresh(true)
    await api.get('/orders')
    expect(dueIn()).toBeLessThanOrEqual(2400)
    expect(sent).toEqual(['token-1', 'token-2', 'token-3'])
  })
})

describe('what docs/incidents.md says of a store', () => {
  it.runIf(hasRedis)('is right: closing its client turns it off, connecting it turns it on', async () => {
    await using running = await anyRedis()
    const redis = createClient({ url: running.url })
    redis.on('error', () => {})
    await redis.connect()
    const server = new AuthorizationServer(systemClock)
    const store = new RedisTokenStore(redis, { encryptionKeys: randomBytes(32).toString('base64') })
    const newProcess = () => new TokenManager({ ...clientOf(server), store })

    const first = newProcess()
    await first.getToken()
    await first.close() // which waits until the token is in the store
    await redis.close()
    expect((await newProcess().getToken()).reveal()).toBe('token-2')
    await redis.connect()
    expect((await newProcess().getToken()).reveal()).toBe('token-1')
    await redis.close()
  })
})
