import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { optionError } from './errors.ts'

/** What a TLS connection trusts. PEM, as text or bytes. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the built-in ones. */
  ca?: SecureContextOptions['ca']
}

/**
 * Reads the authorities once, for all connections. `undefined` when none are given.
 * @throws TypeError naming the option
 */
export function readTlsOptions({ ca }: TlsOptions): SecureContext | undefined {
  if (ca === undefined) return undefined
  const all: readonly unknown[] = Array.isArray(ca) && ca.length > 0 ? ca : [ca]
  for (const given of all) {
    const wrong = authoritiesProblem(given)
    if (wrong !== undefined)
      throw optionError('ca', wrong.problem, wrong.hint ?? 'Give the content of the file, not its path.')
  }
  return createSecureContext({ ca })
}

/** Why something is not certificates of authorities. */
export interface AuthoritiesProblem {
  /** Completes "the file …". */
  readonly problem: string
  readonly hint: string | undefined
}

const CERTIFICATE = /(?=-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----)/

/**
 * What is wrong with authorities in PEM, if anything. Node says nothing of what it cannot read: it leaves that out, with
 * all that follows, and then trusts nobody, or not everybody who was meant.
 */
export function authoritiesProblem(given: unknown): AuthoritiesProblem | undefined {
  const text = textOf(given)
  const [, label] = text.match(/-----BEGIN ([A-Z0-9 ]{1,40})-----/) ?? []
  if (label === undefined) {
    const isDer = /^0[\x80-\x84]/.test(text)
    return {
      problem: 'must be PEM',
      hint: isDer ? 'It is DER: `openssl x509 -inform der` makes PEM of it.' : undefined,
    }
  }
  const certificates = text.split(CERTIFICATE).filter((part) => CERTIFICATE.test(part))
  if (certificates.length === 0) {
    return { problem: `holds ${label}, and no certificate`, hint: 'Give the certificate of the authority.' }
  }
  const unreadable = certificates.findIndex((certificate) => !isReadable(certificate))
  if (unreadable === -1) return undefined
  const problem = `holds a certificate that cannot be read (${unreadable + 1} of ${certificates.length})`
  return { problem, hint: 'Is it whole, and are its line breaks there?' }
}

function isReadable(certificate: string): boolean {
  try {
    new X509Certificate(certificate)
    return true
  } catch {
    return false
  }
}

function textOf(pem: unknown): string {
  if (typeof pem === 'string') return pem
  return ArrayBuffer.isView(pem) ? Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength).toString('latin1') : ''
}
