import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { inspect } from 'node:util'
import { privateKeyDigest } from './private-key.ts'
import { redactText } from './redaction.ts'

/** A client certificate and its private key, PEM, as text or bytes. */
export interface CertificatePair {
  /** The certificate; after it, those of intermediate authorities. */
  readonly cert: string | Uint8Array
  /** The certificate's private key. */
  readonly key: string | Uint8Array
  /** What an encrypted `key` is encrypted with. */
  readonly passphrase?: string | undefined
}

/** Why a pair cannot be used, and which part of it. */
export class PairProblem extends Error {
  readonly part: keyof CertificatePair
  readonly hint: string
  /** Whether it may come right by itself, as when one of two files has been replaced and the other not yet. */
  readonly retryable: boolean

  constructor(part: keyof CertificatePair, problem: string, hint: string, retryable = false) {
    super(problem)
    this.part = part
    this.hint = hint
    this.retryable = retryable
  }
}

/** A certificate that belongs to its key. Printed or serialised it shows who it is for, and neither of the two. */
export class CertificateAndKey {
  readonly #pair: { readonly cert: string; readonly key: string; readonly passphrase: string | undefined }
  #keyDigest: string | undefined
  /** Whom it is for, such as `CN=orders`. */
  readonly subject: string
  /** The base64url SHA-256 of the certificate: `x5t#S256`. @see RFC 8705 §3.1 */
  readonly thumbprint: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Epoch milliseconds. */
  readonly expiresAt: number

  /** @throws PairProblem */
  constructor(given: CertificatePair) {
    this.#pair = readPair(given)
    const certificate = readCertificate(this.#pair.cert)
    const { cert, key, passphrase } = this.#pair
    if (!certificate.checkPrivateKey(readKey(key, passphrase))) {
      throw new PairProblem('key', 'is not the key of `cert`', 'Are both of the same renewal?', true)
    }
    try {
      createSecureContext({ cert, key, passphrase })
    } catch (error) {
      throw new PairProblem('cert', `cannot be used${codeOf(error)}`, 'OpenSSL refuses it: is its key too short?')
    }
    this.subject = redactText(certificate.subject.replaceAll('\n', ', '), [], 200)
    this.thumbprint = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
    this.issuedAt = Date.parse(certificate.validFrom)
    this.expiresAt = Date.parse(certificate.validTo)
  }

  /** Whether this was made of the same texts. */
  isOf(given: CertificatePair): boolean {
    return text(given?.cert) === this.#pair.cert && text(given?.key) === this.#pair.key
  }

  /** A digest of the private key, for the client that authenticates with it. */
  keyDigest(): string {
    const { key, passphrase } = this.#pair
    this.#keyDigest ??= privateKeyDigest(readKey(key, passphrase))
    return this.#keyDigest
  }

  /** For TLS connections that show this certificate. @throws what Node throws for other options that are wrong */
  secureContext(options: SecureContextOptions = {}): SecureContext {
    return createSecureContext({ ...options, ...this.#pair })
  }

  toJSON(): Record<string, unknown> {
    const { subject, thumbprint, expiresAt } = this
    return { subject, thumbprint, expiresAt: new Date(expiresAt).toISOString() }
  }

  /** @internal */
  [inspect.custom](): string {
    return `Certificate ${inspect(this.toJSON())}`
  }
}

function readPair(given: CertificatePair): { cert: string; key: string; passphrase: string | undefined } {
  const { cert, key, passphrase } = (given ?? {}) as CertificatePair
  const pem = { cert: text(cert), key: text(key) }
  for (const [part, begin] of [
    ['cert', '-----BEGIN CERTIFICATE-----'] as const,
    ['key', 'PRIVATE KEY-----'] as const,
  ]) {
    if (pem[part].includes(begin)) continue
    const what = part === 'cert' ? 'certificate' : 'private key'
    throw new PairProblem(
      part,
      `is not a ${what} in PEM`,
      'Give the content of the file, not its path.',
      pem[part] === '',
    )
  }
  if (passphrase === undefined || typeof passphrase === 'string') return { ...pem, passphrase }
  throw new PairProblem('passphrase', 'must be a string', 'Is the environment variable set?')
}

function readCertificate(cert: string): X509Certificate {
  try {
    return new X509Certificate(cert)
  } catch (error) {
    throw new PairProblem('cert', `cannot be read${codeOf(error)}`, 'Is the file whole?', true)
  }
}

function readKey(key: string, passphrase: string | undefined): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    if (!/ENCRYPTED/.test(key)) {
      throw new PairProblem('key', `cannot be read${codeOf(error)}`, 'Is the file whole?', true)
    }
    throw passphrase === undefined
      ? new PairProblem('key', 'is encrypted', 'Give its `passphrase`.')
      : new PairProblem('passphrase', `does not decrypt \`key\`${codeOf(error)}`, 'Is it that of another key?')
  }
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? '' : ` (${code})`
}

function text(pem: unknown): string {
  if (typeof pem === 'string') return pem
  return pem instanceof Uint8Array ? Buffer.from(pem).toString('latin1') : ''
}
