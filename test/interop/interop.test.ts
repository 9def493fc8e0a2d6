import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axios from 'axios'
import { SignJWT } from 'jose'
import { OAuth2Server } from 'oauth2-mock-server'
import * as undici from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attachTokenManager } from '../../src/http/axios.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { tokenInterceptor } from '../../src/http/undici.ts'
import {
  type ClientAuthentication,
  type ClientCertificate,
  type ClientOptions,
  clientCertificate,
  clientSecretJwt,
  privateKeyJwt,
  type SigningAlgorithm,
  selfSignedTlsClientAuth,
  TokenManager,
  tlsClientAuth,
  workloadIdentity,
} from '../../src/index.ts'
import { TestAuthority, type TestCertificate } from '../support/tls.ts'
import { type InteropServerOptions, startInteropServer } from './authorization-server.ts'
import { type ProtectedApi, startProtectedApi } from './protected-api.ts'

const SECRET = 'the secret of a client: 32 bytes, at least'
const RESOURCE = 'urn:example:orders'
const authority = new TestAuthority()
const files = mkdtempSync(join(tmpdir(), 'evertoken-interop-'))
const es256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed25519 = generateKeyPairSync('ed25519')
const es384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const es512 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
type KeyPair = typeof es256
const issued = authority.issue({ names: ['orders-service'] })
// A certificate that no authority knows.
const selfSigned = new TestAuthority('nobody').issue({ names: ['orders-service'] })

/** One way to authenticate, or to bind tokens. */
interface Method {
  readonly name: string
  readonly registration?: Readonly<Record<string, unknown>>
  readonly options: Partial<ClientOptions>
  /** Options that name the issuer. */
  readonly optionsAt?: (issuer: string) => Partial<ClientOptions>
  /** Shown to the API too. */
  readonly certificate?: ClientCertificate
}

const bySecret = (method: 'client_secret_basic' | 'client_secret_post'): Method => ({
  name: method,
  registration: { token_endpoint_auth_method: method, client_secret: SECRET },
  options: { clientSecret: SECRET, clientAuthentication: method },
})

const byKey = (algorithm: SigningAlgorithm, keys: KeyPair, more: Partial<Method> = {}): Method => ({
  name: `private_key_jwt ${algorithm}`,
  ...more,
  registration: {
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: algorithm,
    jwks: { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: algorithm }] },
    ...more.registration,
  },
  options: {
    clientAuthentication: privateKeyJwt({ key: keys.privateKey, algorithm, keyId: algorithm }),
    ...more.options,
  },
})

const byCertificate = (
  name: string,
  pair: TestCertificate,
  method: ClientAuthentication,
  registration: object,
): Method => {
  const certificate = clientCertificate(pair)
  const bound = { tls_client_certificate_bound_access_tokens: true, token_endpoint_auth_method: method.method }
  return {
    name,
    registration: { ...bound, ...registration },
    options: { clientAuthentication: method, certificate },
    certificate,
  }
}

const x5c = [new X509Certificate(selfSigned.cert).raw.toString('base64')]
const selfSignedKey = { ...createPublicKey(selfSigned.cert).export({ format: 'jwk' }), x5c }
const boundBesideKey = clientCertificate(issued)

const METHODS: readonly Method[] = [
  bySecret('client_secret_basic'),
  bySecret('client_secret_post'),
  {
    name: 'client_secret_jwt',
    registration: { token_endpoint_auth_method: 'client_secret_jwt', client_secret: SECRET },
    options: { clientAuthentication: clientSecretJwt(SECRET) },
  },
  byKey('ES256', es256),
  byKey('PS256', rsa),
  byKey('RS256', rsa),
  byKey('EdDSA', ed25519),
  byKey('ES384', es384),
  byKey('ES512', es512),
  byKey('ES256', es256, {
    name: 'private_key_jwt ES256, signed elsewhere',
    options: {
      clientAuthentication: privateKeyJwt({
        sign: async (input) => sign('sha256', input, es256.privateKey),
        algorithm: 'ES256',
        keyId: 'ES256',
      }),
    },
  }),
  byKey('ES256', es256, {
    name: 'private_key_jwt ES256, by the platform',
    optionsAt: (issuer) => ({
      clientAuthentication: workloadIdentity({
        assertion: async () =>
          await new SignJWT({ jti: crypto.randomUUID() })
            .setProtectedHeader({ alg: 'ES256', kid: 'ES256' })
            .setIssuer('private_key_jwt-ES256-by-the-platform')
            .setSubject('private_key_jwt-ES256-by-the-platform')
            .setAudience(issuer)
            .setIssuedAt()
            .setExpirationTime('1 minute')
            .sign(es256.privateKey),
      }),
    }),
  }),
  byCertificate('tls_client_auth, bound token', issued, tlsClientAuth(), {
    tls_client_auth_subject_dn: 'CN=orders-service',
  }),
  byCertificate('self_signed_tls_client_auth, bound token', selfSigned, selfSignedTlsClientAuth(), {
    jwks: { keys: [selfSignedKey] },
  }),
  byKey('ES256', es256, {
    name: 'private_key_jwt ES256, bound token',
    registration: { tls_client_certificate_bound_access_tokens: true },
    options: { certificate: boundBesideKey },
    certificate: boundBesideKey,
  }),
]

/** A server, an API that trusts it, and how tokens are taken back there. */
interface Place extends AsyncDisposable {
  readonly server: string
  readonly issuer: string
  readonly tokenRequests: () => number
  readonly rejectAll: () => void
  /** How many tokens are valid, where the server can tell. */
  readonly valid?: () => number
  readonly api: ProtectedApi
}

const idOf = ({ name }: Method) => name.replaceAll(/[^\w]+/g, '-')

async function oidcProvider(methods: readonly Method[], more: Partial<InteropServerOptions> = {}): Promise<Place> {
  const clients = methods.map((method) => ({ client_id: idOf(method), ...method.registration }))
  const api = { client_id: 'api', client_secret: SECRET }
  const server = await startInteropServer(authority, { ...more, clients: [...clients, api] })
  const introspectAs =
    more.jwtResource === undefined ? { username: 'api', password: encodeURIComponent(SECRET) } : undefined
  const protectedApi = await startProtectedApi(authority, {
    issuer: server.issuer,
    introspectAs,
    nonceLasts: more.demandsNonce ? 2 : undefined,
  })
  return {
    server: 'oidc-provider',
    issuer: server.issuer,
    tokenRequests: () => server.tokenRequests,
    rejectAll: () => (more.jwtResource === undefined ? server.revokeAll() : protectedApi.rejectAll()),
    ...(more.jwtResource === undefined && { valid: () => server.tokens }),
    api: protectedApi,
    async [Symbol.asyncDispose]() {
      await protectedApi[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function mockServer(): Promise<Place> {
  const { cert, key } = authority.issue()
  for (const [name, content] of Object.entries({ cert, key })) writeFileSync(join(files, name), content)
  const server = new OAuth2Server(join(files, 'key'), join(files, 'cert'))
  await server.issuer.keys.generate('ES256')
  await server.start(0, 'localhost')
  let tokenRequests = 0
  server.service.on('beforeResponse', () => {
    tokenRequests += 1
  })
  const issuer = String(server.issuer.url)
  const api = await startProtectedApi(authority, { issuer })
  return {
    server: 'oauth2-mock-server',
    issuer,
    tokenRequests: () => tokenRequests,
    rejectAll: () => api.rejectAll(),
    api,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

/** What the test run prints at its end. */
const matrix: string[][] = []

type Request = (method: 'GET' | 'POST' | 'PUT', path: string, body?: string) => Promise<unknown>

/** The HTTP clients by which an API is called. */
const CLIENTS = {
  axios: (baseURL: string, tokens: TokenManager, certificate?: ClientCertificate): Request => {
    const tls = { ca: authority.cert, keepAlive: true }
    const client = axios.create({ baseURL, httpsAgent: certificate?.httpsAgent(tls) ?? new Agent(tls) })
    attachTokenManager(client, tokens)
    return (method, url, data) => client.request({ method, url, data })
  },
  fetch: (origin: string, tokens: TokenManager): Request => {
    const dispatcher = new undici.Agent({ connect: { ca: authority.cert } })
    const fetch = (url: string, init: object) => undici.fetch(url, { ...init, dispatcher })
    const tokenFetch = createTokenFetch(tokens, { origins: [origin], fetch: fetch as never })
    return async (method, path, body) =>
      await (await tokenFetch(`${origin}${path}`, { method, body: body ?? null })).text()
  },
  undici: (origin: string, tokens: TokenManager): Request => {
    const interceptor = tokenInterceptor(tokens, { origins: [origin] })
    const dispatcher = new undici.Agent({ connect: { ca: authority.cert } }).compose(interceptor)
    return async (method, path, body) =>
      await (await dispatcher.request({ origin, path, method, body: body ?? null })).body.text()
  },
}

/** Takes one client through the life of its tokens; every step is checked at the server and at the API. */
async function live(place: Place, method: Method, by: keyof typeof CLIENTS = 'axios'): Promise<void> {
  const { api, issuer } = place
  const options = {
    ...{ clientId: idOf(method), issuer, ca: authority.cert, scope: 'orders.read' },
    ...method.options,
    ...method.optionsAt?.(issuer),
  }
  await using tokens = new TokenManager(options)
  const request = CLIENTS[by](api.origin, tokens, method.certificate)
  const row = [place.server, method.name, by]
  matrix.push(row)
  const before = { tokenRequests: place.tokenRequests(), answers: api.answers.length }
  const step = async (
    name: string,
    tokenRequests: number,
    statuses: readonly number[],
    run: () => Promise<unknown>,
  ) => {
    row.push('failed')
    await run()
    expect(place.tokenRequests() - before.tokenRequests, `${name}: token requests`).toBe(tokenRequests)
    expect(api.answers.slice(before.answers), `${name}: answers of the API`).toEqual(statuses)
    row.splice(-1, 1, 'ok')
  }
  const { atServer = 0, atApi = [] } = method.options.dpop ? { atServer: 1, atApi: [401] } : {}
  const first = 1 + atServer
  await step('token', first, [...atApi, 200], () => request('POST', '/orders', '{}'))
  await step('reused', first, [...atApi, 200, 200], () => request('GET', '/orders?page=2'))
  await tokens.getToken({ forceRefresh: true })
  await step('refreshed', first + 1, [...atApi, 200, 200, 200], () => request('GET', '/orders'))
  place.rejectAll()
  const replayed = [...atApi, 200, 200, 200, 401, 200]
  await step('rejected and replayed', first + 2, replayed, () => request('PUT', '/orders/1', 'body'))
  const { valid } = place
  if (valid === undefined) row.push('-')
  else {
    await step('revoked', first + 2, replayed, () => tokens.close({ revoke: true }))
    expect(valid()).toBe(0)
  }
}

afterAll(() => {
  rmSync(files, { recursive: true })
  const rows = [
    ['server', 'method', 'client', 'token', 'cached', 'refreshed', 'rejected and replayed', 'revoked'],
    ...matrix,
  ]
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  console.log(rows.map(line).join('\n'))
})

describe('with oidc-provider over https', () => {
  let place: Place
  beforeAll(async () => {
    place = await oidcProvider(METHODS)
  })
  afterAll(async () => await place[Symbol.asyncDispose]())

  it.each(METHODS)('a token lives through all of it: $name', async (method) => await live(place, method))
})

describe('what is checked there', () => {
  it.each([
    ['without a certificate', new Agent({ ca: authority.cert })],
    ['with another certificate', new Agent({ ca: authority.cert, ...authority.issue({ names: ['orders-service'] }) })],
  ])('refuses a token that is bound to a certificate when it is sent %s', async (_, httpsAgent) => {
    const method = METHODS.find(({ name }) => name.startsWith('tls_client_auth')) as Method
    await using place = await oidcProvider([method])
    const options = { clientId: idOf(method), issuer: place.issuer, ca: authority.cert, ...method.options }
    await using tokens = new TokenManager(options)
    const client = axios.create({ baseURL: place.api.origin, httpsAgent, validateStatus: null })
    attachTokenManager(client, tokens)
    expect((await client.get('/orders')).status).toBe(401)
  })

  it.each([
    [
      'another key',
      privateKeyJwt({ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, keyId: 'ES256' }),
    ],
    ['another audience', privateKeyJwt({ key: es256.privateKey, keyId: 'ES256', audience: 'https://other.example' })],
  ])('makes the server refuse an assertion by %s', async (_, clientAuthentication) => {
    const method = byKey('ES256', es256)
    await using place = await oidcProvider([method])
    const options = { clientId: idOf(method), issuer: place.issuer, ca: authority.cert, clientAuthentication }
    await using tokens = new TokenManager(options)
    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'request_denied', error: 'invalid_client' })
    expect(place.tokenRequests()).toBe(1)
  })
})

describe('with oidc-provider and an API that both demand nonces', () => {
  const bound = { dpop_bound_access_tokens: true }
  const methods: readonly Method[] = [
    { ...bySecret('client_secret_basic'), name: 'client_secret_basic, DPoP ES256' },
    { ...byKey('ES256', es256), name: 'private_key_jwt ES256, DPoP ES256' },
    { ...byKey('PS256', rsa), name: 'private_key_jwt PS256, DPoP EdDSA' },
  ].map((method) => ({
    ...method,
    registration: { ...method.registration, ...bound },
    options: { ...method.options, dpop: method.name.endsWith('EdDSA') ? { algorithm: 'EdDSA' } : true },
  }))

  const rows = methods.flatMap((method) =>
    (Object.keys(CLIENTS) as (keyof typeof CLIENTS)[]).map((by) => ({ method, by, name: method.name })),
  )

  it.each(rows)('a token lives through all of it: $name by $by', async ({ method, by }) => {
    await using place = await oidcProvider(methods, { demandsNonce: true })
    await live(place, method, by)
  })

  it('a token is of no use without its proof', async () => {
    await using place = await oidcProvider(methods, { demandsNonce: true })
    const [method] = methods as [Method]
    const options = { clientId: idOf(method), issuer: place.issuer, ca: authority.cert, ...method.options }
    await using tokens = new TokenManager(options)
    const token = await tokens.getAccessToken()
    const client = axios.create({ httpsAgent: new Agent({ ca: authority.cert }), validateStatus: null })
    for (const scheme of ['Bearer', 'DPoP']) {
      const { status } = await client.get(place.api.origin, { headers: { authorization: `${scheme} ${token}` } })
      expect(status).toBe(401)
    }
  })
})

describe('with oidc-provider and JWT access tokens for a resource', () => {
  const methods = [{ ...bySecret('client_secret_basic'), name: 'client_secret_basic, resource indicator' }].map(
    (method) => ({ ...method, options: { ...method.options, resource: RESOURCE } }),
  )

  it.each(methods)('a token lives through all of it: $name', async (method) => {
    await using place = await oidcProvider(methods, { jwtResource: RESOURCE })
    await live(place, method)
  })
})

describe('with oauth2-mock-server', () => {
  let place: Place
  beforeAll(async () => {
    place = await mockServer()
  })
  afterAll(async () => await place[Symbol.asyncDispose]())

  it.each(METHODS.slice(0, 4))('a token lives through all of it: $name', async (method) => await live(place, method))
})
