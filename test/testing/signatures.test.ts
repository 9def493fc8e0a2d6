import { generateKeyPairSync, sign } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { encodeSegment, hmacSha256 } from '../../src/jws.ts'
import { verifyJwt } from '../../src/testing/signatures.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const SECRET = 'a-secret'

/** A JWT whose header says what it likes, signed by HS256. */
function hmac(header: object): string {
  const input = `${encodeSegment(header)}.${encodeSegment({ sub: 'a' })}`
  return `${input}.${hmacSha256(SECRET, input)}`
}

describe('a JWT', () => {
  const good = hmac({ alg: 'HS256' })

  it.each<[string, string, string | undefined]>([
    ['is taken when the secret fits', good, 'a'],
    ['says by what it is signed', hmac({ alg: 'HS512' }), undefined],
    ['says that it is not signed at all', hmac({ alg: 'none' }), undefined],
    ['has three parts', `${good}.more`, undefined],
    ['has three parts, not two', good.slice(0, good.lastIndexOf('.')), undefined],
    ['is signed', good.slice(0, -5), undefined],
    ['is signed by this secret', `${good.slice(0, -5)}AAAAA`, undefined],
    ['is JSON', `${good.replace(/^[^.]*/, 'e30x')}`, undefined],
    ['is an object', `${good.replace(/^[^.]*/, 'bnVsbA')}`, undefined],
  ])('%s: %s', (_, jwt, sub) => {
    expect(verifyJwt(jwt, () => ({ secret: SECRET }))?.claims.sub).toBe(sub)
  })

  it('is signed by a key of the type that it says', async () => {
    const jwt = await new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey)
    expect(verifyJwt(jwt, () => ({ publicKey: rsa.publicKey }))?.claims.sub).toBe('a')
    expect(verifyJwt(jwt, () => ({ publicKey: ec.publicKey }))).toBeUndefined()
    const named = `${encodeSegment({ alg: 'ES256' })}.${encodeSegment({ sub: 'a' })}`
    const signature = sign('sha256', Buffer.from(named), rsa.privateKey).toString('base64url')
    expect(verifyJwt(`${named}.${signature}`, () => ({ publicKey: rsa.publicKey }))).toBeUndefined()
    // The public key is no secret.
    const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
    const input = `${encodeSegment({ alg: 'HS256' })}.${encodeSegment({ sub: 'a' })}`
    expect(verifyJwt(`${input}.${hmacSha256(spki, input)}`, () => ({ publicKey: rsa.publicKey }))).toBeUndefined()
  })
})
