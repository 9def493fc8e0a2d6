import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
} from 'node:crypto'
import { optionError } from '../errors.ts'

/** 32 random bytes: as they are, as 64 hexadecimal digits, or in Base64 or base64url. */
export type EncryptionKey = Uint8Array | string

/** How a store's records are protected. */
export interface StoreEncryptionOptions {
  /**
   * The key of the fleet, or two while it changes: first `[old, new]` everywhere, then `[new]`. In either step processes
   * of before and after share their tokens, because a token is leased, written and looked for under every key that a
   * process has. The order does not matter. 32 random bytes each (`openssl rand -base64 32`); passphrases are refused.
   */
  readonly encryptionKeys?: EncryptionKey | readonly EncryptionKey[] | undefined
  /** Stores tokens in the clear: whoever reads the store can use them. Instead of `encryptionKeys`. */
  readonly plaintext?: boolean | undefined
}

// Part of every derived key: releases that write other records neither find nor disturb these.
const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const WHOLE_TAG = { authTagLength: TAG_BYTES }

/**
 * Turns encryption keys into the keys for one credential. Shows nothing when printed.
 *
 * Everything is derived (HKDF-SHA-256) from the encryption key and the credential's fingerprint, so that knowing a
 * client's id and the fleet's key is not enough to find or read another client's tokens.
 */
export class StoreEncryption {
  readonly #keys: readonly FleetKey[]

  /** @throws TypeError naming the option: a key that is not 32 random bytes, no key without `plaintext`, or both */
  constructor({ encryptionKeys, plaintext }: StoreEncryptionOptions) {
    if (plaintext !== undefined && typeof plaintext !== 'boolean') {
      throw optionError('plaintext', 'must be true or false')
    }
    const given = isList(encryptionKeys) ? encryptionKeys : encryptionKeys === undefined ? [] : [encryptionKeys]
    if (plaintext ? given.length > 0 : given.length === 0 || given.length > MAX_KEYS) {
      throw optionError(
        'encryptionKeys',
        plaintext ? 'cannot be combined with `plaintext`' : `must be one key, or a list of up to ${MAX_KEYS}`,
        plaintext
          ? undefined
          : 'Make a key with `openssl rand -base64 32`, or ask for tokens in the clear with `plaintext: true`.',
      )
    }
    const keys = plaintext ? [{ id: 'plaintext', secret: Buffer.alloc(32) }] : given.map(readKey)
    // By id, so that all processes take their leases in the same order.
    this.#keys = keys.sort((a, b) => (a.id < b.id ? -1 : 1))
    if (new Set(keys.map(({ id }) => id)).size < keys.length) {
      throw optionError('encryptionKeys', 'must not hold the same key twice')
    }
  }

  /** One cell for each encryption key, in the same order in every process. `credential`: a digest of what only this client knows. */
  cells(credential: string): readonly StoreCell[] {
    return this.#keys.map(({ id, secret }) => new StoreCell(id, secret, credential))
  }
}

const MAX_KEYS = 4

interface FleetKey {
  readonly id: string
  readonly secret: Uint8Array
}

/** What can be named, sealed and opened with one encryption key and one credential. Shows nothing when printed. */
export class StoreCell {
  /** Names the encryption key. */
  readonly keyId: string
  readonly #naming: KeyObject
  readonly #sealing: KeyObject | undefined

  /** @internal */
  constructor(keyId: string, secret: Uint8Array, credential: string) {
    this.keyId = keyId
    this.#naming = derive(secret, credential, 'names')
    this.#sealing = keyId === 'plaintext' ? undefined : derive(secret, credential, 'records')
  }

  /** The key in the store of what has this identity. */
  name(identity: string): string {
    return `${VERSION}:${this.#mac(`key ${identity}`).toString('base64url')}`
  }

  /** Tells one text from another, to nobody else. */
  fingerprint(text: string): string {
    return this.#mac(`fingerprint ${text}`).subarray(0, TAG_BYTES).toString('base64url')
  }

  /** Encrypts a text (AES-256-GCM, random nonce), bound to its `context`, in Base64. */
  seal(text: string, context: string): string {
    if (this.#sealing === undefined) return Buffer.from(text).toString('base64')
    const nonce = randomNonce()
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, nonce).setAAD(Buffer.from(context))
    const sealed = cipher.update(text, 'utf8')
    cipher.final()
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64')
  }

  /** The text that was sealed in this very context. @throws Error for anything else */
  open(sealed: string, context: string): string {
    const bytes = Buffer.from(sealed, 'base64')
    if (this.#sealing === undefined) return bytes.toString()
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', this.#sealing, nonce, WHOLE_TAG)
    decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
    decipher.final()
    return text.toString()
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#naming).update(text).digest()
  }
}

// Drawn many at once: one by one they take a tenth of the time of a record, and more.
const nonces = Buffer.allocUnsafeSlow(256 * NONCE_BYTES)
let nextNonce = nonces.length

function randomNonce(): Buffer {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces)
    nextNonce = 0
  }
  nextNonce += NONCE_BYTES
  return nonces.subarray(nextNonce - NONCE_BYTES, nextNonce)
}

function derive(secret: Uint8Array, salt: string, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, salt, `evertoken store ${VERSION} ${purpose}`, 32)))
}

function isList(value: unknown): value is readonly EncryptionKey[] {
  return Array.isArray(value)
}

function readKey(given: unknown): FleetKey {
  const secret = keyBytes(given)
  // Nobody draws 32 printable characters by chance: (95 / 256)^32.
  const isText = secret?.every((byte) => byte >= 0x20 && byte < 0x7f)
  if (secret?.length !== 32 || isText || new Set(secret).size < 8) {
    throw optionError(
      'encryptionKeys',
      'must be 32 random bytes each: a Buffer, 64 hexadecimal digits, or Base64',
      'A passphrase will not do. Make a key with `openssl rand -base64 32`.',
    )
  }
  const id = Buffer.from(hkdfSync('sha256', secret, '', 'evertoken store key id', 6)).toString('base64url')
  return { id, secret }
}

function keyBytes(given: unknown): Uint8Array | undefined {
  // A copy: nobody changes the key behind our back.
  if (given instanceof Uint8Array) return Uint8Array.from(given)
  if (typeof given !== 'string') return undefined
  if (/^[0-9a-f]{64}$/i.test(given)) return Buffer.from(given, 'hex')
  return /^(?:[\w-]{43}|[A-Za-z0-9+/]{43}=)$/.test(given) ? Buffer.from(given, 'base64') : undefined
}
