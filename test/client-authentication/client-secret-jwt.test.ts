import { inspect } from 'node:util'
import * as jose from 'jose'
import { describe, expect, it } from 'vitest'
import { clientSecretBy } from '../../src/client-authentication/client-secret.ts'
import { clientSecretJwt } from '../../src/client-authentication/client-secret-jwt.ts'
import { authenticated, authenticationFailure, NOW } from '../support/token-request-draft.ts'

// 32 bytes: the é is two.
const SECRET = 'Marker-S3cret-of-32-bytes-or-s\u00e9'

async function verified(assertion: string | null, secret: string) {
  const options = { algorithms: ['HS256'], currentDate: new Date(NOW) }
  return await jose.jwtVerify(assertion ?? '', new TextEncoder().encode(secret), options)
}

describe('clientSecretJwt', () => {
  it('Q11, Q12: proves the secret by an assertion, and sends nothing else', async () => {
    const authenticate = clientSecretJwt(SECRET)
    const { body, headers, hidden } = await authenticated(authenticate)
    const { protectedHeader, payload } = await verified(body.get('client_assertion'), SECRET)
    expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'client-authentication+jwt' })
    expect(payload).toMatchObject({ iss: 'orders-service', sub: 'orders-service', aud: 'https://as.example' })
    expect([...body.keys()]).toEqual(['grant_type', 'client_assertion_type', 'client_assertion'])
    expect(headers).toEqual({})
    expect(hidden).toEqual([SECRET, body.get('client_assertion')])
    expect(authenticate.method).toBe('client_secret_jwt')
  })

  it('takes the options of an assertion', async () => {
    const options = { audience: 'https://as.example/token', type: 'JWT', sendClientId: true } as const
    const { body } = await authenticated(clientSecretJwt(SECRET, options))
    const { protectedHeader, payload } = await verified(body.get('client_assertion'), SECRET)
    expect(protectedHeader.typ).toBe('JWT')
    expect(payload.aud).toBe('https://as.example/token')
    expect(body.get('client_id')).toBe('orders-service')
    expect(() => clientSecretJwt(SECRET, { key: 'x' } as object)).toThrow('option `key` is not an option')
  })

  it('takes 32 bytes of secret, and no less', async () => {
    expect(Buffer.byteLength(SECRET)).toBe(32)
    const short = SECRET.slice(1)
    expect(() => clientSecretJwt(short)).toThrow(
      'option `clientSecret` is shorter than the 32 bytes that HS256 needs. Whoever sees one assertion could guess it.',
    )
    const error = await authenticationFailure(clientSecretJwt(() => short))
    expect(error).toMatchObject({ code: 'secret_unavailable', retryable: false })
    expect(error.message).toContain('is shorter than the 32 bytes that HS256 needs')
    expect(inspect(error, { showHidden: true })).not.toContain(short)
  })

  it('reads a secret from a function for every assertion', async () => {
    let secret = SECRET
    const authenticate = clientSecretJwt(async () => secret)
    const first = await authenticated(authenticate)
    await verified(first.body.get('client_assertion'), SECRET)
    secret = `another ${SECRET}`
    const second = await authenticated(authenticate)
    await verified(second.body.get('client_assertion'), secret)
    expect(second.credential).not.toBe(first.credential)
    expect(await authenticate.currentCredential?.('orders')).toBe(second.credential)
  })
})

describe('client_secret_jwt by name', () => {
  it('is as the factory makes it, with its defaults', async () => {
    const authenticate = clientSecretBy('client_secret_jwt', SECRET)
    const { body } = await authenticated(authenticate)
    await verified(body.get('client_assertion'), SECRET)
    expect(authenticate.method).toBe('client_secret_jwt')
    expect(() => clientSecretBy('client_secret_jwt', 'short', 'form', 'clients.a.')).toThrow(
      'option `clients.a.clientSecret` is shorter',
    )
  })
})

describe('client_secret_jwt by metadata', () => {
  it.each([
    [['private_key_jwt', 'client_secret_jwt'], 'client_assertion'],
    [['client_secret_jwt', 'client_secret_post'], 'client_secret'],
  ])('is chosen when neither Basic nor post is listed: %j', async (supportedMethods, sent) => {
    for (const secret of [SECRET, () => SECRET]) {
      const { body, headers } = await authenticated(clientSecretBy(undefined, secret), { supportedMethods })
      expect(body.has('client_assertion') ? 'client_assertion' : 'client_secret').toBe(sent)
      expect(headers).toEqual({})
    }
  })

  it('is not chosen for a secret that is too short for it', async () => {
    const authenticate = clientSecretBy(undefined, 'short')
    const error = await authenticationFailure(authenticate, { supportedMethods: ['client_secret_jwt'] })
    expect(error).toMatchObject({ code: 'unsupported_client_authentication' })
    expect(error.message).toContain('lists client_secret_jwt')
  })
})
