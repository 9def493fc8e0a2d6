import { createHash } from 'node:crypto'

/**
 * A short name for a secret or a key, safe to log: the first 8 hexadecimal digits of its SHA-256.
 *
 * Enough to tell two tokens apart in a log, far too little to guess one from.
 */
export function fingerprint(text: string): string {
  return digest(text).slice(0, 8)
}

/** The SHA-256 of a text, hexadecimal: for comparing what must not be kept. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The SHA-256 of a text in base64url, as `ath` in a DPoP proof. @see RFC 9449 §4.2 */
export function hashInBase64url(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
