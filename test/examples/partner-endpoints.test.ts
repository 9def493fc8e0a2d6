import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nock } from '../support/nock.ts'

interface Partner {
  readonly example: () => Promise<unknown>
  /** Where tokens come from, and what the credentials must be there. */
  readonly login: { readonly origin: string; readonly path: string; readonly body: unknown }
  /** The answer that gives the nth token. */
  readonly answer: (token: string) => [status: number, body: object, headers?: Record<string, string>]
  /** The API, and what it says to a token that it does not accept. */
  readonly api: { readonly origin: string; readonly path: string; readonly rejects: number }
  readonly headers: (token: string) => Record<string, string>
}

const soon = () => new Date(Date.now() + 3_600_000).toISOString()

const PARTNERS: Readonly<Record<string, Partner>> = {
  'JSON login with an ISO expiry date and a custom header': {
    example: () => import('../../examples/partner-json-login.ts'),
    login: {
      origin: 'https://auth.example.com',
      path: '/login',
      body: { user: 'orders-service', password: 's3cret' },
    },
    answer: (token) => [200, { token, expires: soon() }],
    api: { origin: 'https://api.example.com', path: '/orders', rejects: 401 },
    headers: (token) => ({ 'x-auth-token': token }),
  },
  'token in another field': {
    example: () => import('../../examples/partner-other-field.ts'),
    login: {
      origin: 'https://vault.example.com',
      path: '/v1/auth/approle/login',
      body: { role_id: 'the-role-id', secret_id: 's3cret' },
    },
    answer: (token) => [
      200,
      { request_id: 'r', lease_id: '', auth: { client_token: token, lease_duration: 3600, renewable: true } },
    ],
    api: { origin: 'https://vault.example.com', path: '/v1/secret/data/orders', rejects: 403 },
    headers: (token) => ({ 'x-vault-token': token }),
  },
  'token in a response header': {
    example: () => import('../../examples/partner-response-header.ts'),
    login: {
      origin: 'https://identity.example.com',
      path: '/v3/auth/tokens',
      body: {
        auth: {
          identity: {
            methods: ['application_credential'],
            application_credential: { id: 'the-application-credential-id', secret: 's3cret' },
          },
        },
      },
    },
    answer: (token) => [
      201,
      { token: { methods: ['application_credential'], expires_at: soon() } },
      { 'X-Subject-Token': token },
    ],
    api: { origin: 'https://compute.example.com', path: '/v2.1/servers', rejects: 401 },
    headers: (token) => ({ 'x-auth-token': token }),
  },
  'API key plus bearer': {
    example: () => import('../../examples/partner-api-key.ts'),
    login: { origin: 'https://auth.example.com', path: '/token', body: { grant_type: 'client_credentials' } },
    answer: (token) => [200, { access_token: token, token_type: 'Bearer', expires_in: 3600 }],
    api: { origin: 'https://api.example.com', path: '/orders', rejects: 401 },
    headers: (token) => ({ authorization: `Bearer ${token}`, 'ocp-apim-subscription-key': 'key-1' }),
  },
}

beforeEach(() => {
  for (const [name, value] of Object.entries({ CLIENT_SECRET: 's3cret', SUBSCRIPTION_KEY: 'key-1', no_proxy: '*' })) {
    vi.stubEnv(name, value)
  }
  const issuer = 'https://auth.example.com'
  nock(issuer)
    .get('/.well-known/oauth-authorization-server')
    .optionally()
    .reply(200, {
      issuer,
      token_endpoint: `${issuer}/token`,
    })
})
afterEach(() => {
  vi.unstubAllEnvs()
  nock.cleanAll()
})

it.each(Object.entries(PARTNERS))(
  'gets a token, applies it, and replaces one that is rejected: %s',
  async (_, partner) => {
    const { login, api, answer, headers, example } = partner
    const asked: unknown[] = []
    let issued = 0
    nock(login.origin)
      .post(login.path)
      .times(2)
      .reply(async (request: Request) => {
        const body = await request.text()
        asked.push(body.startsWith('{') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body)))
        issued += 1
        return answer(`token-${issued}`)
      })
    nock(api.origin, { reqheaders: headers('token-1') })
      .get(api.path)
      .reply(api.rejects)
    nock(api.origin, { reqheaders: headers('token-2') })
      .get(api.path)
      .reply(200, {})
    await example()
    expect(asked).toEqual([login.body, login.body])
    expect(nock.pendingMocks().filter((mock) => !mock.includes('.well-known'))).toEqual([])
  },
)

it('runs a request of one’s own', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  nock('https://sidecar.example.com').get('/token?scope=orders.read').reply(503)
  nock('https://sidecar.example.com').get('/token?scope=orders.read').reply(200, { token: 'from-the-sidecar', ttl: 60 })
  await import('../../examples/partner-own-request.ts')
  expect(log).toHaveBeenCalledExactlyOnceWith(expect.any(Number))
  log.mockRestore()
})
