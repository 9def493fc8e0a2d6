import type { webcrypto } from 'node:crypto'
import { types as is } from 'node:util'
import { digest } from '../digest.ts'
import { optionError, TokenError } from '../errors.ts'
import {
  encodeSegment,
  importSigningKey,
  jwkThumbprint,
  jwsSignature,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
  webCryptoSigner,
} from '../jws.ts'
import { text } from '../option-values.ts'
import { type KeyCertificate, type RefuseKey, readKeyCertificate, type SigningKeyInput } from '../private-key.ts'
import type { CredentialExpiry } from './client-authentication.ts'
import { askSupplier } from './supplier.ts'

/** What assertions are signed with: `key`, or `sign` and `algorithm`. */
export interface SigningOptions {
  /**
   * The private key: PEM (PKCS #8, PKCS #1, SEC 1, not encrypted), JWK, KeyObject or CryptoKey. Or a function that gives
   * it and is called for every token request, so that a rotated key is used at once.
   */
  readonly key?: SigningKeyInput | (() => SigningKeyInput | Promise<SigningKeyInput>) | undefined
  /**
   * Signs instead of `key`, for keys that do not leave a KMS or HSM: gets the bytes to be signed, gives the signature.
   * ECDSA signatures may be in DER or as two halves. Needs `algorithm`. Its time counts as part of the attempt.
   */
  readonly sign?: ((input: Uint8Array) => Uint8Array | ArrayBuffer | Promise<Uint8Array | ArrayBuffer>) | undefined
  /** Default: what the key says or its type allows; for an RSA key that does not say, `PS256`. */
  readonly algorithm?: SigningAlgorithm | undefined
  /** The key's name at the server: `kid`. Default: the JWK's own, else none is sent. */
  readonly keyId?: string | undefined
  /**
   * The key's certificate, PEM, for servers that know the key by it, such as Microsoft Entra: its SHA-256 is sent as
   * `x5t#S256`. Or a function, called for every token request.
   */
  readonly certificate?: string | Uint8Array | (() => string | Uint8Array | Promise<string | Uint8Array>) | undefined
  /** When the key expires, epoch milliseconds (not seconds), for the event `credentialExpiring`. Default: when `certificate` does. */
  readonly expiresAt?: number | undefined
}

/** The names of {@link SigningOptions}. */
export const SIGNING_OPTIONS: readonly (keyof SigningOptions)[] = [
  ...(['key', 'sign', 'algorithm', 'keyId', 'certificate', 'expiresAt'] as const),
]

/** Signs assertions. */
interface AssertionSigner {
  readonly algorithm: SigningAlgorithm
  /** The header of the assertion, encoded. */
  readonly header: string
  /** Signs the text. @returns the signature in base64url */
  readonly sign: (input: string, client: string) => string | Promise<string>
  /** A digest by which a change of the key can be told. */
  readonly credential: string
  /** A digest of the private key, where it can be read. */
  readonly secretDigest: (() => string) | undefined
  readonly expiry: CredentialExpiry | undefined
}

/** Gives the signer for the next assertion; `changes` if it may be another one than before. */
export interface AssertionSigners {
  readonly changes: boolean
  /** What they sign by, if that is known before the first key is. */
  readonly algorithm: SigningAlgorithm | undefined
  /** A digest of the private key as it is now; `undefined` where it cannot be read. */
  readonly secretDigest: ((client: string) => string | Promise<string>) | undefined
  readonly of: (client: string) => AssertionSigner | Promise<AssertionSigner>
}

/** What signs: a {@link SigningKey}, a key that Web Crypto does not give away, or a function. */
interface Signs
  extends Partial<Pick<SigningKey, 'keyId' | 'publicJwk' | 'secretDigest'>>,
    Pick<AssertionSigner, 'sign'> {
  readonly algorithm: SigningAlgorithm
}

/**
 * @param type the `typ` of the header
 * @throws TypeError naming the option
 */
export function assertionSigners(options: SigningOptions, type: string): AssertionSigners {
  const { key, sign, certificate } = options
  checkOptions(options)
  const signer = (given: SigningKeyInput | undefined, pem: string | Uint8Array | undefined, refusal: Refusal) => {
    const signs = sign === undefined ? byKey(given as SigningKeyInput, options, refusal('key')) : bySign(sign, options)
    return signerOf(signs, pem, options, type, refusal)
  }
  if (typeof key !== 'function' && typeof certificate !== 'function') {
    const fixed = signer(key, certificate, asOption)
    return { changes: false, algorithm: fixed.algorithm, secretDigest: fixed.secretDigest, of: () => fixed }
  }
  const of = async (client: string) => {
    const given = await resolved(key, 'key', client)
    return signer(given, await resolved(certificate, 'certificate', client), asSupplied(client))
  }
  const secretDigest = async (client: string) => (await of(client)).secretDigest?.() ?? unreadable(client)
  return {
    changes: true,
    algorithm: options.algorithm,
    secretDigest: sign === undefined ? secretDigest : undefined,
    of,
  }
}

// Of milliseconds this was in 1973: seconds were meant, as `exp` has them.
const SECONDS_BELOW = 1e11

function checkOptions({ key, sign, algorithm, keyId, expiresAt }: SigningOptions): void {
  if ((key === undefined) === (sign === undefined)) {
    const [problem, hint] =
      key === undefined
        ? ['is missing', 'Is the environment variable set? Give a private key, or `sign` and `algorithm`.']
        : ['is not used with `sign`', 'Give one of the two.']
    throw optionError('key', problem, hint)
  }
  if (sign !== undefined && typeof sign !== 'function') throw optionError('sign', 'must be a function')
  if (sign !== undefined && algorithm === undefined) {
    throw optionError('algorithm', 'is missing', 'Beside `sign` it says how the signatures are made.')
  }
  if (algorithm !== undefined && !SIGNING_ALGORITHMS.includes(algorithm)) {
    throw optionError('algorithm', `must be one of ${SIGNING_ALGORITHMS.join(', ')}`)
  }
  if (keyId !== undefined) text(keyId, 'keyId')
  if (expiresAt !== undefined && !(Number.isFinite(expiresAt) && expiresAt >= SECONDS_BELOW)) {
    throw optionError(
      'expiresAt',
      'must be a number of milliseconds since 1970',
      'Were seconds meant? Take a thousand times as many.',
    )
  }
}

function signerOf(
  signs: Signs,
  pem: string | Uint8Array | undefined,
  { keyId = signs.keyId, expiresAt }: SigningOptions,
  type: string,
  refusal: Refusal,
): AssertionSigner {
  const publicJwk = signs.publicJwk?.()
  const certificate = pem === undefined ? undefined : readKeyCertificate(pem, refusal('certificate'))
  if (certificate && publicJwk && jwkThumbprint(certificate.publicJwk) !== jwkThumbprint(publicJwk)) {
    throw refusal('certificate')('is of another key', 'Was only one of the two renewed?')
  }
  const header = encodeSegment({
    alg: signs.algorithm,
    typ: type,
    ...(keyId !== undefined && { kid: keyId }),
    ...(certificate && { 'x5t#S256': certificate.thumbprint }),
  })
  return {
    algorithm: signs.algorithm,
    header,
    sign: (input, client) => signs.sign(input, client),
    credential: digest(`${header} ${publicJwk === undefined ? '' : jwkThumbprint(publicJwk)}`),
    secretDigest: signs.secretDigest && (() => signs.secretDigest?.() ?? ''),
    expiry: expiryOf(expiresAt, certificate),
  }
}

function expiryOf(
  expiresAt: number | undefined,
  certificate: KeyCertificate | undefined,
): CredentialExpiry | undefined {
  if (expiresAt !== undefined) return { what: 'key', expiresAt }
  const { issuedAt, expiresAt: end } = certificate ?? {}
  return end === undefined ? undefined : { what: 'certificate', issuedAt, expiresAt: end }
}

function byKey(key: SigningKeyInput, { algorithm }: SigningOptions, refuse: RefuseKey): Signs {
  if (is.isCryptoKey(key) && !(key as webcrypto.CryptoKey).extractable) {
    return webCryptoSigner(key as webcrypto.CryptoKey, algorithm, refuse)
  }
  return importSigningKey(key, algorithm, refuse)
}

function bySign(sign: NonNullable<SigningOptions['sign']>, { algorithm }: SigningOptions): Signs {
  const by = algorithm as SigningAlgorithm
  return {
    algorithm: by,
    sign: async (input, client) => {
      const what = 'The function given as `sign`'
      const signature: unknown = await askSupplier(what, client, () => sign(Buffer.from(input)))
      const bytes = is.isAnyArrayBuffer(signature) ? new Uint8Array(signature) : signature
      const written = bytes instanceof Uint8Array ? jwsSignature(by, bytes) : undefined
      if (written !== undefined) return written
      throw new TokenError({
        code: 'secret_unavailable',
        client,
        message: `${what} returned no signature by ${by} for client "${client}".`,
        hint: "It returns the signature as a Uint8Array; text has to be decoded, as with `Buffer.from(text, 'base64')`.",
      })
    },
  }
}

/** Makes, for one of the options, the error for a value that cannot be used. */
type Refusal = (option: 'key' | 'certificate') => RefuseKey

const asOption: Refusal = (option) => (problem, hint) => optionError(option, problem, hint)

const asSupplied =
  (client: string): Refusal =>
  (option) =>
  (problem, hint) =>
    new TokenError({
      code: 'secret_unavailable',
      client,
      message: `The \`${option}\` for the assertions of client "${client}" ${problem}.`,
      hint,
      // As when one of two files has been replaced, and the other not yet.
      retryable: true,
    })

function unreadable(client: string): never {
  throw new TokenError({
    code: 'secret_unavailable',
    client,
    message: `The \`key\` for the assertions of client "${client}" cannot be read, so that its tokens are not shared.`,
    hint: 'For a CryptoKey that is not extractable give the client a `credentialId`.',
  })
}

async function resolved<T>(given: T | (() => T | Promise<T>), option: string, client: string): Promise<T> {
  if (typeof given !== 'function') return given
  return await askSupplier(`The function given as \`${option}\``, client, given as () => T | Promise<T>)
}
