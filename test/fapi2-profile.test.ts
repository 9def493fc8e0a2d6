import { generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  type ClientOptions,
  clientCertificate,
  clientSecretBasic,
  clientSecretJwt,
  jwtBearer,
  none,
  privateKeyJwt,
  TokenManager,
  tlsClientAuth,
  workloadIdentity,
} from '../src/index.ts'
import { managed } from './support/managed.ts'
import { TestAuthority } from './support/tls.ts'

const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const certificate = clientCertificate(new TestAuthority().issue())
const SECRET = 'a secret of thirty-two bytes, or more'

const GOOD: ClientOptions = {
  profile: 'fapi2',
  issuer: 'https://as.example',
  clientId: 'orders',
  clientAuthentication: privateKeyJwt({ key }),
  dpop: true,
}
const { clientAuthentication: _, ...withoutAuthentication } = GOOD
const { dpop: __, ...withoutBinding } = GOOD

describe('the profile fapi2', () => {
  it.each<[string, ClientOptions]>([
    ['private_key_jwt by ES256 and DPoP', GOOD],
    ['private_key_jwt by PS256', { ...GOOD, clientAuthentication: privateKeyJwt({ key: rsa }) }],
    [
      'a key from a function, of a named algorithm',
      { ...GOOD, clientAuthentication: privateKeyJwt({ key: () => key, algorithm: 'ES256' }) },
    ],
    [
      'a key in a KMS',
      { ...GOOD, clientAuthentication: privateKeyJwt({ sign: () => new Uint8Array(64), algorithm: 'ES256' }) },
    ],
    ['tokens bound to a certificate', { ...withoutBinding, certificate }],
    ['tls_client_auth', { ...withoutBinding, certificate, clientAuthentication: tlsClientAuth() }],
    ['a grant by PS256', { ...GOOD, grant: jwtBearer({ key: rsa }) }],
    ['a grant by somebody else’s assertion', { ...GOOD, grant: jwtBearer({ assertion: () => 'a.b.c' }) }],
    ['DPoP by EdDSA', { ...GOOD, dpop: { algorithm: 'EdDSA' } }],
  ])('F5: lets pass %s', (_, options) => {
    expect(() => new TokenManager(options)).not.toThrow()
  })

  it.each<[string, ClientOptions, string]>([
    ['a secret', { ...withoutAuthentication, clientSecret: SECRET }, 'clientAuthentication'],
    ['Basic', { ...GOOD, clientAuthentication: clientSecretBasic(SECRET) }, 'clientAuthentication'],
    ['client_secret_jwt', { ...GOOD, clientAuthentication: clientSecretJwt(SECRET) }, 'clientAuthentication'],
    ['no authentication', { ...GOOD, clientAuthentication: none() }, 'clientAuthentication'],
    [
      'an assertion of somebody else',
      { ...GOOD, clientAuthentication: workloadIdentity({ assertion: async () => 'a.b.c' }) },
      'clientAuthentication',
    ],
    [
      'RS256',
      { ...GOOD, clientAuthentication: privateKeyJwt({ key: rsa, algorithm: 'RS256' }) },
      'clientAuthentication',
    ],
    [
      'an unknown algorithm',
      { ...GOOD, clientAuthentication: privateKeyJwt({ key: () => key }) },
      'clientAuthentication',
    ],
    [
      'another audience than the issuer',
      { ...GOOD, clientAuthentication: privateKeyJwt({ key, audience: 'https://as.example/token' }) },
      'clientAuthentication',
    ],
    ['a grant by RS256', { ...GOOD, grant: jwtBearer({ key: rsa, algorithm: 'RS256' }) }, 'grant'],
    ['a grant by an unknown algorithm', { ...GOOD, grant: jwtBearer({ key: () => rsa }) }, 'grant'],
    ['tokens for whoever has them', withoutBinding, 'dpop'],
    ['DPoP by RS256', { ...GOOD, dpop: { algorithm: 'RS256' } }, 'dpop'],
    ['an endpoint without metadata', { ...GOOD, tokenEndpoint: 'https://as.example/token' }, 'tokenEndpoint'],
    ['a revocation endpoint', { ...GOOD, revocationEndpoint: 'https://as.example/revoke' }, 'revocationEndpoint'],
    ['another issuer', { ...GOOD, expectedIssuer: 'https://other.example' }, 'expectedIssuer'],
    ['http', { ...GOOD, allowInsecureLoopback: true }, 'allowInsecureLoopback'],
    ['a changed request', { ...GOOD, buildRequest: () => ({}) }, 'buildRequest'],
    ['another header', { ...GOOD, applyToken: () => ({ 'X-Auth': 'x' }) }, 'applyToken'],
    ['a token from elsewhere', { ...GOOD, requestToken: () => ({ accessToken: 'x' }) }, 'issuer'],
  ])('F5: refuses %s at construction', (_, options, option) => {
    expect(() => new TokenManager(options)).toThrow(TypeError)
    expect(() => new TokenManager({ clients: { orders: options } })).toThrow(`\`clients.orders.${option}\``)
    const { profile, ...others } = options
    expect(profile).toBe('fapi2')
    if (!['issuer', 'applyToken'].includes(option)) expect(() => new TokenManager(others)).not.toThrow()
  })

  it('F5: refuses a function in place of the token endpoint', () => {
    const options: ClientOptions = { profile: 'fapi2', clientId: 'orders', requestToken: () => ({ accessToken: 'x' }) }
    expect(() => new TokenManager(options)).toThrow('`requestToken` is not allowed')
  })

  it('is the only one there is', () => {
    expect(() => managed({ profile: 'fapi1' as never })).toThrow('`profile` must be')
  })

  it('F9: gives assertions and proofs types and keys of their own', async () => {
    const { tokens, server } = managed({
      clientSecret: undefined,
      clientAuthentication: privateKeyJwt({ key }),
      dpop: true,
    })
    server.byDefault = { body: { access_token: 'a', token_type: 'DPoP', expires_in: 60 } }
    await tokens.getToken()
    const [sent] = server.requests
    const assertion = decodeProtectedHeader(sent?.form.get('client_assertion') ?? '')
    const proof = decodeProtectedHeader(sent?.headers.dpop ?? '')
    expect([assertion.typ, proof.typ]).toEqual(['client-authentication+jwt', 'dpop+jwt'])
    expect(proof.jwk).not.toMatchObject({ x: key.export({ format: 'jwk' }).x })
  })
})
