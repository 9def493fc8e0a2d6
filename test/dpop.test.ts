import { createHash, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { inspect } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import { AccessToken } from '../src/access-token.ts'
import { type Dpop, type DpopOptions, type ProvenRequest, readDpop } from '../src/dpop.ts'
import { SIGNING_ALGORITHMS } from '../src/jws.ts'
import { verifiedProof } from './support/dpop-proof.ts'
import { fc } from './support/fast-check.ts'

const NOW = Date.UTC(2026, 0, 1, 0, 0, 0, 900)
const API = 'https://api.example.com/orders'
const SERVER = 'https://auth.example.com/token'

function tokenOf(value = 'Marker-T0ken'): AccessToken {
  return new AccessToken({
    ...{ value, tokenType: 'DPoP', scope: [], lifetimeMs: 3_600_000, dueAfterMs: 1, expiredAfterMs: 2 },
    requestedAt: { wall: NOW, monotonic: 0 },
  })
}

function dpopOf(options: true | DpopOptions = true): Dpop {
  return readDpop(options, 'dpop') ?? expect.fail('there is none')
}

const GET: ProvenRequest = { method: 'GET', url: API, token: tokenOf() }
const POST: ProvenRequest = { method: 'POST', url: SERVER }

const claimsOf = async (dpop: Dpop, request: ProvenRequest) => (await verifiedProof(dpop.proof(request, NOW))).claims

describe('a DPoP proof', () => {
  it.each(SIGNING_ALGORITHMS)(
    'D1: has its type, an asymmetric algorithm and the public key, nothing more: %s',
    async (algorithm) => {
      const dpop = dpopOf({ algorithm })
      const { header } = await verifiedProof(dpop.proof(GET, NOW))
      expect(Object.keys(header).sort()).toEqual(['alg', 'jwk', 'typ'])
      expect(header).toMatchObject({ typ: 'dpop+jwt', alg: algorithm })
      const members = {
        ES: ['crv', 'kty', 'x', 'y'],
        Ed: ['crv', 'kty', 'x'],
        PS: ['e', 'kty', 'n'],
        RS: ['e', 'kty', 'n'],
      }
      expect(Object.keys(header.jwk).sort()).toEqual(members[algorithm.slice(0, 2) as keyof typeof members])
    },
  )

  it('D1: is by ES256 and a new key for each client, unless the options say otherwise', async () => {
    const [one, other] = await Promise.all([dpopOf(), dpopOf({})].map((dpop) => verifiedProof(dpop.proof(GET, NOW))))
    expect(one?.header.alg).toBe('ES256')
    expect(other?.header.alg).toBe('ES256')
    expect(one?.header.jwk).not.toEqual(other?.header.jwk)
  })

  it.each(['HS256', 'none', 'HS512', 'RS1', '', 1])('D1: cannot be asked for by %j', (algorithm) => {
    expect(() => readDpop({ algorithm: algorithm as 'ES256' }, 'clients.orders.dpop')).toThrow(
      /^evertoken: option `clients.orders.dpop.algorithm` must be one of ES256, ES384, ES512, PS256, RS256, EdDSA/,
    )
  })

  it('D1: is by the key that is given, of which only the public half shows', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = privateKey.export({ format: 'jwk' })
    const forms = [
      privateKey,
      { ...jwk, kid: 'Marker', use: 'sig' },
      privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ]
    for (const key of forms as (string | JsonWebKey)[]) {
      const { header } = await verifiedProof(dpopOf({ key }).proof(GET, NOW))
      const { d: _private, ...publicJwk } = jwk
      expect(header.jwk).toEqual(publicJwk)
    }
  })

  it('D2: says for which method and URL it is, and when it was made, under an id of its own', async () => {
    const { jti, ...claims } = await claimsOf(dpopOf(), POST)
    expect(jti).toMatch(/^[\w-]{22}$/)
    // Whole seconds that have passed: a time ahead of the server's would be refused.
    expect(claims).toEqual({ htm: 'POST', htu: SERVER, iat: Math.floor(NOW / 1000) })
  })

  it.each([
    ['https://api.example.com/orders?status=open#top', 'https://api.example.com/orders'],
    ['https://api.example.com', 'https://api.example.com/'],
    ['https://API.example.com:443/a/../b', 'https://api.example.com/b'],
    ['http://localhost:8080/a?', 'http://localhost:8080/a'],
    ['https://user:pass@api.example.com/', 'https://api.example.com/'],
    ['https://bücher.example/ä "quoted"\\n', 'https://xn--bcher-kva.example/%C3%A4%20%22quoted%22/n'],
    ['https://[::1]:8443/%7Ea', 'https://[::1]:8443/%7Ea'],
  ])('D2: names the URL as it is requested, without query, fragment and credentials: %s', async (url, htu) => {
    expect((await claimsOf(dpopOf(), { ...GET, url })).htu).toBe(htu)
  })

  it.each([
    ...['', '/', '//', '/orders//17', '/orders/17?full=true', '/orders#part', '/a_b/~c/d.e-f/', '/a/b\\c', '/a\tb'],
    ...['/./a', '/a/..', '/../a/./b', '/%2e%2e/a', '/a/.../b', '/.well-known', '/café', '/"', '?a', '#a', '/a b'],
    ...['.example.org/a', '@example.org/a', ':443/a', ':8443/a', '0/a'],
  ])('D2: names a URL as it is parsed, whatever was asked for on its origin before: %j', async (rest) => {
    const dpop = dpopOf()
    for (const url of [API, `https://api.example.com${rest}`, API]) {
      const { origin, pathname } = new URL(url)
      expect((await claimsOf(dpop, { ...GET, url })).htu).toBe(`${origin}${pathname}`)
    }
  })

  it('D2: is readable and true, whatever the URL and the method', async () => {
    const dpop = dpopOf({ algorithm: 'Ed25519' })
    const request = fc.record({ url: fc.webUrl({ withQueryParameters: true }), method: fc.string({ maxLength: 20 }) })
    await fc.assert(
      fc.asyncProperty(request, async ({ url, method }) => {
        const { origin, pathname } = new URL(url)
        expect(await claimsOf(dpop, { url, method })).toMatchObject({ htm: method, htu: `${origin}${pathname}` })
      }),
      { numRuns: 50 },
    )
  })

  it('D3: of a request with a token has its hash, as in RFC 9449 §7.1', async () => {
    const token = tokenOf('Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU')
    const dpop = dpopOf()
    const ath = 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo'
    expect((await claimsOf(dpop, { ...GET, token })).ath).toBe(ath)
    expect((await claimsOf(dpop, { ...GET, token })).ath).toBe(ath)
    expect((await claimsOf(dpop, GET)).ath).toBe(createHash('sha256').update('Marker-T0ken').digest('base64url'))
  })

  it('D4: is another one each time', () => {
    const dpop = dpopOf()
    expect(new Set(Array.from({ length: 1000 }, () => dpop.proof(GET, NOW))).size).toBe(1000)
  })

  it('D11: is by the key with this thumbprint', async () => {
    const dpop = dpopOf()
    const { header } = await verifiedProof(dpop.proof(GET, NOW))
    expect(dpop.thumbprint).toBe(await calculateJwkThumbprint(header.jwk))
  })
})

describe('a nonce', () => {
  it('is in the next proofs to its origin, until there is a newer one', async () => {
    const dpop = dpopOf()
    expect(dpop.noteNonce({ ...GET, url: `${API}/1?a` }, 'one')).toBe(true)
    expect((await claimsOf(dpop, GET)).nonce).toBe('one')
    expect((await claimsOf(dpop, GET)).nonce).toBe('one')
    dpop.noteNonce(GET, 'two')
    expect((await claimsOf(dpop, { ...GET, url: 'https://API.example.com:443/other' })).nonce).toBe('two')
    expect(dpop.nonce(GET)).toBe('two')
  })

  it('D10: is kept apart for each API', async () => {
    const dpop = dpopOf()
    const other = { ...GET, url: 'https://api.example.com:8443/orders' }
    dpop.noteNonce(GET, 'one')
    expect((await claimsOf(dpop, other)).nonce).toBeUndefined()
    dpop.noteNonce(other, 'two')
    expect([dpop.nonce(GET), dpop.nonce(other)]).toEqual(['one', 'two'])
  })

  it('D10: of the authorization server is none of an API on the same origin, and the other way round', async () => {
    const dpop = dpopOf()
    dpop.noteNonce(POST, 'of-the-server')
    const userInfo = { ...GET, url: SERVER }
    expect((await claimsOf(dpop, userInfo)).nonce).toBeUndefined()
    dpop.noteNonce(userInfo, 'of-the-api')
    expect((await claimsOf(dpop, userInfo)).nonce).toBe('of-the-api')
    expect((await claimsOf(dpop, POST)).nonce).toBe('of-the-server')
  })

  it('D10: of an origin is forgotten when a thousand others have given one since', () => {
    const dpop = dpopOf()
    const at = (number: number) => ({ ...GET, url: `https://api-${number}.example.com/` })
    for (let number = 0; number < 1000; number += 1) dpop.noteNonce(at(number), `nonce-${number}`)
    expect(dpop.nonce(at(0))).toBe('nonce-0')
    dpop.noteNonce(at(0), 'again')
    dpop.noteNonce(at(1000), 'one-more')
    expect([0, 1, 2, 1000].map((number) => dpop.nonce(at(number)))).toEqual(['again', undefined, 'nonce-2', 'one-more'])
  })

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['a quote', 'a"b'],
    ['a backslash', 'a\\b'],
    ['a space', 'a b'],
    ['two headers in one', 'one, two'],
    ['a control character', 'a\u0000b'],
    ['a line break', 'abc\n'],
    ['a letter outside ASCII', 'é'],
    ['more than 1,024 characters', 'a'.repeat(1025)],
    ['no text', ['one']],
  ])('is ignored when it is %s', async (_, value) => {
    const dpop = dpopOf()
    dpop.noteNonce(GET, 'good')
    expect(dpop.noteNonce(GET, value)).toBe(false)
    expect((await claimsOf(dpop, GET)).nonce).toBe('good')
  })

  it('may have every character that RFC 9449 §8.1 allows', async () => {
    const dpop = dpopOf()
    const allowed = Array.from({ length: 0x7f - 0x21 }, (_, at) => String.fromCharCode(0x21 + at)).filter(
      (c) => !/["\\]/.test(c),
    )
    const nonce = allowed.join('').padEnd(1024, 'x')
    expect(dpop.noteNonce(GET, nonce)).toBe(true)
    expect((await claimsOf(dpop, GET)).nonce).toBe(nonce)
  })
})

describe('the option `dpop`', () => {
  it.each([undefined, false])('%s is none', (given) => {
    expect(readDpop(given, 'dpop')).toBeUndefined()
  })

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  it.each<[string, unknown, RegExp]>([
    ['text', 'ES256', /option `dpop` must be an object/],
    ['null', null, /option `dpop` must be an object/],
    ['an unknown name', { alg: 'ES256' }, /option `dpop.alg` is not an option/],
    ['a public key', { key: rsa.publicKey }, /option `dpop.key` is a public key. To sign takes the private key/],
    [
      'a key for another algorithm',
      { key: rsa.privateKey, algorithm: 'ES256' },
      /option `dpop.key` .*cannot sign by ES256/,
    ],
    ['a shared secret', { key: { kty: 'oct', k: 'Marker' } }, /option `dpop.key` is a shared secret/],
    ['no key', { key: 'Marker' }, /option `dpop.key` is not PEM/],
  ])('is refused as %s', (_, given, message) => {
    expect(() => readDpop(given as DpopOptions, 'dpop')).toThrow(TypeError)
    expect(() => readDpop(given as DpopOptions, 'dpop')).toThrow(message)
    expect(() => readDpop(given as DpopOptions, 'dpop')).not.toThrow(/Marker/)
  })

  it('shows nothing of the key or of a nonce', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const dpop = dpopOf({ key: privateKey })
    dpop.noteNonce(GET, 'Marker-nonce')
    dpop.proof(GET, NOW)
    const { d = '' } = privateKey.export({ format: 'jwk' })
    const printed = [inspect(dpop, { showHidden: true, depth: null }), JSON.stringify(dpop)].join()
    expect(printed).toContain(dpop.thumbprint)
    expect(printed).not.toContain(d)
    expect(printed).not.toContain('Marker')
  })
})
