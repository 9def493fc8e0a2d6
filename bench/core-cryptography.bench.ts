import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  generateKeyPairSync,
  randomBytes,
  randomFillSync,
  sign,
} from 'node:crypto'
import { generateProof } from 'dpop'
import { CompactEncrypt, compactDecrypt, exportJWK, type JWK, SignJWT } from 'jose'
import { AccessToken } from '../src/access-token.ts'
import { readDpop } from '../src/dpop.ts'
import { privateKeyJwt } from '../src/index.ts'
import { StoreEncryption } from '../src/store/encryption.ts'
import type { Comparison, Group, Work } from './harness.ts'

const URLS = Array.from({ length: 64 }, (_, order) => `https://api.example.com/orders/${order}?full=true`)
const TOKEN = new AccessToken({
  ...{ value: randomBytes(768).toString('base64url'), tokenType: 'DPoP', scope: [], lifetimeMs: 3_600_000 },
  ...{ requestedAt: { wall: Date.now(), monotonic: 0 }, dueAfterMs: 2_400_000, expiredAfterMs: 3_590_000 },
})
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const seen = { count: 0 }

function repeated(once: (time: number) => number): Work {
  return {
    run: (times) => {
      for (let i = 0; i < times; i += 1) seen.count += once(i)
    },
  }
}

function repeatedAsync(once: (time: number) => Promise<number>): Work {
  return {
    run: async (times) => {
      for (let i = 0; i < times; i += 1) seen.count += await once(i)
    },
  }
}

function bareSignature(): Work {
  // As long as what is signed of a proof.
  const input = randomBytes(420)
  return repeated(() => sign('sha256', input, privateKey).length)
}

const urlOf = (time: number) => URLS[time % URLS.length] as string

const proof: Comparison = {
  name: 'core-dpop-proof',
  title: 'A DPoP proof',
  about: 'For each request a new one, by ES256, against one signature by `node:crypto` with a `KeyObject`.',
  variants: [
    { name: 'a bare signature', role: 'floor', prepare: bareSignature },
    {
      ...{ name: 'evertoken', role: 'ours', bound: 1.1 },
      prepare: () => {
        const dpop = readDpop({ key: privateKey }, 'dpop') as NonNullable<ReturnType<typeof readDpop>>
        return repeated((time) => dpop.proof({ method: 'GET', url: urlOf(time), token: TOKEN }, Date.now()).length)
      },
    },
    {
      ...{ name: 'jose', role: 'peer' },
      prepare: async () => {
        const jwk: JWK = await exportJWK(publicKey)
        return repeatedAsync(async (time) => {
          const claims = { jti: crypto.randomUUID(), htm: 'GET', htu: urlOf(time), ath: TOKEN.hash() }
          const header = { typ: 'dpop+jwt', alg: 'ES256', jwk }
          return (await new SignJWT(claims).setProtectedHeader(header).setIssuedAt().sign(privateKey)).length
        })
      },
    },
    {
      ...{ name: 'dpop', role: 'peer' },
      prepare: async () => {
        const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
        return repeatedAsync(
          async (time) => (await generateProof(pair, urlOf(time), 'GET', undefined, TOKEN.reveal())).length,
        )
      },
    },
  ],
}

const CLAIMED = { clientId: 'orders', issuer: 'https://auth.example.com' }

const assertion: Comparison = {
  name: 'core-private-key-jwt',
  title: 'A client assertion',
  about: '`private_key_jwt` by ES256, for each token request a new one, against one signature by `node:crypto`.',
  variants: [
    { name: 'a bare signature', role: 'floor', prepare: bareSignature },
    {
      ...{ name: 'evertoken', role: 'ours', bound: 1.3 },
      prepare: () => {
        const authenticate = privateKeyJwt({ key: privateKey, algorithm: 'ES256', keyId: 'a' })
        return repeatedAsync(async () => {
          const body = new URLSearchParams()
          await authenticate({
            ...{ ...CLAIMED, client: 'orders', tokenEndpoint: 'https://auth.example.com/token' },
            ...{ supportedMethods: undefined, now: Date.now(), headers: {}, body, hide: () => {} },
          })
          return body.size
        })
      },
    },
    {
      ...{ name: 'jose', role: 'peer' },
      prepare: () =>
        repeatedAsync(async () => {
          const jwt = new SignJWT({ jti: crypto.randomUUID() })
            .setProtectedHeader({ alg: 'ES256', kid: 'a', typ: 'client-authentication+jwt' })
            .setIssuer(CLAIMED.clientId)
            .setSubject(CLAIMED.clientId)
            .setAudience(CLAIMED.issuer)
            .setIssuedAt()
            .setExpirationTime('60s')
          const body = new URLSearchParams({ client_assertion: await jwt.sign(privateKey) })
          return body.size
        }),
    },
  ],
}

const SECRET = randomBytes(32)
const TEXT = randomBytes(1125).toString('base64url')

const encryption: Comparison = {
  name: 'core-encryption',
  title: 'A token encrypted and decrypted',
  about:
    '1.5 KB, bound to its place in the store, from text to text in Base64, against bare AES-256-GCM with a `KeyObject`, from bytes to bytes.',
  variants: [
    {
      ...{ name: 'bare AES-256-GCM', role: 'floor' },
      prepare: () => {
        const key = createSecretKey(SECRET)
        const bytes = Buffer.from(TEXT)
        return repeated(() => {
          const nonce = randomFillSync(Buffer.allocUnsafe(12))
          const cipher = createCipheriv('aes-256-gcm', key, nonce)
          const sealed = cipher.update(bytes)
          cipher.final()
          const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
          decipher.setAuthTag(cipher.getAuthTag())
          const opened = decipher.update(sealed)
          decipher.final()
          return opened.length
        })
      },
    },
    {
      ...{ name: 'evertoken', role: 'ours', bound: 1.3 },
      prepare: () => {
        const [cell] = new StoreEncryption({ encryptionKeys: SECRET }).cells('credential')
        if (cell === undefined) throw new Error('There is a cell for each key')
        const context = `1.token.${cell.keyId}.1800000000000\n${cell.name('orders')}\n3`
        return repeated(() => cell.open(cell.seal(TEXT, context), context).length)
      },
    },
    {
      ...{ name: 'jose', role: 'peer' },
      prepare: () => {
        const bytes = Buffer.from(TEXT)
        return repeatedAsync(async () => {
          const header = { alg: 'dir', enc: 'A256GCM' }
          const sealed = await new CompactEncrypt(bytes).setProtectedHeader(header).encrypt(SECRET)
          return (await compactDecrypt(sealed, SECRET)).plaintext.length
        })
      },
    },
  ],
}

export const group: Group = { title: 'Signatures and encryption', rows: [proof, assertion, encryption] }
