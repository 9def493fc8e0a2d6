import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { nock } from '../support/nock.ts'
import { TestAuthority } from '../support/tls.ts'

const files = mkdtempSync(join(tmpdir(), 'evertoken-examples-'))
const out = { log: vi.spyOn(console, 'log'), error: vi.spyOn(console, 'error') }

/** What reached the authorization server and the APIs, in order. */
const traffic: string[] = []
let deniesTokens = false
let issued = 0

const CLAIMS = { sub: 'orders-pod', aud: 'https://auth.example.com' }
const WORKLOAD = ['{}', JSON.stringify(CLAIMS), 'signature']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.')

async function answer(request: Request): Promise<[number, object]> {
  const { origin, pathname } = new URL(request.url)
  const authorization = request.headers.get('authorization')
  if (origin !== 'https://auth.example.com') {
    traffic.push(`${request.method} ${origin}${pathname} ${authorization ?? 'without a token'}`)
    return [200, { orders: [4711] }]
  }
  const [, tenant] = /^\/\.well-known\/oauth-authorization-server(.*)$/.exec(pathname) ?? []
  if (tenant !== undefined) {
    const issuer = `${origin}${tenant}`
    return [200, { issuer, token_endpoint: `${issuer}/token`, revocation_endpoint: `${issuer}/revoke` }]
  }
  const form = new URLSearchParams(await request.text())
  const credentials = credentialsOf(authorization, form.get('client_assertion'))
  const asked = ['scope', 'audience', 'token', 'subject_token', 'assertion']
    .map((name) => form.get(name))
    .filter((value) => value !== null)
    .map((value) => (value.startsWith('eyJ') ? subjectAndScope(value) : value))
  traffic.push([`${pathname} by ${credentials}`, ...asked].join(' for '))
  if (deniesTokens) return [401, { error: 'invalid_client' }]
  issued += 1
  const type = request.headers.has('dpop') ? 'DPoP' : 'Bearer'
  return [200, { access_token: `token-${issued}`, token_type: type, expires_in: 3600 }]
}

function credentialsOf(authorization: string | null, assertion: string | null): string {
  if (assertion === null) return Buffer.from((authorization ?? '').slice('Basic '.length), 'base64').toString()
  const { sub, aud } = decodeJwt(assertion)
  return `an assertion of ${sub} to ${aud}`
}

function subjectAndScope(assertion: string): string {
  const { sub, scope } = decodeJwt(assertion)
  return `${sub} for ${scope}`
}

beforeAll(() => {
  const authority = new TestAuthority()
  const { cert, key } = authority.issue()
  const contents = {
    'ca.pem': authority.cert,
    'client.pem': cert,
    'client.key': key,
    'client-secret': 's3cret\n',
    'workload-token': WORKLOAD,
  }
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(files, name), content)
})
afterAll(() => rmSync(files, { recursive: true }))

beforeEach(() => {
  for (const name of ['auth', 'api', 'billing']) {
    const server = nock(`https://${name}.example.com`).persist()
    server.get(/.*/).reply(answer)
    server.post(/.*/).reply(answer)
  }
  for (const spy of Object.values(out)) spy.mockReset().mockImplementation(() => {})
  const secrets = { CLIENT_SECRET: 's3cret', ORDERS_SECRET: 'orders-secret', BILLING_SECRET: 'billing-secret' }
  const places = {
    CERTIFICATES: files,
    CLIENT_SECRET_FILE: join(files, 'client-secret'),
    WORKLOAD_TOKEN_FILE: join(files, 'workload-token'),
  }
  const environment = { ...secrets, ...places, LOG_LEVEL: 'silent', no_proxy: '*' }
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
})
afterEach(() => {
  vi.unstubAllEnvs()
  nock.cleanAll()
  traffic.length = 0
  issued = 0
  deniesTokens = false
})

const byService = '/token by orders-service:s3cret'
const orders = 'https://api.example.com/orders'
const stream = 'https://api.example.com/stream'

const EXAMPLES: readonly [name: string, run: () => Promise<unknown>, traffic: readonly string[]][] = [
  [
    'quick-start',
    () => import('../../examples/quick-start.ts'),
    [`${byService} for orders.read`, `GET ${orders} Bearer token-1`],
  ],
  [
    'fetch',
    () => import('../../examples/fetch.ts'),
    [byService, `GET ${orders} Bearer token-1`, `${byService} for orders.write`, `POST ${orders} Bearer token-2`],
  ],
  [
    'several-clients',
    () => import('../../examples/several-clients.ts'),
    [
      '/token by orders:orders-secret for orders.read',
      `GET ${orders} Bearer token-1`,
      '/token by orders:orders-secret for orders.write',
      `POST ${orders} Bearer token-2`,
      '/token by billing:billing-secret for https://billing.example.com',
      'GET https://billing.example.com/invoices Bearer token-3',
      'GET https://billing.example.com/health without a token',
    ],
  ],
  [
    'handles',
    () => import('../../examples/handles.ts'),
    [
      `${byService} for orders.write`,
      `GET ${orders} Bearer token-1`,
      `GET ${orders} Bearer token-1`,
      `GET ${orders} Bearer token-1`,
    ],
  ],
  [
    'tenants',
    () => import('../../examples/tenants.ts'),
    ['/acme/token by orders-service:the-secret-of-acme', `GET ${orders} Bearer token-1`],
  ],
  [
    'startup-and-shutdown',
    () => import('../../examples/startup-and-shutdown.ts'),
    [byService, `GET ${orders} Bearer token-1`, '/revoke by orders-service:s3cret for token-1'],
  ],
  [
    'serverless',
    async () => (await import('../../examples/serverless.ts')).handler(),
    [
      byService,
      `GET ${stream} Bearer token-1`,
      byService,
      `GET ${stream} Bearer token-2`,
      `GET ${orders} Bearer token-2`,
    ],
  ],
  ['secret-rotation', () => import('../../examples/secret-rotation.ts'), [byService]],
  [
    'client-authentication',
    () => import('../../examples/client-authentication.ts'),
    Array(2).fill('/token by an assertion of orders-service to https://auth.example.com'),
  ],
  [
    'own-client-authentication',
    () => import('../../examples/own-client-authentication.ts'),
    ['/token by an assertion of spiffe://example.com/orders to https://auth.example.com'],
  ],
  [
    'workload-identity',
    () => import('../../examples/workload-identity.ts'),
    ['/token by an assertion of orders-pod to https://auth.example.com'],
  ],
  [
    'providers',
    () => import('../../examples/providers.ts'),
    ['/oauth/token by orders-service:s3cret for https://api.example.com', `GET ${orders} Bearer token-1`],
  ],
  [
    'token-exchange',
    () => import('../../examples/token-exchange.ts'),
    [
      `${byService} for https://billing.example.com for the-token-of-alice`,
      'GET https://billing.example.com/invoices Bearer token-1',
      'GET https://billing.example.com/invoices/4711 Bearer token-1',
    ],
  ],
  [
    'jwt-bearer',
    () => import('../../examples/jwt-bearer.ts'),
    [
      '/token by  for alice@example.com for reports.read',
      `${byService} for https://graph.example.com/.default for the-token-of-alice`,
    ],
  ],
  ['network', () => import('../../examples/network.ts'), [byService]],
  ['mutual-tls', () => import('../../examples/mutual-tls.ts'), ['/token by ', `GET ${orders} Bearer token-1`]],
  ['dpop', () => import('../../examples/dpop.ts'), [byService, `GET ${orders} DPoP token-1`]],
  [
    'events',
    async () => {
      await import('../../examples/events.ts')
      const inWords = /^The cached token is used; a refresh is due in 2\d\d\d s, it is used for 3590 s more\.$/
      expect(out.log.mock.calls).toEqual([[expect.stringMatching(inWords)], [[['default, because: no token', 1]]]])
    },
    [byService],
  ],
  [
    'testing',
    async () => {
      await import('../../examples/testing.ts')
      expect(out.log.mock.calls).toEqual([['refresh due']])
    },
    [],
  ],
  ['logging', () => import('../../examples/logging.ts'), [byService]],
]

// Ten seconds of real time.
const NOT_RUN_HERE = 'rotation-demo'

describe('the examples of the README', () => {
  it.each(EXAMPLES)('%s.ts sends what is written beside it', async (_, run, expected) => {
    await run()
    expect(traffic).toEqual(expected)
    expect(out.error.mock.calls).toEqual([])
  })

  it('errors.ts tells a denied token from other errors', async () => {
    deniesTokens = true
    await import('../../examples/errors.ts')
    expect(out.error.mock.calls).toEqual([['request_denied', 401, 'invalid_client', undefined]])
    expect(traffic).toEqual([byService])
  })

  it('all have a test', () => {
    const names = readdirSync(fileURLToPath(new URL('../../examples/', import.meta.url))).filter((name) =>
      name.endsWith('.ts'),
    )
    const tested = new Set(['errors', NOT_RUN_HERE, ...EXAMPLES.map(([name]) => name)])
    const here = new URL('./', import.meta.url)
    const texts = readdirSync(here)
      .filter((name) => name.endsWith('.test.ts') && !import.meta.url.endsWith(name))
      .map((name) => readFileSync(new URL(name, here), 'utf8'))
    const hasItsOwn = (name: string) => texts.some((text) => text.includes(`examples/${name}.ts`))
    expect(
      names.map((name) => name.replace(/\.ts$/, '')).filter((name) => !tested.has(name) && !hasItsOwn(name)),
    ).toEqual([])
  })
})
