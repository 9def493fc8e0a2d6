import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { StoreEncryption, type StoreEncryptionOptions } from '../../src/store/encryption.ts'
import {
  errorFingerprint,
  errorRecord,
  openError,
  openToken,
  SharedToken,
  tokenRecord,
} from '../../src/store/record.ts'
import { fc } from '../support/fast-check.ts'

const KEY = Buffer.from('8f3c1d9ae07b5526c4f1a2d3e4b5968778695a4b3c2d1e0ff0e1d2c3b4a59687', 'hex')
const OTHER_KEY = Buffer.from(KEY).reverse()
const EXPIRES_AT = Date.UTC(2026, 0, 1)

const cellOf = (key: Uint8Array, credential = 'digest of a secret') =>
  new StoreEncryption({ encryptionKeys: key }).cells(credential)[0]!

const placeOf = (cell = cellOf(KEY), identity = 'orders', fence = 7) => ({ cell, key: cell.name(identity), fence })

const token = new SharedToken({
  value: 'an.access.token',
  tokenType: 'Bearer',
  scope: ['orders.read'],
  authorizationDetails: [{ type: 'payment', amount: '1\n2' }],
  lifetimeMs: 3_600_000,
  refreshInMs: 1_800_000,
})

describe('encryption keys', () => {
  it.each<[string, StoreEncryptionOptions]>([
    ['a Buffer', { encryptionKeys: KEY }],
    ['a Uint8Array', { encryptionKeys: new Uint8Array(KEY) }],
    ['hexadecimal digits', { encryptionKeys: KEY.toString('hex') }],
    ['Base64', { encryptionKeys: KEY.toString('base64') }],
    ['base64url', { encryptionKeys: KEY.toString('base64url') }],
    ['a list', { encryptionKeys: [KEY] }],
  ])('may be given as %s, and mean the same', (_, options) => {
    expect(new StoreEncryption(options).cells('credential')[0]?.name('orders')).toBe(
      cellOf(KEY, 'credential').name('orders'),
    )
  })

  const PASSPHRASE = 'correct horse battery staple 123'
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['no key in a list', { encryptionKeys: [] }],
    ['too many keys', { encryptionKeys: Array.from({ length: 5 }, () => randomBytes(32)) }],
    ['a passphrase', { encryptionKeys: PASSPHRASE }],
    ['a passphrase of 32 bytes', { encryptionKeys: Buffer.from(PASSPHRASE) }],
    ['a passphrase in Base64', { encryptionKeys: Buffer.from(PASSPHRASE).toString('base64') }],
    ['16 bytes', { encryptionKeys: KEY.subarray(0, 16) }],
    ['64 bytes', { encryptionKeys: Buffer.concat([KEY, KEY]) }],
    ['zeros', { encryptionKeys: Buffer.alloc(32) }],
    ['a number', { encryptionKeys: 7 }],
    ['null', { encryptionKeys: null }],
    ['the same key twice', { encryptionKeys: [KEY, KEY.toString('hex')] }],
    ['a key and plaintext', { encryptionKeys: KEY, plaintext: true }],
    ['plaintext: "yes"', { plaintext: 'yes' }],
    ['plaintext: false', { plaintext: false }],
  ])('are refused: %s', (_, options) => {
    const construct = () => new StoreEncryption(options as StoreEncryptionOptions)
    expect(construct).toThrow(TypeError)
    expect(construct).toThrow(/`(?:encryptionKeys|plaintext)`/)
    expect(construct).not.toThrow(/correct|8f3c|jzwd/i)
  })

  it.each<[string, unknown, string]>([
    [
      'nothing',
      {},
      '`encryptionKeys` must be one key, or a list of up to 4. Make a key with `openssl rand -base64 32`',
    ],
    [
      'a passphrase',
      { encryptionKeys: PASSPHRASE },
      'must be 32 random bytes each: a Buffer, 64 hexadecimal digits, or',
    ],
    ['a passphrase, too', { encryptionKeys: PASSPHRASE }, 'A passphrase will not do. Make a key with `openssl rand'],
    ['the same key twice', { encryptionKeys: [KEY, KEY] }, '`encryptionKeys` must not hold the same key twice'],
    ['both', { encryptionKeys: KEY, plaintext: true }, '`encryptionKeys` cannot be combined with `plaintext`'],
    ['no flag', { plaintext: 'yes' }, '`plaintext` must be true or false'],
  ])('are refused with what is wrong and how to do it right: %s', (_, options, words) => {
    expect(() => new StoreEncryption(options as StoreEncryptionOptions)).toThrow(words)
  })

  it.each([
    ['a digit more', `${KEY.toString('hex')}0`],
    ['a digit before it', `0${KEY.toString('hex')}`],
    ['Base64 with more after it', `${KEY.toString('base64url')}AAAA`],
    ['Base64 with more before it', `AAAA${KEY.toString('base64url')}`],
    ['Base64 and a line break', `${KEY.toString('base64')}\n`],
  ])('are refused with %s', (_, encryptionKeys) => {
    expect(() => new StoreEncryption({ encryptionKeys })).toThrow('must be 32 random bytes')
  })

  it.each([
    ['with control characters', Buffer.from(Array.from({ length: 32 }, (_, i) => i + 1))],
    ['with bytes that are no characters', Buffer.from(Array.from({ length: 32 }, (_, i) => i + 0x70))],
    ['of printable characters and a delete character', Buffer.from(Array.from({ length: 32 }, (_, i) => 0x60 + i))],
    ['of eight different bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => i % 8))],
  ])('may be any bytes: %s', (_, encryptionKeys) => {
    expect(() => new StoreEncryption({ encryptionKeys })).not.toThrow()
  })

  it('may be four while they change', () => {
    const encryptionKeys = Array.from({ length: 4 }, () => randomBytes(32))
    expect(new StoreEncryption({ encryptionKeys }).cells('credential')).toHaveLength(4)
  })

  it('are not changed by whoever changes the bytes that were handed over', () => {
    const bytes = Buffer.from(KEY)
    const encryption = new StoreEncryption({ encryptionKeys: bytes })
    bytes.fill(1)
    expect(encryption.cells('credential')[0]?.name('orders')).toBe(cellOf(KEY, 'credential').name('orders'))
  })

  it('are shown by nothing that is printed', () => {
    const encryption = new StoreEncryption({ encryptionKeys: KEY })
    const cell = encryption.cells('digest of a secret')[0]
    const printed = [encryption, cell].map(
      (part) => inspect(part, { showHidden: true, depth: 9 }) + JSON.stringify(part),
    )
    for (const spelling of ['hex', 'base64', 'base64url'] as const) {
      expect(printed.join()).not.toContain(KEY.toString(spelling).slice(0, 12))
    }
    expect(printed.join()).not.toContain('digest of a secret')
  })

  it('stand in the same order in every process', () => {
    const ids = (encryptionKeys: Uint8Array[]) =>
      new StoreEncryption({ encryptionKeys }).cells('credential').map(({ keyId }) => keyId)
    expect(ids([KEY, OTHER_KEY])).toEqual(ids([OTHER_KEY, KEY]))
  })
})

describe('the name of a key', () => {
  it('tells neither what it is for nor who', () => {
    expect(cellOf(KEY).name('orders-service orders.read')).toMatch(/^1:[\w-]{43}$/)
  })

  it('is another for another identity, credential or encryption key, and for a fingerprint of the same text', () => {
    const names = [
      cellOf(KEY).name('orders'),
      cellOf(KEY).name('billing'),
      cellOf(KEY, 'another secret').name('orders'),
      cellOf(OTHER_KEY).name('orders'),
    ]
    expect(new Set(names).size).toBe(4)
    expect(names[0]).not.toContain(cellOf(KEY).fingerprint('orders').slice(0, 20))
  })
})

describe('a record', () => {
  it('gives back the token that was written', () => {
    const { value } = tokenRecord(token, EXPIRES_AT, placeOf())
    const { content, expiresAt } = openToken(value, placeOf())
    expect(content.reveal()).toBe('an.access.token')
    expect(content).toMatchObject({
      tokenType: 'Bearer',
      scope: ['orders.read'],
      authorizationDetails: [{ type: 'payment', amount: '1\n2' }],
      lifetimeMs: 3_600_000,
      refreshInMs: 1_800_000,
    })
    expect(expiresAt).toBe(EXPIRES_AT)
  })

  it('gives back any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (value) => {
        const record = tokenRecord(
          new SharedToken({ ...token, value, tokenType: 'x', scope: [], lifetimeMs: 1 }),
          1,
          placeOf(),
        )
        // What is no text at all has no UTF-8.
        expect(openToken(record.value, placeOf()).content.reveal()).toBe(value.toWellFormed())
      }),
    )
  })

  it('gives back the error that was written', () => {
    const { value } = errorRecord({ code: 'request_denied' }, EXPIRES_AT, placeOf())
    expect(openError(value, placeOf())).toEqual({ content: { code: 'request_denied' }, expiresAt: EXPIRES_AT })
  })

  it('never is the same twice', () => {
    const records = Array.from({ length: 100 }, () => tokenRecord(token, EXPIRES_AT, placeOf()).value)
    expect(new Set(records).size).toBe(100)
  })

  it('has a nonce of its own, however many there are', () => {
    const cell = cellOf(KEY)
    const sealed = Array.from({ length: 1000 }, () => cell.seal('text', 'context'))
    expect(new Set(sealed.map((text) => text.slice(0, 16))).size).toBe(1000)
    for (const text of sealed) expect(cell.open(text, 'context')).toBe('text')
  })

  it('is found and read by every release', () => {
    const cell = cellOf(KEY)
    expect(cell.keyId).toBe('RhiK_XT_')
    expect(cell.name('orders')).toBe('1:iGuVICs7Tem2vlZYPqYSTfIcfOShAITDkGzNYt1dPe0')
    expect(cell.fingerprint('text')).toBe('SJ708PZ6JJVrH9cRvc7FPw')
    const record =
      '1.token.RhiK_XT_.1767225600000.CD0U88OpZRGCT7zKI467fZccqjfIAzWWjobtkdlDH7ZoPIP2NecvyrjjLI5JrnADf1ufv' +
      'HuZ3wLC1vMvdSzqAh8Q8lc6zL60Nj8AKA7zp8taXDrlf4S2gr1++IyH37+/K5GcTpHuGA+8MjMNV4tf'
    const { content, expiresAt } = openToken(record, placeOf(cell))
    expect(expiresAt).toBe(EXPIRES_AT)
    expect(content.reveal()).toBe('an.access.token')
    expect(content).toMatchObject({ tokenType: 'Bearer', scope: ['orders.read'], lifetimeMs: 3_600_000 })
  })

  it('of an error has a fingerprint that tells it from others', () => {
    const cell = cellOf(KEY)
    const { fingerprint } = errorRecord({ code: 'x' }, EXPIRES_AT, placeOf(cell))
    expect(errorFingerprint({ code: 'x' }, cell)).toBe(fingerprint)
    expect(errorFingerprint({ code: 'y' }, cell)).not.toBe(fingerprint)
  })

  it('shows nothing of the token or its scope', () => {
    const { value, fingerprint } = tokenRecord(token, EXPIRES_AT, placeOf())
    const shown = `${value} ${Buffer.from(value.split('.').at(-1) ?? '', 'base64').toString('latin1')} ${fingerprint}`
    expect(shown).not.toMatch(/access|orders|Bearer/)
    expect(inspect(token, { showHidden: true }) + JSON.stringify(token)).not.toContain('an.access.token')
  })

  const written = tokenRecord(token, EXPIRES_AT, placeOf()).value
  it.each<[string, string, ReturnType<typeof placeOf>]>([
    ['by a process with another secret', written, placeOf(cellOf(KEY, 'another secret'))],
    ['with another encryption key', written, placeOf(cellOf(OTHER_KEY))],
    ['under another key', written, placeOf(cellOf(KEY), 'billing')],
    ['with another fence', written, placeOf(cellOf(KEY), 'orders', 8)],
    ['of a later expiry', written.replace(String(EXPIRES_AT), String(EXPIRES_AT + 1)), placeOf()],
    ['of another version', written.replace(/^1/, '2'), placeOf()],
    ['that is an error', errorRecord({ code: 'x' }, EXPIRES_AT, placeOf()).value, placeOf()],
    ['that is called a token', errorRecord({}, EXPIRES_AT, placeOf()).value.replace('error', 'token'), placeOf()],
    ['in the clear', written.replace(/[^.]+$/, Buffer.from('{}\nx').toString('base64')), placeOf()],
    ['that is empty', '', placeOf()],
    ['without its content', written.replace(/[^.]+$/, ''), placeOf()],
  ])('is not read %s', (_, value, place) => {
    expect(() => openToken(value, place)).toThrow(Error)
  })

  it('is not read where anything is cut off or changed', () => {
    const bytes = Buffer.from(written.split('.').at(-1) ?? '', 'base64')
    const header = written.slice(0, written.lastIndexOf('.') + 1)
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ 1
      for (const damaged of [changed, bytes.subarray(0, i)]) {
        expect(() => openToken(header + damaged.toString('base64'), placeOf())).toThrow(Error)
      }
    }
    for (let i = 0; i < header.length; i++) {
      const damaged = `${header.slice(0, i)}~${header.slice(i + 1)}${bytes.toString('base64')}`
      expect(() => openToken(damaged, placeOf()), damaged).toThrow(Error)
    }
  })

  it('stands in the clear only where that was asked for by name', () => {
    const cell = new StoreEncryption({ plaintext: true }).cells('digest of a secret')[0]!
    const { value } = tokenRecord(token, EXPIRES_AT, placeOf(cell))
    expect(Buffer.from(value.split('.').at(-1) ?? '', 'base64').toString()).toContain('an.access.token')
    expect(openToken(value, placeOf(cell)).content.reveal()).toBe('an.access.token')
    expect(() => openToken(value, placeOf())).toThrow(Error)
  })

  it.each([
    ['another version', (value: string) => value.replace(/^1/, '2')],
    ['another kind', (value: string) => value.replace('token', 'error')],
    ['another encryption key', (value: string) => value.replace('plaintext', 'RhiK_XT_')],
    ['more than there is to say', (value: string) => value.replace(/\.(?=[^.]+$)/, '.0.')],
  ])('is not read in the clear either where it says %s', (_, change) => {
    const cell = new StoreEncryption({ plaintext: true }).cells('digest of a secret')[0]!
    const { value } = tokenRecord(token, EXPIRES_AT, placeOf(cell))
    expect(() => openToken(value, placeOf(cell))).not.toThrow()
    expect(() => openToken(change(value), placeOf(cell))).toThrow('Not a record of this kind')
  })
})
