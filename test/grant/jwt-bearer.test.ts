import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import * as jose from 'jose'
import { describe, expect, it } from 'vitest'
import { type JwtBearerOptions, jwtBearer } from '../../src/grant/jwt-bearer.ts'
import type { TokenParameters } from '../../src/token-key.ts'
import { NOW, type TestDraft } from '../support/token-request-draft.ts'
import { filled, formOf, SUBJECT } from './filled-grant.ts'

const KEY: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const RSA: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const GRANT = ['grant_type', 'urn:ietf:params:oauth:grant-type:jwt-bearer']
const ISSUED_AT = Math.floor(NOW / 1000)

/** What the assertion says, once jose has found it signed by the public half of the key. */
async function assertionOf(
  options: JwtBearerOptions,
  { key = KEY, wanted, init }: { key?: KeyObject; wanted?: Partial<TokenParameters>; init?: Partial<TestDraft> } = {},
) {
  const { body } = await filled(jwtBearer(options), wanted, init)
  const jwk = await jose.importJWK(
    createPublicKey(key).export({ format: 'jwk' }) as jose.JWK,
    options.algorithm ?? 'ES256',
  )
  return await jose.jwtVerify(body.get('assertion') ?? '', jwk, { currentDate: new Date(NOW) })
}

describe('jwtBearer with a key', () => {
  it('sends an assertion that another library verifies, and nothing else', async () => {
    const form = await formOf(jwtBearer({ key: KEY }))
    expect(form).toEqual([GRANT, ['assertion', expect.any(String)]])
    const { payload, protectedHeader } = await assertionOf({ key: KEY })
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT' })
    expect(payload).toEqual({
      ...{ iss: 'orders-service', sub: 'orders-service', aud: 'https://as.example', jti: expect.any(String) },
      ...{ iat: ISSUED_AT, exp: ISSUED_AT + 60 },
    })
  })

  it('says what a service account of Google says', async () => {
    const issuer = 'reports@project.iam.gserviceaccount.com'
    const audience = 'https://oauth2.googleapis.com/token'
    const options: JwtBearerOptions = {
      ...{ key: RSA, algorithm: 'RS256', keyId: 'k1', issuer, audience, scopeInClaims: true, lifetimeMs: 3_600_000 },
    }
    const scope = ['https://www.googleapis.com/auth/drive.readonly', 'openid']
    const account = await assertionOf({ ...options, subject: null }, { key: RSA, wanted: { scope } })
    expect(account.protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' })
    expect(account.payload).toEqual({
      ...{ iss: issuer, aud: audience, scope: scope.join(' '), jti: expect.any(String) },
      ...{ iat: ISSUED_AT, exp: ISSUED_AT + 3600 },
    })
    const delegated = await assertionOf({ ...options, subject: 'user@example.com' }, { key: RSA, wanted: { scope } })
    expect(delegated.payload).toMatchObject({ iss: issuer, sub: 'user@example.com' })
  })

  it('sends the scopes as a claim or as a parameter, never both', async () => {
    const wanted = { scope: ['a', 'b'] }
    const names = async (options: JwtBearerOptions) => (await formOf(jwtBearer(options), wanted)).map(([name]) => name)
    expect(await names({ key: KEY })).toEqual(['grant_type', 'scope', 'assertion'])
    expect(await names({ key: KEY, scopeInClaims: true })).toEqual(['grant_type', 'assertion'])
    expect((await assertionOf({ key: KEY }, { wanted })).payload).not.toHaveProperty('scope')
    expect((await assertionOf({ key: KEY, scopeInClaims: true })).payload).not.toHaveProperty('scope')
  })

  it('is addressed to the token endpoint where no issuer is known', async () => {
    const { payload } = await assertionOf({ key: KEY }, { init: { issuer: undefined } })
    expect(payload.aud).toBe('https://as.example/token')
  })

  it('has a `jti` of its own in every attempt', async () => {
    const grant = jwtBearer({ key: KEY })
    const ids = await Promise.all(
      [1, 2, 3].map(async () => jose.decodeJwt((await filled(grant)).body.get('assertion') ?? '').jti),
    )
    expect(new Set(ids).size).toBe(3)
  })

  it('has the claims that are added, as they were when the grant was made', async () => {
    const claims = { tenant: { id: 't1' } }
    const options = { key: KEY, claims }
    const grant = jwtBearer(options)
    claims.tenant.id = 'changed'
    const { body } = await filled(grant)
    expect(jose.decodeJwt(body.get('assertion') ?? '')).toMatchObject({ tenant: { id: 't1' } })
  })

  it('is signed by a function for keys that do not leave where they are', async () => {
    const options: JwtBearerOptions = { algorithm: 'ES256', sign: async (input) => sign('sha256', input, KEY) }
    expect((await assertionOf(options)).payload.iss).toBe('orders-service')
  })

  it('says when its key expires, if that is known', async () => {
    const expiresAt = NOW + 1000
    const { credentialExpiry } = await filled(jwtBearer({ key: KEY, expiresAt }))
    expect(credentialExpiry).toEqual({ what: 'key', expiresAt })
  })

  it('registers the assertion as a secret', async () => {
    const { body, hidden } = await filled(jwtBearer({ key: KEY }))
    expect(hidden).toEqual([body.get('assertion')])
  })

  it('has a part of the key for what makes its tokens others', () => {
    const parts = [
      {},
      { issuer: 'a' },
      { subject: 'a' },
      { subject: null },
      { audience: 'a' },
      { claims: { a: 1 } },
      { claims: { a: '1' } },
    ].map((options) => jwtBearer({ key: KEY, ...options }).keyPart)
    expect(new Set(parts).size).toBe(parts.length)
  })

  it.each<[string, object, string]>([
    ['an empty issuer', { issuer: '' }, '`issuer` must be a non-empty string'],
    ['an empty subject', { subject: '' }, '`subject` must be a non-empty string'],
    ['several audiences', { audience: ['a', 'b'] }, '`audience` must be a non-empty string'],
    ['claims that are a list', { claims: [] }, '`claims` must be an object'],
    ['claims that are no data', { claims: { at: new Date(0) } }, '`claims.at` must be text, a finite number'],
    ['`iss` among the claims', { claims: { iss: 'a' } }, '`claims.iss` is set by evertoken. Use the option `issuer`.'],
    ['`exp` among the claims', { claims: { exp: 1 } }, 'Use the option `lifetimeMs`.'],
    ['`scope` among the claims', { claims: { scope: 'a' } }, 'Use the option `scopeInClaims`.'],
    [
      'a lifetime under a second',
      { lifetimeMs: 999 },
      '`lifetimeMs` must be a number of milliseconds from 1000 to 3600000, got 999. Were seconds meant? 999 seconds are 999000.',
    ],
    ['a lifetime over an hour', { lifetimeMs: 3_600_001 }, '`lifetimeMs` must be a number of milliseconds'],
    ['a flag that is none', { scopeInClaims: 'yes' }, '`scopeInClaims` must be true or false'],
    ['a key that is none', { key: 'Marker-S3cret' }, '`key`'],
    ['names of other libraries', { expiresIn: 60 }, '`expiresIn` is not an option'],
  ])('refuses %s', (_, options, message) => {
    const wrong = () => jwtBearer({ key: KEY, ...options } as JwtBearerOptions)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(message)
    expect(wrong).not.toThrow('Marker')
  })
})

describe('jwtBearer without a key', () => {
  it('presents the user’s token, as Microsoft Entra wants it on behalf of a user', async () => {
    const wanted = { parameters: { requested_token_use: 'on_behalf_of' } }
    expect(jwtBearer().takesSubjectToken).toBe(true)
    const { body, hidden } = await filled(jwtBearer(), wanted)
    expect([...body]).toEqual([GRANT, ['requested_token_use', 'on_behalf_of'], ['assertion', SUBJECT]])
    expect(hidden).toEqual([SUBJECT])
  })

  it('fails without the user’s token', async () => {
    await expect(filled(jwtBearer(), { subject: undefined })).rejects.toMatchObject({ code: 'subject_token_missing' })
  })

  it('presents what a function gives, asked for every request', async () => {
    let asked = 0
    const grant = jwtBearer({
      assertion: async () => {
        asked += 1
        return `a.b.${asked}`
      },
    })
    expect(grant.takesSubjectToken).toBe(false)
    expect((await filled(grant)).body.get('assertion')).toBe('a.b.1')
    const { body, hidden } = await filled(grant)
    expect(body.get('assertion')).toBe('a.b.2')
    expect(hidden).toEqual(['a.b.2'])
  })

  it.each<[string, () => unknown, RegExp]>([
    ['fails', () => Promise.reject(new Error('down')), /`assertion` failed/],
    ['returns nothing', () => undefined, /`assertion` returned no JWT/],
    ['returns no JWT', () => 'Marker-S3cret', /returned no JWT/],
  ])('fails with `secret_unavailable` when the function %s', async (_, assertion, message) => {
    const error = await filled(jwtBearer({ assertion: assertion as () => string })).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'secret_unavailable', message: expect.stringMatching(message) })
    expect(error.message).not.toContain('Marker')
  })

  it.each<[string, object, string]>([
    ['a variable that is not set, which is no wish for users’ tokens', { key: undefined }, '`key` is undefined'],
    ['an empty variable', { key: '' }, '`key`'],
    ['a fixed assertion', { assertion: 'Marker-S3cret' }, '`assertion` must be a function'],
    ['claims without a key', { issuer: 'a' }, '`key` is missing'],
    ['a key beside an assertion', { assertion: () => 'a.b.c', key: KEY }, '`key` has no effect beside `assertion`'],
    [
      'claims beside an assertion',
      { assertion: () => 'a.b.c', claims: {} },
      '`claims` has no effect beside `assertion`',
    ],
  ])('refuses %s', (_, options, message) => {
    const wrong = () => jwtBearer(options as JwtBearerOptions)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(message)
    expect(wrong).not.toThrow('Marker')
  })
})
