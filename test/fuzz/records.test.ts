import { describe, expect, it } from 'vitest'
import { AccessToken } from '../../src/access-token.ts'
import { TokenError } from '../../src/errors.ts'
import { type StoreCell, StoreEncryption } from '../../src/store/encryption.ts'
import { errorRecord, openError, openToken, SharedToken, tokenRecord } from '../../src/store/record.ts'
import type { LeaseAnswer, TokenStore } from '../../src/store/token-store.ts'
import { fc } from '../support/fast-check.ts'
import { managed } from '../support/managed.ts'
import { expectKinds, expectNoSecret, fuzz, json, mutated, SECRET, TOKEN, text } from './fuzz.ts'

const KEYS = [
  '0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0',
  '1f'.repeat(8) + '0a2b3c4d5e6f70819'.repeat(3).slice(0, 48),
]
const cellOf = (encryptionKeys: string, credential: string): StoreCell => {
  const [cell] = new StoreEncryption({ encryptionKeys }).cells(credential)
  return cell ?? expect.unreachable()
}
const OWN = cellOf(KEYS[0] ?? '', 'orders')
const OTHERS = [cellOf(KEYS[1] ?? '', 'orders'), cellOf(KEYS[0] ?? '', 'billing')]
const EXPIRES_AT = 1_800_000_000_000

const token = new SharedToken({ value: TOKEN, tokenType: 'Bearer', scope: ['a'], lifetimeMs: 60_000 })
const place = { cell: OWN, key: 'key', fence: 1 }

describe('a record that is encrypted', () => {
  const flipped = (value: string) =>
    fc.tuple(fc.nat(value.length - 1), fc.nat(6)).map(([at, bit]) => {
      const changed = String.fromCharCode(value.charCodeAt(at) ^ (1 << bit))
      return value.slice(0, at) + changed + value.slice(at + 1)
    })

  it('is read as it was written, or not at all', async () => {
    const { value } = tokenRecord(token, EXPIRES_AT, place)
    const foreign = OTHERS.map((cell) => tokenRecord(token, EXPIRES_AT, { ...place, cell }).value)
    const elsewhere = [
      { ...place, key: 'other' },
      { ...place, fence: 2 },
    ].map((other) => tokenRecord(token, EXPIRES_AT, other).value)
    const error = errorRecord({ message: 'Denied' }, EXPIRES_AT, place).value
    const values = fc.oneof(
      flipped(value),
      mutated(fc.constant(value)),
      fc.nat(value.length).map((length) => value.slice(0, length)),
      fc.constantFrom(value, error, ...foreign, ...elsewhere),
      text,
    )
    const kinds = await fuzz('encrypted records', values, (given) => {
      try {
        const { content, expiresAt } = openToken(given, place)
        expect(content.reveal()).toBe(TOKEN)
        expect(expiresAt).toBe(EXPIRES_AT)
        return 'read'
      } catch (thrown) {
        expectNoSecret(thrown)
        return 'not read'
      }
    })
    expectKinds(kinds, 'read', 'not read')
  })

  it('of an error is read as it was written, or not at all', async () => {
    const content = { message: 'Denied', code: 'request_denied', status: 400 }
    const { value } = errorRecord(content, EXPIRES_AT, place)
    await fuzz('encrypted errors', fc.oneof(flipped(value), mutated(fc.constant(value))), (given) => {
      try {
        expect(openError(given, place)).toEqual({ content, expiresAt: EXPIRES_AT })
        return 'read'
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Error)
        return 'not read'
      }
    })
  })
})

describe('a store that says anything', () => {
  const PLAIN = new StoreEncryption({ plaintext: true })
  const expiries = fc.constantFrom<unknown>(EXPIRES_AT, 4e12, 0, '', 'NaN', '-1', '1e400')

  const about = fc.oneof(
    fc.record(
      {
        tokenType: fc.oneof(fc.constantFrom<unknown>('Bearer', 'Bearer', 'DPoP', 'Bearer\r\nx: y'), json),
        scope: fc.oneof(fc.constant<unknown>(['a']), fc.array(json, { maxLength: 3 }), json),
        authorizationDetails: json,
        lifetimeMs: fc.oneof(fc.constantFrom<unknown>(3_600_000, 60_000), json),
        refreshInMs: json,
      },
      { requiredKeys: ['lifetimeMs'] },
    ),
    json,
  )
  const values = fc.constantFrom(TOKEN, TOKEN, 'a', '', 'a\r\nx: y', 'é', ' a', 'a\nb')
  const content = fc.oneof(
    { arbitrary: fc.tuple(about, values).map(([head, value]) => `${JSON.stringify(head)}\n${value}`), weight: 4 },
    {
      arbitrary: mutated(fc.constant(`{"tokenType":"Bearer","scope":["a"],"lifetimeMs":3600000}\n${TOKEN}`)),
      weight: 2,
    },
  )
  const failure = fc.oneof(
    fc.record(
      {
        ...{
          code: fc.oneof(fc.constantFrom('request_denied', 'closed'), json),
          message: json,
          hint: json,
          status: json,
        },
        ...{ error: json, errorDescription: json, retryAfterMs: json, retryable: json, correlationId: json },
      },
      { requiredKeys: [] },
    ),
    json,
  )
  const sealed = (kind: string, contents: fc.Arbitrary<string>) =>
    fc
      .tuple(contents, expiries)
      .map(([text, expiry]) => `1.${kind}.plaintext.${expiry}.${Buffer.from(text).toString('base64')}`)
  const record = (kind: string, contents: fc.Arbitrary<string>) =>
    fc.record({
      value: fc.oneof({ arbitrary: sealed(kind, contents), weight: 5 }, { arbitrary: json, weight: 1 }),
      fingerprint: fc.oneof(fc.constant<unknown>('f'), json),
      fence: fc.oneof(fc.constant<unknown>(1), json),
      leftMs: fc.oneof(
        { arbitrary: fc.constantFrom<unknown>(3_600_000, 60_000), weight: 3 },
        { arbitrary: json, weight: 1 },
      ),
    })
  const answers = fc.oneof(
    { arbitrary: record('token', content).map((token) => ({ token })), weight: 5 },
    {
      arbitrary: record(
        'error',
        failure.map((value) => (JSON.stringify(value) ?? '').replaceAll(SECRET, 'told')),
      ).map((error) => ({ error })),
      weight: 2,
    },
    { arbitrary: fc.oneof(json, fc.constant('busy'), fc.record({ lease: json })), weight: 1 },
  )

  it('takes no token away: there is the one it holds, another, or an error that is told', async () => {
    const kinds = await fuzz('answers of a store', fc.tuple(answers, fc.boolean()), async ([answer, isRefused]) => {
      let asked = 0
      const store: TokenStore = {
        encryption: PLAIN,
        get: async () => undefined,
        getOrLease: async () => {
          asked += 1
          return asked > 3 ? { lease: { owner: 'me', fence: asked } } : (answer as LeaseAnswer)
        },
        renew: async () => true,
        set: async () => true,
        delete: async () => true,
      }
      const { tokens, clock, server } = managed({ store })
      if (isRefused) server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
      const outcome = tokens.getToken().then(
        (token) => token,
        (error: unknown) => error,
      )
      await clock.advance(20_000)
      const result = await outcome
      if (result instanceof AccessToken) {
        const headers = AccessToken.headersOf(result)
        for (const [, value] of headers) expect(value).toMatch(/^Bearer [!-~](?:[ -~]*[!-~])?$/)
        expect(result.lifetimeMs > 0 && result.lifetimeMs <= 365 * 24 * 3_600_000).toBe(true)
        expect(tokens.inspect()).toBeInstanceOf(Array)
        expectNoSecret(result)
        return server.requests.length === 0 ? 'found' : 'requested'
      }
      expect(result).toBeInstanceOf(TokenError)
      expect((result as TokenError).code).toBe('request_denied')
      expect(typeof (result as TokenError).message).toBe('string')
      expectNoSecret(result)
      return server.requests.length === 0 ? 'error found' : 'denied'
    })
    expectKinds(kinds, 'found', 'requested', 'error found', 'denied')
  })
})
