import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
  type webcrypto,
} from 'node:crypto'
import { inspect } from 'node:util'
import * as jose from 'jose'
import { describe, expect, it } from 'vitest'
import {
  encodeSegment,
  generateSigningKey,
  hmacSha256,
  importSigningKey,
  jwkThumbprint,
  jwsSignature,
  newTokenId,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
} from '../src/jws.ts'
import type { SigningKeyInput } from '../src/private-key.ts'
import { fc } from './support/fast-check.ts'

const EC: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const RSA: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const OTHER_EC: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const OTHER_RSA: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const KEYS: Readonly<Record<SigningAlgorithm, KeyObject>> = {
  ES256: EC,
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  PS256: RSA,
  RS256: RSA,
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  Ed25519: generateKeyPairSync('ed25519').privateKey,
}

const refuse = (problem: string, hint: string) => new TypeError(`the key ${problem}. ${hint}`)
const imported = (key: SigningKeyInput, algorithm?: SigningAlgorithm) => importSigningKey(key, algorithm, refuse)
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ type, format: 'pem' }) as string
const jwk = (key: KeyObject) => key.export({ format: 'jwk' })

function compact(key: SigningKey, claims: object): string {
  const input = `${encodeSegment({ alg: key.algorithm })}.${encodeSegment(claims)}`
  return `${input}.${key.sign(input)}`
}

/** Checks a signature with jose, by nothing but the public key. */
async function verified(jws: string, publicJwk: JsonWebKey, algorithm: string) {
  const key = await jose.importJWK(publicJwk as jose.JWK, algorithm)
  return (await jose.jwtVerify(jws, key, { algorithms: [algorithm] })).payload
}

describe('a signature', () => {
  it.each(SIGNING_ALGORITHMS)('is one that another library accepts: %s', async (algorithm) => {
    const key = imported(KEYS[algorithm], algorithm)
    expect(key.algorithm).toBe(algorithm)
    const claims = { sub: 'orders-service', text: 'é€🙈' }
    expect(await verified(compact(key, claims), key.publicJwk(), algorithm)).toEqual(claims)
  })

  it.each(SIGNING_ALGORITHMS)('by a key of our own making is one too: %s', async (algorithm) => {
    const key = generateSigningKey(algorithm)
    expect(key.algorithm).toBe(algorithm)
    expect(generateSigningKey(algorithm).publicJwk()).not.toEqual(key.publicJwk())
    expect(await verified(compact(key, { a: 1 }), key.publicJwk(), algorithm)).toEqual({ a: 1 })
  })

  it('has no padding, and the length its algorithm demands', () => {
    const bytes = SIGNING_ALGORITHMS.map(
      (name) => Buffer.from(imported(KEYS[name], name).sign('a.b'), 'base64url').length,
    )
    expect(Object.fromEntries(SIGNING_ALGORITHMS.map((name, at) => [name, bytes[at]]))).toEqual({
      ...{ ES256: 64, ES384: 96, ES512: 132, PS256: 256, RS256: 256, EdDSA: 64, Ed25519: 64 },
    })
    expect(imported(EC).sign('a.b')).toMatch(/^[\w-]{86}$/)
  })

  // RFC 8037 appendix A.4: this algorithm always gives the same.
  it('by Ed25519 is that of RFC 8037', () => {
    const key = imported({
      kty: 'OKP',
      crv: 'Ed25519',
      d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    })
    expect(key.sign('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc')).toBe(
      'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    )
    expect(jwkThumbprint(key.publicJwk())).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('by HS256 is that of RFC 7515 appendix A.1', () => {
    const secret = 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow'
    const input =
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.' +
      'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
    expect(hmacSha256(Buffer.from(secret, 'base64url'), input)).toBe('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
  })

  it('by HS256 is one that another library accepts', async () => {
    const secret = 'a secret of 32 bytes or more: é€🙈'
    const input = `${encodeSegment({ alg: 'HS256' })}.${encodeSegment({ a: 1 })}`
    const { payload } = await jose.jwtVerify(`${input}.${hmacSha256(secret, input)}`, new TextEncoder().encode(secret))
    expect(payload).toEqual({ a: 1 })
  })
})

describe('the halves of an ECDSA signature', () => {
  const CURVES = [
    ['ES256', 'sha256', 32, 3000],
    ['ES384', 'sha384', 48, 500],
    ['ES512', 'sha512', 66, 100],
  ] as const

  // Of 3,000 signatures about 23 have a half that begins with a zero byte.
  it.each([...CURVES])(
    'are right in many signatures, short ones among them: %s',
    (algorithm, hash, halfSize, atLeast) => {
      const key = imported(KEYS[algorithm])
      const publicKey = { key: createPublicKey(KEYS[algorithm]), dsaEncoding: 'ieee-p1363' as const }
      let short = 0
      for (let n = 0; n < atLeast || short === 0; n++) {
        const signature = Buffer.from(key.sign(`a.${n}`), 'base64url')
        expect(verify(hash, Buffer.from(`a.${n}`), publicKey, signature)).toBe(true)
        if (signature[0] === 0 || signature[halfSize] === 0) short += 1
      }
    },
  )

  const derInteger = (bytes: Uint8Array) => {
    const digits = Buffer.from(bytes.subarray(bytes.findIndex((byte) => byte !== 0)))
    const content = (digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Buffer.from([0]), digits])
    return Buffer.concat([Buffer.from([2, content.length]), content])
  }
  const der = (r: Uint8Array, s: Uint8Array) => {
    const content = Buffer.concat([derInteger(r), derInteger(s)])
    return Buffer.concat([
      Buffer.from(content.length < 0x80 ? [0x30, content.length] : [0x30, 0x81, content.length]),
      content,
    ])
  }

  it.each([...CURVES])('are read from DER whatever their length: %s', (algorithm, _, halfSize) => {
    const half = fc
      .tuple(fc.integer({ min: 0, max: halfSize - 1 }), fc.uint8Array({ minLength: halfSize, maxLength: halfSize }))
      .map(([zeros, bytes]) => bytes.fill(0, 0, zeros))
      .filter((bytes) => bytes.some((byte) => byte !== 0))
    fc.assert(
      fc.property(half, half, (r, s) => {
        const encoded = der(r, s)
        // As long as the halves themselves, it is taken for them: of a real signature that is out of reach.
        fc.pre(encoded.length !== 2 * halfSize)
        expect(jwsSignature(algorithm, encoded)).toBe(Buffer.concat([r, s]).toString('base64url'))
      }),
      { numRuns: 300 },
    )
  })

  it.each([...CURVES])('stay what they are when a key service gives them so: %s', (algorithm, hash) => {
    const key = KEYS[algorithm]
    const raw = sign(hash, Buffer.from('a.b'), { key, dsaEncoding: 'ieee-p1363' })
    expect(jwsSignature(algorithm, raw)).toBe(raw.toString('base64url'))
    // One that happens to begin as DER does.
    raw[0] = 0x30
    expect(jwsSignature(algorithm, new Uint8Array(raw))).toBe(raw.toString('base64url'))
  })

  it.each([
    ['other bytes', [0x02, 0x03, 0x02, 0x01, 0x05]],
    ['DER that is cut off', [0x30, 0x06, 0x02, 0x01, 0x05, 0x02]],
    ['DER with more after it', [0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05, 0x00]],
    ['DER with a length beyond it', [0x30, 0x06, 0x02, 0xc8, 0x05, 0x02, 0x01, 0x05]],
    [
      'DER of integers that are too long',
      [0x30, 0x66, 0x02, 0x31, ...Array(49).fill(1), 0x02, 0x31, ...Array(49).fill(1)],
    ],
    ['the halves of another curve', Array(96).fill(7)],
    ['text in Base64', [...Buffer.from(Buffer.alloc(64, 7).toString('base64'))]],
  ])('are none in %s', (_, bytes) => {
    expect(jwsSignature('ES256', Buffer.from(bytes))).toBeUndefined()
  })

  it('are none in whatever bytes, or whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160 }), (bytes) => {
        const signature = jwsSignature('ES256', Uint8Array.from([0x30, bytes.length, ...bytes]))
        expect(signature === undefined || Buffer.from(signature, 'base64url').length === 64).toBe(true)
      }),
    )
  })

  it('are no matter to other algorithms, whose bytes stay what they are', () => {
    const bytes = Buffer.from([0x30, 0x03, 0x02, 0x01, 0x05])
    for (const algorithm of ['PS256', 'RS256', 'EdDSA', 'Ed25519'] as const) {
      expect(jwsSignature(algorithm, bytes)).toBe(bytes.toString('base64url'))
    }
  })
})

describe('a key', () => {
  const P256_SEC1 = `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(EC, 'sec1')}`
  const FORMS: [string, SigningKeyInput, SigningAlgorithm][] = [
    ['PKCS #8 PEM', pem(EC), 'ES256'],
    ['PEM as bytes', Buffer.from(pem(EC)), 'ES256'],
    ['PEM with text around it', `\n key of orders\n${pem(EC).replaceAll('\n', '\r\n')}\n`, 'ES256'],
    ['SEC 1 PEM', pem(EC, 'sec1'), 'ES256'],
    ['SEC 1 PEM after its parameters', P256_SEC1, 'ES256'],
    ['PKCS #1 PEM', pem(RSA, 'pkcs1'), 'PS256'],
    ['a KeyObject', EC, 'ES256'],
    ['an EC JWK', jwk(EC), 'ES256'],
    ['an RSA JWK', jwk(RSA), 'PS256'],
    ['an Ed25519 JWK', jwk(KEYS.EdDSA), 'EdDSA'],
  ]
  it.each(FORMS)('signs as %s', async (_, form, algorithm) => {
    const key = imported(form)
    expect(key.algorithm).toBe(algorithm)
    expect(await verified(compact(key, { a: 1 }), key.publicJwk(), algorithm)).toEqual({ a: 1 })
  })

  const { subtle } = crypto
  const pss = { name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
  it.each<[SigningAlgorithm, Parameters<typeof subtle.importKey>[2] & { name: string }]>([
    ['ES256', { name: 'ECDSA', namedCurve: 'P-256' }],
    ['ES384', { name: 'ECDSA', namedCurve: 'P-384' }],
    ['ES512', { name: 'ECDSA', namedCurve: 'P-521' }],
    ['PS256', pss],
    ['RS256', { ...pss, name: 'RSASSA-PKCS1-v1_5' }],
    ['EdDSA', { name: 'Ed25519' }],
  ])('signs as a CryptoKey, by what it was made for: %s', async (algorithm, how) => {
    const { privateKey } = (await subtle.generateKey(how, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    const key = imported(privateKey)
    expect(key.algorithm).toBe(algorithm)
    expect(await verified(compact(key, { a: 1 }), key.publicJwk(), algorithm)).toEqual({ a: 1 })
  })

  it.each<[string, SigningKeyInput, SigningAlgorithm | undefined, SigningAlgorithm]>([
    ['an RSA key that does not say: as FAPI 2.0 wants it', RSA, undefined, 'PS256'],
    ['an RSA key, explicitly', RSA, 'RS256', 'RS256'],
    ['a JWK that says', { ...jwk(RSA), alg: 'RS256' }, undefined, 'RS256'],
    ['a JWK that says, by its older name', { ...jwk(KEYS.EdDSA), alg: 'EdDSA' }, undefined, 'EdDSA'],
    ['a JWK that says, by its newer name', { ...jwk(KEYS.EdDSA), alg: 'Ed25519' }, undefined, 'Ed25519'],
    [
      'a JWK that says one name of it, explicitly by the other',
      { ...jwk(KEYS.EdDSA), alg: 'EdDSA' },
      'Ed25519',
      'Ed25519',
    ],
    ['an Ed25519 key', KEYS.EdDSA, undefined, 'EdDSA'],
  ])('F6, F8: decides the algorithm itself: %s', (_, key, asked, algorithm) => {
    expect(imported(key, asked).algorithm).toBe(algorithm)
  })

  it('keeps the `kid` of its JWK', () => {
    expect(imported({ ...jwk(EC), kid: 'key-1' }).keyId).toBe('key-1')
    expect(imported(jwk(EC)).keyId).toBeUndefined()
    expect(imported({ ...jwk(EC), kid: 7 }).keyId).toBeUndefined()
  })

  it('D1: has a public half with no private member', () => {
    for (const algorithm of SIGNING_ALGORITHMS) {
      const members = Object.keys(imported({ ...jwk(KEYS[algorithm]), kid: 'k', alg: algorithm }).publicJwk())
      const expected = { e: ['e', 'kty', 'n'], c: ['crv', 'kty', 'x', 'y'], o: ['crv', 'kty', 'x'] }
      expect(Object.values(expected)).toContainEqual(members.sort())
    }
  })

  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
  const encrypted = (type: 'pkcs8' | 'sec1') =>
    EC.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'marker' }) as string
  const publicPem = createPublicKey(EC).export({ type: 'spki', format: 'pem' }) as string
  const { d: _, ...publicJwk } = jwk(EC)
  const REFUSED: [string, unknown, SigningAlgorithm | undefined, string][] = [
    ['missing', undefined, undefined, 'is undefined, not a key. Give PEM'],
    ['null', null, undefined, 'is null, not a key'],
    ['an object of another kind', { key: pem(EC) }, undefined, 'is object, not a key'],
    ['empty', '', undefined, 'is not PEM. PEM begins'],
    ['the path of a file', '/run/secrets/key.pem', undefined, 'is not PEM'],
    ['encrypted', encrypted('pkcs8'), undefined, 'is encrypted. Decrypt it'],
    ['encrypted, in the old way', encrypted('sec1'), undefined, 'is encrypted. Decrypt it'],
    ['a public PEM', publicPem, undefined, 'is a public key or a certificate. To sign'],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----', undefined, 'or a certificate'],
    ['a public KeyObject', createPublicKey(EC), undefined, 'is a public key. To sign'],
    ['a public JWK', publicJwk, undefined, 'is a public key. Signing takes the private key'],
    ['a secret KeyObject', createSecretKey(Buffer.alloc(32)), undefined, 'is a secret key. To sign'],
    ['a shared secret as a JWK', { kty: 'oct', k: 'AAAA' }, undefined, 'is a shared secret. Those are'],
    ['PEM without line breaks', pem(EC).replaceAll('\n', ' '), undefined, 'cannot be read. Was it cut off'],
    ['PEM with escaped line breaks', pem(EC).replaceAll('\n', '\\n'), undefined, 'two characters `\\n`'],
    ['PEM that is cut off', pem(EC).slice(0, 80), undefined, 'cannot be read. Was it cut off'],
    ['a JWK that is cut off', { ...jwk(EC), x: 'AAAA' }, undefined, 'cannot be read'],
    ['a JWK with the private member of another key', { ...jwk(EC), d: jwk(OTHER_EC).d }, undefined, 'is mixed of two'],
    ['a JWK with an empty private member', { ...jwk(EC), d: '' }, undefined, 'is mixed of two'],
    ['an Ed25519 JWK mixed of two', { ...jwk(KEYS.EdDSA), d: jwk(KEYS.Ed25519).d }, undefined, 'is mixed of two'],
    ['an RSA JWK mixed of two', { ...jwk(RSA), n: jwk(OTHER_RSA).n }, undefined, 'is mixed of two'],
    ['a JWK that is still text', JSON.stringify(jwk(EC)), undefined, 'is a JWK as text. Give what `JSON.parse` makes'],
    [
      'an RSA key for PSS alone',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
      undefined,
      'is of type rsa-pss',
    ],
    ['a JWK of no kind', { kty: 'XY', d: 'AAAA' }, undefined, 'cannot be read'],
    ['an RSA key of 1024 bits', rsa1024, undefined, 'is an RSA key of 1024 bits. At least 2048'],
    ['of another curve', secp256k1, undefined, 'is of type ec secp256k1. Use an EC key'],
    ['for key agreement', generateKeyPairSync('x25519').privateKey, undefined, 'is of type x25519'],
    [
      'of another curve than asked for',
      EC,
      'ES384',
      'is of type ec prime256v1, and cannot sign by ES384. It can sign by ES256.',
    ],
    [
      'of another type than asked for',
      RSA,
      'ES256',
      'is of type rsa, and cannot sign by ES256. It can sign by PS256 or RS256.',
    ],
    ['asked to sign by no algorithm', EC, 'none' as SigningAlgorithm, 'cannot sign by none'],
    ['asked to sign by nonsense', EC, '\u001b[2J' as SigningAlgorithm, 'cannot sign by that algorithm'],
    [
      'for another algorithm, as its JWK says',
      { ...jwk(RSA), alg: 'RS256' },
      'PS256',
      'for RS256, and cannot sign by PS256',
    ],
    ['for encryption, as its JWK says', { ...jwk(RSA), alg: 'RSA-OAEP' }, undefined, 'for RSA-OAEP, and cannot sign'],
  ]
  it.each(REFUSED)('F6: is refused when it is %s', (_, key, algorithm, words) => {
    let error: unknown
    try {
      imported(key as SigningKeyInput, algorithm)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(words)
    expect((error as Error).cause).toBeUndefined()
    const said = inspect(error)
    for (const piece of typeof key === 'string' ? key.split(/\s+/).filter((line) => line.length > 30) : []) {
      expect(said).not.toContain(piece)
    }
  })

  it('is refused as a CryptoKey that says another algorithm, or that Node is not allowed to see', async () => {
    const sha512 = { ...pss, hash: 'SHA-512' }
    const { privateKey } = (await subtle.generateKey(sha512, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    expect(() => imported(privateKey)).toThrow('for RSA-PSS SHA-512, and cannot sign')
    const hidden = (await subtle.generateKey('Ed25519', false, ['sign'])) as webcrypto.CryptoKeyPair
    expect(() => imported(hidden.privateKey)).toThrow('is a CryptoKey that is not extractable. Import it')
    expect(() => imported(hidden.publicKey)).toThrow('is a public key. To sign')
  })

  it('is not visible in what was made of it', () => {
    for (const algorithm of SIGNING_ALGORITHMS) {
      const key = imported(jwk(KEYS[algorithm]), algorithm)
      const shown = `${inspect(key, { showHidden: true, depth: null })}${JSON.stringify(key)}${String(key)}`
      expect(shown).not.toContain(String(jwk(KEYS[algorithm]).d))
    }
  })
})

describe('a thumbprint', () => {
  const RFC_7638 = {
    kty: 'RSA',
    n:
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj' +
      'hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ' +
      'vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK' +
      'nqDKgw',
    e: 'AQAB',
    alg: 'RS256',
    kid: '2011-04-29',
  }

  it('is that of RFC 7638 §3.1', () => {
    expect(jwkThumbprint(RFC_7638)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it.each(SIGNING_ALGORITHMS)('is the same elsewhere, and for the private key: %s', async (algorithm) => {
    const publicJwk = imported(KEYS[algorithm], algorithm).publicJwk()
    expect(jwkThumbprint(publicJwk)).toBe(await jose.calculateJwkThumbprint(publicJwk as jose.JWK))
    expect(jwkThumbprint({ ...jwk(KEYS[algorithm]), kid: 'k', use: 'sig' })).toBe(jwkThumbprint(publicJwk))
  })
})

describe('a text', () => {
  it.each([0, 1, 1365, 1366, 5000, 100_000])(
    'may have any length, to be encoded and signed: %d characters',
    (length) => {
      const text = 'a'.repeat(length)
      for (const each of [text, '€'.repeat(length)]) {
        expect(Buffer.from(encodeSegment(each), 'base64url').toString()).toBe(each)
      }
      const signature = Buffer.from(imported(EC).sign(text), 'base64url')
      const key = { key: createPublicKey(EC), dsaEncoding: 'ieee-p1363' } as const
      expect(verify('sha256', Buffer.from(text), key, signature)).toBe(true)
    },
  )
})

describe('an id of a token', () => {
  it('D2: is random, 132 bits in base64url, of which no part comes twice', () => {
    const ids = Array.from({ length: 1000 }, newTokenId)
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
    expect(new Set(ids.flatMap((id) => [id.slice(0, 11), id.slice(11)])).size).toBe(2000)
  })

  it('is as random at each of its places', () => {
    const ids = Array.from({ length: 4000 }, newTokenId)
    for (let place = 0; place < 22; place += 1) expect(new Set(ids.map((id) => id[place])).size).toBe(64)
  })
})
