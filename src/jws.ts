import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign as signBytes,
  type webcrypto,
} from 'node:crypto'
import {
  algorithmOf,
  type JsonWebKey,
  privateKeyDigest,
  type RefuseKey,
  readPrivateKey,
  type SigningKeyInput,
} from './private-key.ts'

/**
 * How a signature is made with a private key. `Ed25519` is the newer name of what most servers call `EdDSA`.
 * @see RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2
 */
export type SigningAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'PS256' | 'RS256' | 'EdDSA' | 'Ed25519'

interface Method {
  /** The types of key that fit, as {@link kindOf} names them. */
  readonly kinds: readonly string[]
  readonly hash: string | null
  /** Bytes of each half of an ECDSA signature. */
  readonly halfSize?: number
  readonly options?: { readonly padding: number; readonly saltLength: number }
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }

// In this order of preference.
const METHODS: Readonly<Record<SigningAlgorithm, Method>> = {
  ES256: { kinds: ['ec prime256v1'], hash: 'sha256', halfSize: 32 },
  ES384: { kinds: ['ec secp384r1'], hash: 'sha384', halfSize: 48 },
  ES512: { kinds: ['ec secp521r1'], hash: 'sha512', halfSize: 66 },
  PS256: { kinds: ['rsa'], hash: 'sha256', options: PSS },
  RS256: { kinds: ['rsa'], hash: 'sha256' },
  EdDSA: { kinds: ['ed25519'], hash: null },
  Ed25519: { kinds: ['ed25519'], hash: null },
}

/** The names of all {@link SigningAlgorithm}s. */
export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = Object.keys(METHODS) as SigningAlgorithm[]

// What is written here is read at once: a buffer for each step costs as much as all else that is done beside a signature.
const scratch = Buffer.allocUnsafe(4096)

const SHORTEST_RSA_BITS = 2048
const HINT_PRIVATE = 'To sign takes the private key.'

/** A private key, imported once, and the algorithm it signs by. Shows nothing of the key when printed. */
export class SigningKey {
  readonly algorithm: SigningAlgorithm
  /** The `kid` of the JWK it was made from. */
  readonly keyId: string | undefined
  readonly #key: KeyObject
  readonly #method: Method

  constructor(key: KeyObject, algorithm: SigningAlgorithm, keyId?: string) {
    this.algorithm = algorithm
    this.keyId = keyId
    this.#key = key
    this.#method = METHODS[algorithm]
  }

  /** The public half, without `kid` or `alg`. Derived anew at every call: keep it. @see RFC 7517 §4 */
  publicJwk(): JsonWebKey {
    return createPublicKey(this.#key).export({ format: 'jwk' })
  }

  /** A digest of the private key, however it was given. */
  secretDigest(): string {
    return privateKeyDigest(this.#key)
  }

  /** Signs the ASCII text, synchronously. @returns the signature in base64url @see RFC 7515 §5.1 */
  sign(input: string): string {
    const { hash, halfSize, options } = this.#method
    // The key itself where that says enough: inside of an object it makes a signature cost half as much again.
    const key = options === undefined ? this.#key : { key: this.#key, ...options }
    const signature = signBytes(hash, bytesOf(input), key)
    return halfSize === undefined ? signature.toString('base64url') : joinedHalves(signature, halfSize)
  }
}

/**
 * Imports a private key for signing.
 * @param algorithm default: what the key itself says (JWK `alg`, a CryptoKey's algorithm), else what its type allows;
 *   an RSA key that does not say signs by PS256
 * @throws what `refuse` makes, for a key that is no private key, cannot be read, is too short, or does not fit; never
 *   with anything of the key in it
 * @see RFC 7518 §3
 */
export function importSigningKey(
  key: SigningKeyInput,
  algorithm: SigningAlgorithm | undefined,
  refuse: RefuseKey,
): SigningKey {
  const { object, ownAlgorithm, keyId } = readPrivateKey(key, refuse)
  if (object.type !== 'private') throw refuse(`is a ${object.type} key`, HINT_PRIVATE)
  const chosen = chooseAlgorithm(kindOf(object), ownAlgorithm, algorithm, refuse)
  checkLength(object.asymmetricKeyDetails?.modulusLength, refuse)
  return new SigningKey(object, chosen, keyId)
}

/**
 * For a CryptoKey that is not extractable, by which Node signs asynchronously only.
 * @throws what `refuse` makes, as {@link importSigningKey}
 */
export function webCryptoSigner(
  key: webcrypto.CryptoKey,
  algorithm: SigningAlgorithm | undefined,
  refuse: RefuseKey,
): { readonly algorithm: SigningAlgorithm; readonly sign: (input: string) => Promise<string> } {
  if (key.type !== 'private') throw refuse(`is a ${key.type} key`, HINT_PRIVATE)
  const own = algorithmOf(key)
  const kind = METHODS[own as SigningAlgorithm]?.kinds[0] ?? own
  const chosen = chooseAlgorithm(kind, own, algorithm, refuse)
  const { name, modulusLength } = key.algorithm as webcrypto.RsaHashedKeyAlgorithm
  checkLength(modulusLength, refuse)
  const how = { name, hash: METHODS[chosen].hash?.replace('sha', 'SHA-'), saltLength: 32 }
  return {
    algorithm: chosen,
    sign: async (input) => Buffer.from(await crypto.subtle.sign(how, key, Buffer.from(input))).toString('base64url'),
  }
}

function chooseAlgorithm(
  kind: string,
  own: string | undefined,
  asked: SigningAlgorithm | undefined,
  refuse: RefuseKey,
): SigningAlgorithm {
  const fitting = SIGNING_ALGORITHMS.filter((name) => METHODS[name].kinds.includes(kind))
  if (fitting.length === 0) {
    throw refuse(`is of type ${kind}`, 'Use an EC key on P-256, P-384 or P-521, an Ed25519 key, or an RSA key.')
  }
  const allowed = own === undefined ? fitting : fitting.filter((name) => sameMethod(name, own))
  const chosen = asked ?? allowed.find((name) => name === own) ?? allowed[0]
  if (chosen !== undefined && allowed.includes(chosen)) return chosen
  const says = own === undefined ? `is of type ${kind}` : `is of type ${kind}, for ${shown(own)}`
  throw refuse(`${says}, and cannot sign by ${shown(chosen)}`, `It can sign by ${allowed.join(' or ') || 'nothing'}.`)
}

function checkLength(bits: number | undefined, refuse: RefuseKey): void {
  if (bits !== undefined && bits < SHORTEST_RSA_BITS) {
    throw refuse(`is an RSA key of ${bits} bits`, `At least ${SHORTEST_RSA_BITS} are needed.`)
  }
}

/** Makes a new key pair for this algorithm. */
export function generateSigningKey(algorithm: SigningAlgorithm): SigningKey {
  return new SigningKey(newPrivateKey(METHODS[algorithm].kinds[0] ?? ''), algorithm)
}

/** The base64url of an object's JSON, or of a text that is JSON: a header or the claims of a JWS. @see RFC 7515 §3.1 */
export function encodeSegment(value: object | string): string {
  return bytesOf(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

const ID_LENGTH = 22
let ids = ''

/** A `jti` that was never used before: 132 random bits in base64url. */
export function newTokenId(): string {
  // Many at a time: to ask for the bits of one takes as long as to write the rest of a proof.
  if (ids.length < ID_LENGTH) ids = randomBytes(3 * 1024).toString('base64url')
  const id = ids.slice(0, ID_LENGTH)
  ids = ids.slice(ID_LENGTH)
  return id
}

/** Signs by HS256. @returns the authentication code in base64url @see RFC 7518 §3.2 */
export function hmacSha256(secret: string | Uint8Array, input: string): string {
  return createHmac('sha256', secret).update(input).digest('base64url')
}

/** The SHA-256 thumbprint of a public JWK, in base64url. @see RFC 7638 §3 */
export function jwkThumbprint(jwk: JsonWebKey): string {
  // Exactly the members that make the key, in the order of their names.
  const members = JSON.stringify(jwk, ['crv', 'e', 'kty', 'n', 'x', 'y'])
  return createHash('sha256').update(members).digest('base64url')
}

/**
 * What a JWS has for a signature made elsewhere: an ECDSA signature in DER, as most key services give it, becomes its two
 * halves; everything else stays as it is.
 * @returns it in base64url; `undefined` for bytes that cannot be a signature by this algorithm
 * @see RFC 7518 §3.4
 */
export function jwsSignature(algorithm: SigningAlgorithm, signature: Uint8Array): string | undefined {
  const bytes = Buffer.from(signature)
  const { halfSize } = METHODS[algorithm]
  if (bytes.length === 0) return undefined
  if (halfSize === undefined || bytes.length === 2 * halfSize) return bytes.toString('base64url')
  return isDer(bytes, halfSize) ? joinedHalves(bytes, halfSize) : undefined
}

function isDer(bytes: Buffer, halfSize: number): boolean {
  let at = bytes[1] === 0x81 ? 3 : 2
  if (bytes[0] !== 0x30 || bytes[at - 1] !== bytes.length - at) return false
  for (const _ of 'rs') {
    const length = bytes[at + 1] ?? 0
    if (bytes[at] !== 2 || length === 0 || length > halfSize + 1) return false
    at += 2 + length
  }
  return at === bytes.length
}

/** From SEQUENCE { INTEGER r, INTEGER s } to both integers at full length, in base64url: half the cost of asking OpenSSL. */
function joinedHalves(der: Buffer, halfSize: number): string {
  // 132 bytes and more, as of P-521, say so in one byte more.
  let at = der[1] === 0x81 ? 3 : 2
  for (let end = halfSize; end <= 2 * halfSize; end += halfSize) {
    const length = der[at + 1] ?? 0
    const last = at + 1 + length
    // DER drops zeros at the front, and puts one before a first bit that is set. By bytes: to fill and to copy costs calls.
    for (let i = 0; i < halfSize; i += 1) scratch[end - 1 - i] = i < length ? (der[last - i] ?? 0) : 0
    at = last + 1
  }
  return scratch.toString('base64url', 0, 2 * halfSize)
}

/** The bytes of a text, until the next are asked for. */
function bytesOf(text: string): Buffer {
  if (3 * text.length > scratch.length) return Buffer.from(text)
  return scratch.subarray(0, scratch.write(text))
}

function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): string {
  return type === 'ec' ? `ec ${asymmetricKeyDetails?.namedCurve}` : String(type)
}

function newPrivateKey(kind: string): KeyObject {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519').privateKey
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: SHORTEST_RSA_BITS }).privateKey
  return generateKeyPairSync('ec', { namedCurve: kind.slice('ec '.length) }).privateKey
}

const sameMethod = (name: SigningAlgorithm, other: string) =>
  name === other || (name === 'Ed25519' && other === 'EdDSA') || (name === 'EdDSA' && other === 'Ed25519')

// An algorithm comes from options or a JWK: only what looks like a name is repeated.
const shown = (value: unknown) =>
  typeof value === 'string' && /^[\w .-]{1,32}$/.test(value) ? value : 'that algorithm'
