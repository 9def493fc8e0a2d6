import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKeyInput,
  KeyObject,
  sign,
  verify,
  type webcrypto,
  X509Certificate,
} from 'node:crypto'
import { types as is } from 'node:util'
import { digest } from './digest.ts'

/**
 * A JSON Web Key, by way of a function that takes one: the types of Node 26 do not have the type that those of 24 have.
 * @see RFC 7517 §4
 */
export type JsonWebKey = JsonWebKeyInput['key'] & { readonly kid?: unknown }

/** A private key: PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted), JWK, or a key object of node:crypto or Web Crypto. */
export type SigningKeyInput = string | Uint8Array | JsonWebKey | KeyObject | webcrypto.CryptoKey

/** Makes the error for a key that cannot be used. `problem` completes "the key …", `hint` says what to do. */
export type RefuseKey = (problem: string, hint: string) => Error

/** A private key as it was given, and what it says of itself. */
export interface PrivateKey {
  readonly object: KeyObject
  /** The algorithm it was made for, if it says. */
  readonly ownAlgorithm?: string | undefined
  /** The `kid` of a JWK. */
  readonly keyId?: string | undefined
}

/**
 * Reads a key in any of the forms it may be given in.
 * @throws what `refuse` makes, never with anything of the key in it
 */
export function readPrivateKey(key: SigningKeyInput, refuse: RefuseKey): PrivateKey {
  if (is.isKeyObject(key)) return { object: key as KeyObject }
  if (is.isCryptoKey(key)) return fromCryptoKey(key as webcrypto.CryptoKey, refuse)
  if (typeof key === 'string' || key instanceof Uint8Array)
    return { object: fromPem(Buffer.from(key).toString(), refuse) }
  if (typeof key === 'object' && key !== null && typeof key.kty === 'string') return fromJwk(key, refuse)
  const what = key === null ? 'null' : typeof key
  throw refuse(`is ${what}, not a key`, 'Give PEM, a JWK as an object, a KeyObject or a CryptoKey.')
}

/** A digest of what only the owner of a private key knows: the same in whatever form the key was given. */
export function privateKeyDigest(key: KeyObject): string {
  return digest(String(key.export({ format: 'jwk' }).d))
}

function fromCryptoKey(key: webcrypto.CryptoKey, refuse: RefuseKey): PrivateKey {
  if (key.type === 'private' && !key.extractable) {
    throw refuse('is a CryptoKey that is not extractable', 'Import it as extractable, or give it as PEM.')
  }
  // It was made for one algorithm: signing by another would make two keys of one.
  return { object: attempt(() => KeyObject.from(key), refuse, 'Give it as PEM.'), ownAlgorithm: algorithmOf(key) }
}

const WEB_ALGORITHMS: Readonly<Record<string, string>> = {
  'ECDSA P-256': 'ES256',
  'ECDSA P-384': 'ES384',
  'ECDSA P-521': 'ES512',
  'RSA-PSS SHA-256': 'PS256',
  'RSASSA-PKCS1-v1_5 SHA-256': 'RS256',
  Ed25519: 'EdDSA',
}

/** The algorithm of JWS that a CryptoKey was made for; Web Crypto's own name where it is none of ours. */
export function algorithmOf({ algorithm }: webcrypto.CryptoKey): string {
  const { name, namedCurve, hash } = algorithm as { name: string; namedCurve?: string; hash?: { name: string } }
  const full = [name, namedCurve ?? hash?.name].filter((part) => part !== undefined).join(' ')
  return WEB_ALGORITHMS[full] ?? full
}

function fromJwk(jwk: JsonWebKey, refuse: RefuseKey): PrivateKey {
  if (jwk.kty === 'oct') throw refuse('is a shared secret', 'Those are for `clientSecretJwt`; this takes a key pair.')
  const { d, ...publicJwk } = jwk
  if (d === undefined) throw refuse('is a public key', 'Signing takes the private key, and this JWK has no `d`.')
  const { alg, kid } = jwk
  const object = attempt(() => createPrivateKey({ key: jwk, format: 'jwk' }), refuse, 'Is a member of the JWK cut off?')
  if (isMixed(object, publicJwk)) throw refuse('is mixed of two', 'Its `d` does not belong to its public members.')
  return { object, ownAlgorithm: text(alg), keyId: text(kid) }
}

// Node takes both halves as they are, and then every signature is a wrong one.
function isMixed(privateKey: KeyObject, publicJwk: JsonWebKey): boolean {
  const message = Buffer.from('whose key is it')
  try {
    const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' })
    return !verify(undefined, message, publicKey, sign(undefined, message, privateKey))
  } catch {
    // Of a kind that does not sign, which is found later.
    return false
  }
}

function fromPem(pem: string, refuse: RefuseKey): KeyObject {
  if (/ENCRYPTED/.test(pem)) {
    throw refuse(
      'is encrypted',
      'Decrypt it with `createPrivateKey({ key, passphrase })` of node:crypto, and give that.',
    )
  }
  if (!/PRIVATE KEY/.test(pem) && /PUBLIC KEY|CERTIFICATE/.test(pem)) {
    throw refuse('is a public key or a certificate', 'To sign takes the private key.')
  }
  if (/^\s*\{/.test(pem)) throw refuse('is a JWK as text', 'Give what `JSON.parse` makes of it.')
  if (!pem.includes('-----BEGIN ')) throw refuse('is not PEM', hintForNoPem(pem))
  const hint = pem.includes('\\n')
    ? "It has the two characters `\\n` where lines should end: write `key.replaceAll('\\\\n', '\\n')`."
    : 'Was it cut off, or are its line breaks lost?'
  return attempt(() => createPrivateKey(pem), refuse, hint)
}

function hintForNoPem(text: string): string {
  // "-----BEGIN " in Base64.
  if (text.trimStart().startsWith('LS0tLS1CRUdJTi')) {
    return "It is PEM in Base64: write `Buffer.from(key, 'base64').toString()`."
  }
  return 'PEM begins with "-----BEGIN PRIVATE KEY-----". Give the content of the file, not its path.'
}

function attempt(make: () => KeyObject, refuse: RefuseKey, hint: string): KeyObject {
  try {
    return make()
  } catch {
    // The message may quote what was given.
    throw refuse('cannot be read', hint)
  }
}

/** What has to be known of the certificate of a key. */
export interface KeyCertificate {
  /** The base64url SHA-256 of the certificate. @see RFC 7515 §4.1.8 */
  readonly thumbprint: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Epoch milliseconds. */
  readonly expiresAt: number
  readonly publicJwk: JsonWebKey
}

/** Reads a certificate, PEM; of several, the first. @throws what `refuse` makes */
export function readKeyCertificate(pem: string | Uint8Array, refuse: RefuseKey): KeyCertificate {
  try {
    const { fingerprint256, validFrom, validTo, publicKey } = new X509Certificate(pem)
    return {
      thumbprint: Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
      issuedAt: Date.parse(validFrom),
      expiresAt: Date.parse(validTo),
      publicJwk: publicKey.export({ format: 'jwk' }),
    }
  } catch {
    throw refuse('cannot be read', 'Give the content of a PEM file that begins with "-----BEGIN CERTIFICATE-----".')
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
