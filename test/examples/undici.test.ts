import { getGlobalDispatcher, MockAgent, setGlobalDispatcher } from 'undici'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nock } from '../support/nock.ts'

const present = getGlobalDispatcher()
const issuer = 'https://auth.example.com'

beforeEach(() => {
  vi.stubEnv('CLIENT_SECRET', 's3cret')
  vi.stubEnv('no_proxy', '*')
})
afterEach(() => {
  vi.unstubAllEnvs()
  setGlobalDispatcher(present)
})

it('undici.ts sends requests with the token that each asks for', async () => {
  const metadata = { issuer, token_endpoint: `${issuer}/token` }
  nock(issuer).get('/.well-known/oauth-authorization-server').reply(200, metadata)
  const answer = async (request: Request): Promise<[number, object]> => {
    const scope = new URLSearchParams(await request.text()).get('scope')
    return [200, { access_token: `token-for-${scope}`, token_type: 'Bearer', expires_in: 3600 }]
  }
  nock(issuer).post('/token').twice().reply(answer)
  const sent: unknown[] = []
  const mock = new MockAgent()
  mock.disableNetConnect()
  setGlobalDispatcher(mock)
  for (const method of ['GET', 'POST']) {
    const reply = ({ headers }: { headers?: unknown }) => {
      sent.push(`${method} ${(headers as Record<string, string>).Authorization}`)
      return { orders: [4711] }
    }
    mock.get('https://api.example.com').intercept({ path: '/orders', method }).reply(200, reply)
  }
  await import('../../examples/undici.ts')
  expect(sent).toEqual(['GET Bearer token-for-orders.read', 'POST Bearer token-for-orders.write'])
})
