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
  // Node takes a file's path, or the empty string of an unset variable, for "trust the built-in authorities".
  if (!looksLikePem(ca)) throw optionError('ca', 'must be PEM', 'Give the content of the file, not its path.')
  return createSecureContext({ ca })
}

function looksLikePem(given: NonNullable<TlsOptions['ca']>): boolean {
  const all = Array.isArray(given) ? given : [given]
  return all.length > 0 && all.every((one) => textOf(one).includes('-----BEGIN '))
}

function textOf(pem: string | NodeJS.ArrayBufferView | { pem: string | Buffer }): string {
  if (typeof pem === 'string') return pem
  if (ArrayBuffer.isView(pem)) return Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength).toString('latin1')
  return String((pem as { pem?: string | Buffer } | null)?.pem)
}
