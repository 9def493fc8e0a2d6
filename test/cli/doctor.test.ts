import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createPlainServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { describeReport, diagnose, type Report } from '../../src/cli/doctor-command.ts'
import {
  startAuthorizationServer,
  TestAuthority,
  type TestAuthorizationServer,
  type TestAuthorizationServerOptions,
} from '../../src/testing/index.ts'

const SECRET = 'a-marker-secret-0123456789'
const cleanUps: (() => Promise<unknown>)[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertoken-doctor-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

async function started(options: TestAuthorizationServerOptions = {}): Promise<TestAuthorizationServer> {
  const server = await startAuthorizationServer({ clients: { orders: SECRET }, ...options })
  cleanUps.push(() => server.close())
  return server
}

/** A server that answers whatever it is asked like this, and its origin. */
async function answering(status: number, body: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const server: Server = createServer((_, response) => response.writeHead(status, headers).end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(async () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function examined(
  variables: Readonly<Record<string, string>>,
  flags: Parameters<typeof diagnose>[0] = {},
  methods: readonly string[] = [],
): Promise<Report> {
  const environment = {
    XDG_CONFIG_HOME: folder,
    EVERTOKEN_CLIENT_ID: 'orders',
    EVERTOKEN_CLIENT_SECRET: SECRET,
    EVERTOKEN_ALLOW_INSECURE_LOOPBACK: '1',
    ...variables,
  }
  return await diagnose(flags, methods, environment)
}

const firstLine = (report: Report) => describeReport(report).split('\n')[0]

async function trusting(authority: TestAuthority): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.pem`)
  await writeFile(path, authority.cert)
  return path
}

const DAY_MS = 86_400_000
const json = { 'content-type': 'application/json' }

describe('evertoken doctor', () => {
  it('says that a set-up works, and what should be set', async () => {
    const server = await started({ lifetimeMs: 600_000 })
    const report = await examined({ EVERTOKEN_ISSUER: server.issuer, EVERTOKEN_SCOPE: 'orders.read' })
    expect(report).toMatchObject({ works: true, summary: 'It works: a token was issued.' })
    expect(report.settings).toEqual({
      tokenEndpoint: server.tokenEndpoint,
      clientAuthentication: 'client_secret_basic',
      scope: 'orders.read',
    })
    expect(server.counts).toMatchObject({ issued: 1, refused: 0 })
  })

  it('says that a set-up over TLS works', async () => {
    const authority = new TestAuthority()
    const server = await started({ tls: authority })
    const report = await examined({ EVERTOKEN_ISSUER: server.issuer, EVERTOKEN_CA_FILE: await trusting(authority) })
    expect(report.summary).toBe('It works: a token was issued.')
    expect(report.findings).toContainEqual(expect.objectContaining({ about: 'TLS' }))
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'shows its certificate to a server that speaks to nobody without one: %s',
    async (maxVersion) => {
      const authority = new TestAuthority()
      const { cert, key } = authority.issue()
      const demands = { cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: true, maxVersion }
      const server = createTlsServer(demands, ({ url }, response) => {
        const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
        const metadata = { issuer, token_endpoint: `${issuer}/token` }
        const token = { access_token: 'a-token', token_type: 'Bearer', expires_in: 300 }
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(url === '/token' ? token : metadata))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      cleanUps.push(async () => server.close())
      await writeFile(join(folder, 'client.pem'), cert)
      await writeFile(join(folder, 'client.key'), key)
      const report = await examined({
        EVERTOKEN_ISSUER: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        EVERTOKEN_CA_FILE: await trusting(authority),
        EVERTOKEN_CERTIFICATE_FILE: join(folder, 'client.pem'),
        EVERTOKEN_CERTIFICATE_KEY_FILE: join(folder, 'client.key'),
        EVERTOKEN_CLIENT_AUTHENTICATION: 'tls_client_auth',
      })
      expect(report.summary).toBe('It works: a token was issued.')
    },
  )

  it.each([
    ['10 hours', 10.5 / 24],
    ['3 days', 3.5],
  ])('notes that the certificate is about to expire: in %s', async (left, days) => {
    const authority = new TestAuthority()
    const server = await started({ tls: authority.issue({ notAfter: new Date(Date.now() + days * DAY_MS) }) })
    const report = await examined({ EVERTOKEN_ISSUER: server.issuer, EVERTOKEN_CA_FILE: await trusting(authority) })
    const text = `The certificate is trusted, and valid for ${left}.`
    expect(report.findings).toContainEqual(expect.objectContaining({ mark: 'note', about: 'TLS', text }))
  })

  it('tries the methods it is told to, by one token request each', async () => {
    const server = await started()
    const methods = ['client_secret_basic', 'client_secret_post']
    const report = await examined({ EVERTOKEN_ISSUER: server.issuer }, {}, methods)
    const tried = report.findings.filter(({ about }) => about.startsWith('Token request by'))
    expect(tried.map(({ mark, about }) => [mark, about])).toEqual(
      methods.map((method) => ['ok', `Token request by ${method}`]),
    )
    expect(server.counts.issued).toBe(2)
  })

  it('never shows the secret or the token', async () => {
    const server = await started({ tokenResponse: { access_token: 'a-marker-token' } })
    const report = await examined({ EVERTOKEN_ISSUER: server.issuer })
    expect(report.works).toBe(true)
    const shown = JSON.stringify(report) + describeReport(report)
    expect(shown).not.toContain(SECRET)
    expect(shown).not.toContain('a-marker-token')
  })
})

it('tries each method with what it needs, and goes on after one that there is not', async () => {
  const server = await started()
  const report = await examined({ EVERTOKEN_ISSUER: server.issuer }, {}, [
    'magic',
    'private_key_jwt',
    'client_secret_post',
  ])
  const tried = report.findings.filter(({ about }) => about.startsWith('Token request by'))
  expect(tried.map(({ mark, text }) => [mark, text])).toEqual([
    ['wrong', 'magic is no method of client authentication.'],
    ['wrong', 'private_key_jwt needs a key.'],
    ['ok', expect.stringContaining('A Bearer token')],
  ])
  expect(server.counts).toMatchObject({ issued: 1, refused: 0 })
})

describe('the first line of the report names the cause', () => {
  const causes: [title: string, run: () => Promise<Report>, cause: RegExp][] = [
    [
      'no client id',
      () => examined({ EVERTOKEN_ISSUER: 'https://as.example', EVERTOKEN_CLIENT_ID: '' }),
      /--client-id must be/,
    ],
    [
      'no secret',
      () => examined({ EVERTOKEN_ISSUER: 'https://as.example', EVERTOKEN_CLIENT_SECRET: '' }),
      /secret is missing/,
    ],
    ['plain http', () => examined({ EVERTOKEN_ISSUER: 'http://as.example' }), /must be an https URL/],
    [
      'a host that is in no network of this machine',
      () => examined({ EVERTOKEN_ISSUER: 'https://as.example' }),
      /There is no way to as\.example:443 \(ENETUNREACH\)/,
    ],
    [
      'the address of the metadata instead of the issuer',
      () => examined({ EVERTOKEN_ISSUER: 'https://as.example/.well-known/openid-configuration' }),
      /not the address of its metadata/,
    ],
    [
      'a port where nothing listens',
      () => examined({ EVERTOKEN_ISSUER: 'https://127.0.0.1:1' }),
      /Nothing listens at 127/,
    ],
    [
      'a proxy that is not there',
      () => {
        for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, 'http://127.0.0.1:1')
        for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, undefined)
        cleanUps.push(async () => vi.unstubAllEnvs())
        return examined({ EVERTOKEN_ISSUER: 'https://as.example' })
      },
      /no answer from the proxy \(ECONNREFUSED\)/,
    ],
    [
      'a server that does not speak TLS',
      async () => examined({ EVERTOKEN_ISSUER: (await answering(200, '', {})).replace('http:', 'https:') }),
      /does not speak TLS/,
    ],
    [
      'a private authority',
      async () => examined({ EVERTOKEN_ISSUER: (await started({ tls: true })).issuer }),
      /authority that isn't trusted/,
    ],
    [
      'a certificate that has expired',
      async () => {
        const authority = new TestAuthority()
        const past = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) }
        const { issuer } = await started({ tls: authority.issue(past) })
        return await examined({ EVERTOKEN_ISSUER: issuer, EVERTOKEN_CA_FILE: await trusting(authority) })
      },
      /certificate of .* has expired/,
    ],
    [
      'certificates that are not checked',
      async () => {
        const { issuer } = await started({ tls: true })
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
        cleanUps.push(async () => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED)
        return await examined({ EVERTOKEN_ISSUER: issuer })
      },
      /NODE_TLS_REJECT_UNAUTHORIZED=0/,
    ],
    [
      'a client certificate that is not there',
      async () =>
        examined({
          EVERTOKEN_ISSUER: 'https://as.example',
          EVERTOKEN_CERTIFICATE_FILE: join(folder, 'nothing.pem'),
          EVERTOKEN_CERTIFICATE_KEY_FILE: join(folder, 'nothing.key'),
        }),
      /certificateFile .*nothing\.pem cannot be read: ENOENT/,
    ],
    [
      'a certificate for another host',
      async () => {
        const authority = new TestAuthority()
        const { issuer } = await started({ tls: authority.issue({ names: ['other.example'] }) })
        return await examined({ EVERTOKEN_ISSUER: issuer, EVERTOKEN_CA_FILE: await trusting(authority) })
      },
      /certificate of .* is for another host name/,
    ],
    [
      'an issuer without metadata',
      async () => examined({ EVERTOKEN_ISSUER: await answering(404, 'Not found', {}) }),
      /answered with status 404.*--token-endpoint/,
    ],
    [
      'an issuer whose name lacks the slash',
      async () => {
        const server = await started({ metadata: { issuer: 'https://as.example/' } })
        return await examined({ EVERTOKEN_ISSUER: server.issuer })
      },
      /names the issuer/,
    ],
    [
      'a clock that is an hour behind',
      async () => {
        const date = new Date(Date.now() + 3_600_000).toUTCString()
        const token = JSON.stringify({ access_token: 'a-token', token_type: 'Bearer', expires_in: 300 })
        const origin = await answering(200, token, { ...json, date })
        return await examined({ EVERTOKEN_TOKEN_ENDPOINT: `${origin}/token` })
      },
      /clock of this machine is 3\d{3} s behind/,
    ],
    [
      'a wrong secret',
      async () => {
        const { issuer } = await started()
        return await examined({ EVERTOKEN_ISSUER: issuer, EVERTOKEN_CLIENT_SECRET: 'a-wrong-secret' })
      },
      /invalid_client/,
    ],
    [
      'a method that the server does not offer',
      async () => {
        const { issuer } = await started({ metadata: { token_endpoint_auth_methods_supported: ['private_key_jwt'] } })
        return await examined({ EVERTOKEN_ISSUER: issuer, EVERTOKEN_CLIENT_AUTHENTICATION: 'client_secret_post' })
      },
      /does not offer client_secret_post, but private_key_jwt/,
    ],
    [
      'a scope that does not exist',
      async () => {
        const server = await started()
        server.next({ kind: 'oauthError', error: 'invalid_scope' })
        return await examined({ EVERTOKEN_ISSUER: server.issuer, EVERTOKEN_SCOPE: 'orders.raed' })
      },
      /invalid_scope/,
    ],
    [
      'scopes that are not granted',
      async () => {
        const { issuer } = await started({ tokenResponse: { scope: 'orders.read' } })
        return await examined({ EVERTOKEN_ISSUER: issuer, EVERTOKEN_SCOPE: 'orders.read orders.write' })
      },
      /Not granted: orders\.write/,
    ],
    [
      'a grant that the client is not allowed',
      async () => {
        const server = await started()
        server.next({ kind: 'oauthError', error: 'unauthorized_client' })
        return await examined({ EVERTOKEN_ISSUER: server.issuer })
      },
      /unauthorized_client/,
    ],
    [
      'a web page in place of the token endpoint',
      async () => {
        const origin = await answering(200, '<html>Log in</html>', { 'content-type': 'text/html' })
        return await examined({ EVERTOKEN_TOKEN_ENDPOINT: `${origin}/login` })
      },
      /HTML|web page/i,
    ],
    [
      'a token endpoint that redirects',
      async () => {
        const server = await started()
        server.next({ kind: 'redirect', location: 'https://elsewhere.example/token' })
        return await examined({ EVERTOKEN_ISSUER: server.issuer })
      },
      /redirect/,
    ],
  ]

  it.each(causes)('%s', async (_, run, cause) => {
    const report = await run()
    expect(report.works).toBe(false)
    expect(firstLine(report)).toMatch(cause)
  })

  it('even where the connection hangs up', async () => {
    const server = createPlainServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanUps.push(async () => server.close())
    const report = await examined({ EVERTOKEN_ISSUER: `https://127.0.0.1:${(server.address() as AddressInfo).port}` })
    expect(firstLine(report)).toMatch(/closed the connection/)
  })
})
