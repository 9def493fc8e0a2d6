import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  type ClientOptions,
  clientCertificate,
  clientSecretBasic,
  clientSecretJwt,
  clientSecretPost,
  none,
  privateKeyJwt,
  TokenManager,
  type TokenManagerOptions,
  tlsClientAuth,
} from '../../src/index.ts'
import { startAuthorizationServer, TestAuthority, type TestClient } from '../../src/testing/index.ts'

const SECRET = 'a secret: of 32 bytes & more, +%/='
const OTHER = 'another secret of 32 bytes or more'
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string
const authority = new TestAuthority()
const certificate = authority.issue({ names: ['client'] })
const otherCertificate = authority.issue({ names: ['client'] })

/** Whether a manager with these options gets a token as this client. */
async function outcome(client: TestClient, options: Partial<ClientOptions>, tls = false): Promise<string> {
  await using server = await startAuthorizationServer({
    clients: { 'a:client': client },
    ...(tls && { tls: authority }),
  })
  const { issuer, allowInsecureLoopback } = server.clientOptions()
  const all = { issuer, clientId: 'a:client', allowInsecureLoopback, ...(tls && { ca: authority.cert }), ...options }
  const tokens = new TokenManager(all as TokenManagerOptions<never>)
  const result = await tokens.getToken().then(
    () => 'a token',
    (error) => error.error ?? error.code,
  )
  await tokens.close()
  return result
}

describe('a client of the test server', () => {
  const publicKey = pem(ec.publicKey)
  const jwk = ec.publicKey.export({ format: 'jwk' })
  const signedBy = (key: KeyObject) => ({ clientAuthentication: privateKeyJwt({ key }) })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ed = generateKeyPairSync('ed25519')
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })

  it.each<[string, TestClient, Partial<ClientOptions>, string]>([
    ['by Basic', { secret: SECRET }, { clientAuthentication: clientSecretBasic(SECRET) }, 'a token'],
    ['by a form field', { secret: SECRET }, { clientAuthentication: clientSecretPost(SECRET) }, 'a token'],
    [
      'by a signature with its secret',
      { secret: SECRET },
      { clientAuthentication: clientSecretJwt(SECRET) },
      'a token',
    ],
    ['by ES256 and PEM', { publicKey }, signedBy(ec.privateKey), 'a token'],
    ['by ES256 and a JWK', { publicKey: jwk }, signedBy(ec.privateKey), 'a token'],
    ['by ES384', { publicKey: p384.publicKey }, signedBy(p384.privateKey), 'a token'],
    ['by PS256', { publicKey: rsa.publicKey }, signedBy(rsa.privateKey), 'a token'],
    [
      'by RS256',
      { publicKey: rsa.publicKey },
      { clientAuthentication: privateKeyJwt({ key: rsa.privateKey, algorithm: 'RS256' }) },
      'a token',
    ],
    ['by Ed25519', { publicKey: ed.publicKey }, signedBy(ed.privateKey), 'a token'],
    ['by its id, being public', {}, { clientAuthentication: none() }, 'a token'],
    [
      'by the one method it may use',
      { secret: SECRET, method: 'client_secret_post' },
      { clientAuthentication: clientSecretPost(SECRET) },
      'a token',
    ],

    [
      'not by another secret in Basic',
      { secret: SECRET },
      { clientAuthentication: clientSecretBasic(OTHER) },
      'invalid_client',
    ],
    [
      'not by another secret in a form field',
      { secret: SECRET },
      { clientAuthentication: clientSecretPost(OTHER) },
      'invalid_client',
    ],
    [
      'not by a signature with another secret',
      { secret: SECRET },
      { clientAuthentication: clientSecretJwt(OTHER) },
      'invalid_client',
    ],
    ['not by the key of somebody else', { publicKey }, signedBy(stranger.privateKey), 'invalid_client'],
    ['not by a key of another type', { publicKey }, signedBy(rsa.privateKey), 'invalid_client'],
    ['not by its id alone, having a secret', { secret: SECRET }, { clientAuthentication: none() }, 'invalid_client'],
    ['not by its id alone, having a key', { publicKey }, { clientAuthentication: none() }, 'invalid_client'],
    [
      'not under another id',
      { secret: SECRET },
      { clientId: 'b', clientAuthentication: clientSecretPost(SECRET) },
      'invalid_client',
    ],
    [
      'not by a method it may not use',
      { secret: SECRET, method: 'client_secret_basic' },
      { clientAuthentication: clientSecretPost(SECRET) },
      'invalid_client',
    ],
    [
      'not without a proof, when it needs one',
      { secret: SECRET, dpop: true },
      { clientAuthentication: clientSecretPost(SECRET) },
      'invalid_request',
    ],
    [
      'not for a scope it may not have',
      { secret: SECRET, scope: 'a b' },
      { clientAuthentication: clientSecretPost(SECRET), scope: 'a c' },
      'invalid_scope',
    ],
    [
      'for a scope it may have',
      { secret: SECRET, scope: 'a b' },
      { clientAuthentication: clientSecretPost(SECRET), scope: 'a' },
      'a token',
    ],
  ])('is known %s', async (_, client, options, expected) => {
    expect(await outcome(client, options)).toBe(expected)
  })

  it.each<[string, { readonly cert: string; readonly key: string } | undefined, string]>([
    ['by its certificate', certificate, 'a token'],
    ['not by another', otherCertificate, 'invalid_client'],
  ])('is known %s', async (_, shown, expected) => {
    const options = {
      clientAuthentication: tlsClientAuth(),
      ...(shown && { certificate: clientCertificate(shown) }),
    }
    expect(await outcome({ certificate: certificate.cert }, options as Partial<ClientOptions>, true)).toBe(expected)
  })
})

describe('an assertion', () => {
  const now = () => Math.floor(Date.now() / 1000)
  const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  type Claims = Record<string, unknown>

  const cases: [string, (claims: Claims) => Claims, number][] = [
    ['that is right', (claims) => claims, 200],
    ['for the token endpoint', (claims) => ({ ...claims, aud: `${claims.aud}/token` }), 200],
    ['among other audiences', (claims) => ({ ...claims, aud: ['https://other.example', claims.aud] }), 200],
    ['for somebody else', (claims) => ({ ...claims, aud: 'https://other.example' }), 401],
    ['of another issuer', (claims) => ({ ...claims, iss: 'somebody' }), 401],
    ['of another subject', (claims) => ({ ...claims, sub: 'somebody' }), 401],
    ['that has expired', (claims) => ({ ...claims, exp: now() - 1 }), 401],
    ['without an end', ({ exp: _, ...claims }) => claims, 401],
  ]

  it.each(cases)('%s', async (_, change, status) => {
    await using server = await startAuthorizationServer({ clients: { orders: { publicKey: ec.publicKey } } })
    const claims = { iss: 'orders', sub: 'orders', aud: server.issuer, jti: 'one', exp: now() + 60 }
    const jwt = await new SignJWT(change(claims)).setProtectedHeader({ alg: 'ES256' }).sign(ec.privateKey)
    const body = { grant_type: 'client_credentials', client_assertion_type: TYPE, client_assertion: jwt }
    const ask = () => fetch(server.tokenEndpoint, { method: 'POST', body: new URLSearchParams(body) })
    expect((await ask()).status).toBe(status)
    // Neither does it count a second time.
    expect((await ask()).status).toBe(401)
  })
})

it('a signature with a secret that no longer holds is none', async () => {
  await using server = await startAuthorizationServer({ clients: { orders: SECRET } })
  const { clientSecret: _, ...options } = server.clientOptions()
  const signing = (secret: string) =>
    new TokenManager({ ...options, clientAuthentication: clientSecretJwt(secret) }).getToken()
  await signing(SECRET)
  server.rotateSecret('orders', OTHER)
  await expect(signing(SECRET)).rejects.toMatchObject({ error: 'invalid_client' })
  await signing(OTHER)
})

describe('a token request', () => {
  const post = async (form: Record<string, string>, headers: Record<string, string> = {}) => {
    await using server = await startAuthorizationServer({ clients: { orders: SECRET } })
    const response = await fetch(server.tokenEndpoint, { method: 'POST', headers, body: new URLSearchParams(form) })
    return {
      status: response.status,
      ...((await response.json()) as { error?: string }),
      refusal: server.requests[0]?.refusal,
    }
  }
  const credentials = { client_id: 'orders', client_secret: SECRET }
  const basic = { authorization: `Basic ${Buffer.from('orders:x').toString('base64')}` }
  const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

  it.each<[string, Record<string, string>, Record<string, string>, object]>([
    ['without a client', { grant_type: 'client_credentials' }, {}, { status: 401, error: 'invalid_client' }],
    ['with two authentications', credentials, basic, { status: 400, error: 'invalid_request' }],
    ['without a grant', credentials, {}, { status: 400, error: 'unsupported_grant_type' }],
    ['for another grant', { ...credentials, grant_type: 'password' }, {}, { error: 'unsupported_grant_type' }],
    ['to exchange nothing', { ...credentials, grant_type: EXCHANGE }, {}, { error: 'invalid_request' }],
    [
      'to exchange a token',
      { ...credentials, grant_type: EXCHANGE, subject_token: 'a', subject_token_type: 'b' },
      {},
      { status: 200 },
    ],
    ['with broken Basic', {}, { authorization: 'Basic !' }, { error: 'invalid_client' }],
    ['with a broken assertion', { client_assertion: 'no JWT' }, {}, { error: 'invalid_client' }],
  ])('%s', async (_, form, headers, expected) => {
    const answer = await post(form, headers)
    expect(answer).toMatchObject(expected)
    if (answer.error !== undefined) expect(answer.refusal).toContain(answer.error)
  })

  it('that is no POST is refused', async () => {
    await using server = await startAuthorizationServer()
    expect((await fetch(server.tokenEndpoint)).status).toBe(400)
    expect((await fetch(`${server.origin}/elsewhere`)).status).toBe(404)
  })
})
