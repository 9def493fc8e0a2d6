import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  type webcrypto,
  X509Certificate,
} from 'node:crypto'
import { inspect } from 'node:util'
import * as jose from 'jose'
import { describe, expect, it } from 'vitest'
import type { TokenRequestDraft } from '../../src/client-authentication/client-authentication.ts'
import { type PrivateKeyJwtOptions, privateKeyJwt } from '../../src/client-authentication/private-key-jwt.ts'
import type { SigningAlgorithm } from '../../src/jws.ts'
import { TestAuthority } from '../support/tls.ts'
import { authenticated, authenticationFailure, NOW } from '../support/token-request-draft.ts'

const EC: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const OTHER_EC: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const RSA: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ED25519: KeyObject = generateKeyPairSync('ed25519').privateKey

const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }) as string

async function assertionOf(options: PrivateKeyJwtOptions, init?: Partial<TokenRequestDraft>): Promise<string> {
  return (await authenticated(privateKeyJwt(options), init)).body.get('client_assertion') ?? ''
}

/** What an assertion says, once jose has found it signed by the public half of the key. */
async function verified(assertion: string, key: KeyObject, algorithm: string) {
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as jose.JWK
  const options = { algorithms: [algorithm], currentDate: new Date(NOW) }
  return await jose.jwtVerify(assertion, await jose.importJWK(jwk, algorithm), options)
}

describe('privateKeyJwt', () => {
  it.each<[SigningAlgorithm, KeyObject]>([
    ['ES256', EC],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['PS256', RSA],
    ['RS256', RSA],
    ['EdDSA', ED25519],
    ['Ed25519', ED25519],
  ])('F3, F6: signs by %s, as another library finds', async (algorithm, key) => {
    const { protectedHeader } = await verified(await assertionOf({ key, algorithm }), key, algorithm)
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'client-authentication+jwt' })
  })

  it('Q11: sends the assertion, what it is, and nothing else', async () => {
    const authenticate = privateKeyJwt({ key: EC })
    const { body, headers } = await authenticated(authenticate)
    expect([...body.keys()]).toEqual(['grant_type', 'client_assertion_type', 'client_assertion'])
    expect(body.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    expect(headers).toEqual({})
    expect(authenticate.method).toBe('private_key_jwt')
  })

  it('Q11: sends `client_id` too if asked to', async () => {
    const { body } = await authenticated(privateKeyJwt({ key: EC, sendClientId: true }))
    expect(body.getAll('client_id')).toEqual(['orders-service'])
  })

  it('Q12, F7: says who the client is, for whom, for how long, and no `nbf`', async () => {
    const { payload } = await verified(await assertionOf({ key: EC }), EC, 'ES256')
    expect(payload).toEqual({
      iss: 'orders-service',
      sub: 'orders-service',
      aud: 'https://as.example',
      jti: expect.stringMatching(/^[\w-]{22}$/),
      iat: 1_767_225_600,
      exp: 1_767_225_660,
    })
  })

  it('Q12: says something new in every assertion', async () => {
    const authenticate = privateKeyJwt({ key: EC })
    const ids = new Set<unknown>()
    for (let attempt = 0; attempt < 100; attempt++) {
      const { body } = await authenticated(authenticate)
      ids.add(jose.decodeJwt(body.get('client_assertion') ?? '').jti)
    }
    expect(ids.size).toBe(100)
  })

  it.each<[string, Partial<PrivateKeyJwtOptions>, Partial<TokenRequestDraft>, string]>([
    ['the issuer', {}, {}, 'https://as.example'],
    ['the token endpoint where no issuer is known', {}, { issuer: undefined }, 'https://as.example/token'],
    ['what is configured', { audience: 'https://as.example/other' }, {}, 'https://as.example/other'],
  ])('Q13: is for one audience, a string: %s', async (_, options, init, audience) => {
    expect(jose.decodeJwt(await assertionOf({ key: EC, ...options }, init)).aud).toBe(audience)
  })

  it('Q13: has the older `typ` if asked to', async () => {
    expect(jose.decodeProtectedHeader(await assertionOf({ key: EC, type: 'JWT' })).typ).toBe('JWT')
  })

  it('names its key as the JWK or the option does', async () => {
    const jwk = { ...EC.export({ format: 'jwk' }), kid: 'key-1' }
    expect(jose.decodeProtectedHeader(await assertionOf({ key: jwk })).kid).toBe('key-1')
    expect(jose.decodeProtectedHeader(await assertionOf({ key: jwk, keyId: 'key-2' })).kid).toBe('key-2')
    expect(jose.decodeProtectedHeader(await assertionOf({ key: EC, keyId: 'key-2' })).kid).toBe('key-2')
  })

  it('hides the assertion', async () => {
    const { hidden, body } = await authenticated(privateKeyJwt({ key: EC }))
    expect(hidden).toEqual([body.get('client_assertion')])
  })

  it('shows nothing of the key when printed', () => {
    const jwk = EC.export({ format: 'jwk' })
    for (const key of [pem(EC), jwk, EC, () => jwk]) {
      const authenticate = privateKeyJwt({ key })
      const shown = `${inspect(authenticate, { showHidden: true, depth: null })}${String(authenticate)}${JSON.stringify({ authenticate })}`
      expect(shown).not.toContain(String(jwk.d))
      expect(shown).not.toContain(pem(EC).split('\n')[1])
    }
  })

  const sure = { key: EC }
  it.each<[string, object, string]>([
    ['no key', {}, 'option `key` is missing. Is the environment variable set?'],
    ['a key that is not set', { key: undefined }, 'option `key` is missing. Is the environment variable set?'],
    ['both ways to sign', { key: EC, sign: () => new Uint8Array() }, 'option `key` is not used with `sign`'],
    ['a public key', { key: createPublicKey(EC) }, 'option `key` is a public key. To sign takes the private key'],
    ['a key that does not fit', { key: EC, algorithm: 'RS256' }, 'option `key` is of type ec prime256v1, and cannot'],
    ['an algorithm of another kind', { ...sure, algorithm: 'HS256' }, 'option `algorithm` must be one of ES256'],
    ['no algorithm beside `sign`', { sign: () => new Uint8Array() }, 'option `algorithm` is missing. Beside `sign`'],
    ['a `sign` that is no function', { sign: 'x', algorithm: 'ES256' }, 'option `sign` must be a function'],
    ['an empty key id', { ...sure, keyId: '' }, 'option `keyId` must be a non-empty string'],
    ['an empty audience', { ...sure, audience: '' }, 'option `audience` must be a non-empty string'],
    ['several audiences', { ...sure, audience: ['a', 'b'] }, 'option `audience` must be a non-empty string'],
    ['another `typ`', { ...sure, type: 'at+jwt' }, "option `type` must be 'client-authentication+jwt' or 'JWT'"],
    ['a flag that is none', { ...sure, sendClientId: 'yes' }, 'option `sendClientId` must be true or false'],
    [
      'a date for `expiresAt`',
      { ...sure, expiresAt: new Date() },
      'option `expiresAt` must be a number of milliseconds',
    ],
    [
      'a certificate that is none',
      { ...sure, certificate: 'MII' },
      'option `certificate` cannot be read. Give the content',
    ],
    ['another spelling', { ...sure, kid: 'a' }, 'option `kid` is not an option'],
    ['nothing', undefined as never, 'option `options` must be an object'],
  ])('refuses at once: %s', (_, options, words) => {
    expect(() => privateKeyJwt(options as PrivateKeyJwtOptions)).toThrow(TypeError)
    expect(() => privateKeyJwt(options as PrivateKeyJwtOptions)).toThrow(`evertoken: ${words}`)
  })
})

describe('privateKeyJwt with a function for `key`', () => {
  it('reads the key for every assertion, and leaves a digest by which a change can be told', async () => {
    let key = EC
    const authenticate = privateKeyJwt({ key: async () => key })
    const first = await authenticated(authenticate)
    await verified(first.body.get('client_assertion') ?? '', EC, 'ES256')
    expect(await authenticate.currentCredential?.('orders')).toBe(first.credential)
    key = OTHER_EC
    expect(await authenticate.currentCredential?.('orders')).not.toBe(first.credential)
    const second = await authenticated(authenticate)
    await verified(second.body.get('client_assertion') ?? '', OTHER_EC, 'ES256')
    expect(second.credential).toMatch(/^[0-9a-f]{64}$/)
  })

  it('gives the same digest for the same key in another form', async () => {
    const digests = [EC, pem(EC), EC.export({ format: 'jwk' })].map(
      async (key) => await privateKeyJwt({ key: () => key }).currentCredential?.('orders'),
    )
    expect(new Set(await Promise.all(digests)).size).toBe(1)
  })

  it('says that a fixed key cannot change', () => {
    expect(privateKeyJwt({ key: EC }).currentCredential).toBeUndefined()
  })

  it('fails, to be tried again, when the function does', async () => {
    const key = () => {
      throw new Error('vault is sealed')
    }
    const error = await authenticationFailure(privateKeyJwt({ key }))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: true })
    expect(error.message).toContain('The function given as `key` failed for client "orders".')
    expect(error.cause).toMatchObject({ message: 'vault is sealed' })
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'The `key` for the assertions of client "orders" is undefined, not a key. Give PEM'],
    ['a key that was cut off', pem(EC).slice(0, 60), 'cannot be read. Was it cut off'],
    ['a public key', createPublicKey(EC), 'is a public key. To sign'],
  ])('fails, to be tried again, when the function gives %s', async (_, given, words) => {
    const error = await authenticationFailure(privateKeyJwt({ key: () => given as KeyObject }))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: true })
    expect(error.message).toContain(words)
  })
})

describe('privateKeyJwt with `sign`', () => {
  it.each<[string, SigningAlgorithm, KeyObject, (input: Uint8Array) => Uint8Array | ArrayBuffer]>([
    ['ECDSA in DER', 'ES256', EC, (input) => sign('sha256', input, EC)],
    ['ECDSA as two halves', 'ES256', EC, (input) => sign('sha256', input, { key: EC, dsaEncoding: 'ieee-p1363' })],
    ['RSA', 'RS256', RSA, (input) => sign('sha256', input, RSA)],
    ['an ArrayBuffer', 'EdDSA', ED25519, (input) => new Uint8Array(sign(null, input, ED25519)).buffer],
  ])('F3: has a key service sign: %s', async (_, algorithm, key, signer) => {
    for (const made of [signer, async (input: Uint8Array) => signer(input)]) {
      const { protectedHeader } = await verified(
        await assertionOf({ sign: made, algorithm, keyId: 'kms-1' }),
        key,
        algorithm,
      )
      expect(protectedHeader).toEqual({ alg: algorithm, typ: 'client-authentication+jwt', kid: 'kms-1' })
    }
  })

  it('fails, to be tried again, when the service does', async () => {
    const signer = async () => {
      throw Object.assign(new Error('throttled'), { code: 'ETIMEDOUT', config: { secret: 'Marker' } })
    }
    const error = await authenticationFailure(privateKeyJwt({ sign: signer, algorithm: 'ES256' }))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: true })
    expect(error.message).toContain('The function given as `sign` failed for client "orders".')
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain('Marker')
  })

  it.each([
    ['text', 'bWFya2Vy'],
    ['nothing', undefined],
    ['no bytes', new Uint8Array()],
    ['bytes that are no such signature', Buffer.from('bWFya2Vy')],
  ])('fails when the service gives %s', async (_, signature) => {
    const error = await authenticationFailure(
      privateKeyJwt({ sign: () => signature as Uint8Array, algorithm: 'ES256' }),
    )
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: false })
    expect(error.message).toContain('The function given as `sign` returned no signature by ES256 for client "orders".')
    expect(error.hint).toContain("Buffer.from(text, 'base64')")
  })
})

describe('privateKeyJwt with a CryptoKey that is not extractable', () => {
  const { subtle } = crypto
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  type How = Partial<webcrypto.EcKeyGenParams & webcrypto.RsaHashedKeyGenParams>
  const generate = async (how: How) =>
    (await subtle.generateKey(how as webcrypto.EcKeyGenParams, false, ['sign', 'verify'])) as webcrypto.CryptoKeyPair

  it.each<[SigningAlgorithm, How]>([
    ['ES256', { name: 'ECDSA', namedCurve: 'P-256' }],
    ['ES384', { name: 'ECDSA', namedCurve: 'P-384' }],
    ['ES512', { name: 'ECDSA', namedCurve: 'P-521' }],
    ['PS256', { name: 'RSA-PSS', hash: 'SHA-256', ...rsa }],
    ['RS256', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...rsa }],
    ['EdDSA', { name: 'Ed25519' }],
  ])('signs by what it was made for: %s', async (algorithm, how) => {
    const { privateKey, publicKey } = await generate(how)
    const assertion = await assertionOf({ key: privateKey })
    const { protectedHeader } = await jose.jwtVerify(assertion, publicKey, { currentDate: new Date(NOW) })
    expect(protectedHeader.alg).toBe(algorithm)
  })

  it('is refused when it does not fit', async () => {
    const { privateKey } = await generate({ name: 'ECDSA', namedCurve: 'P-256' })
    expect(() => privateKeyJwt({ key: privateKey, algorithm: 'ES384' })).toThrow('for ES256, and cannot sign by ES384')
    const sha512 = await generate({ name: 'RSA-PSS', hash: 'SHA-512', ...rsa })
    expect(() => privateKeyJwt({ key: sha512.privateKey })).toThrow('option `key` is of type RSA-PSS SHA-512')
    const short = await generate({ name: 'RSA-PSS', hash: 'SHA-256', ...rsa, modulusLength: 1024 })
    expect(() => privateKeyJwt({ key: short.privateKey })).toThrow('is an RSA key of 1024 bits')
    const hmac = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    expect(() => privateKeyJwt({ key: hmac })).toThrow('is a secret key. To sign takes the private key')
  })
})

describe('privateKeyJwt with `certificate`', () => {
  const authority = new TestAuthority()
  const one = authority.issue({ notAfter: new Date(NOW + 86_400_000) })
  const other = authority.issue()

  it('sends the certificate’s thumbprint, and knows when it expires', async () => {
    const { body, credentialExpiry } = await authenticated(privateKeyJwt({ key: one.key, certificate: one.cert }))
    // As openssl x509 -fingerprint -sha256 gives it.
    const { raw } = new X509Certificate(one.cert)
    const thumbprint = Buffer.from(await crypto.subtle.digest('SHA-256', raw)).toString('base64url')
    expect(jose.decodeProtectedHeader(body.get('client_assertion') ?? '')).toMatchObject({ 'x5t#S256': thumbprint })
    expect(credentialExpiry).toEqual({
      what: 'certificate',
      issuedAt: Date.parse(new X509Certificate(one.cert).validFrom),
      expiresAt: Math.floor((NOW + 86_400_000) / 1000) * 1000,
    })
  })

  it('takes it as bytes too, and beside `sign`', async () => {
    const certificate = Buffer.from(one.cert)
    for (const how of [{ key: one.key }, { sign: () => new Uint8Array(64), algorithm: 'ES256' as const }]) {
      const header = jose.decodeProtectedHeader(await assertionOf({ ...how, certificate }))
      expect(header).toHaveProperty('x5t#S256')
    }
  })

  it('refuses a certificate of another key', () => {
    expect(() => privateKeyJwt({ key: one.key, certificate: other.cert })).toThrow(
      'option `certificate` is of another key. Was only one of the two renewed?',
    )
  })

  it('reads key and certificate for every assertion, and waits until both are renewed', async () => {
    const current = { ...one }
    const authenticate = privateKeyJwt({ key: () => current.key, certificate: async () => current.cert })
    const first = await authenticated(authenticate)
    Object.assign(current, { cert: other.cert })
    const error = await authenticationFailure(authenticate)
    expect(error).toMatchObject({ code: 'secret_unavailable', retryable: true })
    expect(error.message).toContain('The `certificate` for the assertions of client "orders" is of another key.')
    Object.assign(current, other)
    const second = await authenticated(authenticate)
    expect(second.credential).not.toBe(first.credential)
    expect(await authenticate.currentCredential?.('orders')).toBe(second.credential)
  })

  it('tells a renewed certificate from the old one where the key cannot be seen', async () => {
    let certificate = one.cert
    const authenticate = privateKeyJwt({
      sign: () => new Uint8Array(64),
      algorithm: 'ES256',
      certificate: () => certificate,
    })
    const before = await authenticate.currentCredential?.('orders')
    certificate = other.cert
    expect(await authenticate.currentCredential?.('orders')).not.toBe(before)
  })
})

describe('privateKeyJwt with `expiresAt`', () => {
  it('says when the key expires', async () => {
    const { credentialExpiry } = await authenticated(privateKeyJwt({ key: EC, expiresAt: NOW + 1000 }))
    expect(credentialExpiry).toEqual({ what: 'key', expiresAt: NOW + 1000 })
  })

  it('says nothing without it', async () => {
    expect((await authenticated(privateKeyJwt({ key: EC }))).credentialExpiry).toBeUndefined()
  })
})
