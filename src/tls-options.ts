import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { optionError } from './errors.ts'

/** What a TLS connection trusts and shows. PEM, as text or bytes. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the built-in ones. */
  ca?: SecureContextOptions['ca']
  /** Client certificate. */
  cert?: SecureContextOptions['cert']
  /** The client certificate's private key. */
  key?: SecureContextOptions['key']
}

/**
 * Reads certificates and key once, for all connections. `undefined` when none is given.
 * @throws TypeError naming the option
 */
export function readTlsOptions({ ca, cert, key }: TlsOptions): SecureContext | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    throw optionError(
      cert === undefined ? 'cert' : 'key',
      'is missing',
      'A client certificate takes both `cert` and `key`.',
    )
  }
  let context: SecureContext | undefined
  const read: SecureContextOptions = {}
  for (const [option, pem] of Object.entries({ ca, cert, key })) {
    if (pem === undefined) continue
    // Node takes a file's path, or the empty string of an unset variable, for "trust the built-in authorities".
    if (!looksLikePem(pem)) throw optionError(option, 'must be PEM', 'Give the content of the file, not its path.')
    try {
      context = createSecureContext(Object.assign(read, { [option]: pem }))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      throw optionError(
        option,
        `cannot be used (${code})`,
        'Do certificate and key belong together, and is the key unencrypted?',
      )
    }
  }
  return context
}

function looksLikePem(given: NonNullable<TlsOptions[keyof TlsOptions]>): boolean {
  const all = Array.isArray(given) ? given : [given]
  return all.length > 0 && all.every((one) => textOf(one).includes('-----BEGIN '))
}

function textOf(pem: string | NodeJS.ArrayBufferView | { pem: string | Buffer }): string {
  if (typeof pem === 'string') return pem
  if (ArrayBuffer.isView(pem)) return Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength).toString('latin1')
  return String((pem as { pem?: string | Buffer } | null)?.pem)
}
