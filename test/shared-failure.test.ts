import { describe, expect, it } from 'vitest'
import type { ClientSettings } from '../src/client-options.ts'
import { TokenError, TokenResponseError, type TokenResponseErrorInit, TokenTransportError } from '../src/errors.ts'
import { concernsAll, deniedError, described, isUncacheable, keptError, UNCACHEABLE } from '../src/shared-failure.ts'

/** The settings of a client that authenticates so. */
const clientBy = (method?: string, secretDigest?: () => string) =>
  ({ name: 'orders', authentication: { method, secretDigest } }) as ClientSettings

const denied = (init: Partial<TokenResponseErrorInit> = {}) =>
  new TokenResponseError({ code: 'request_denied', message: 'No.', status: 400, ...init })

const found = (error: Readonly<Record<string, unknown>>) => ({ error, leftMs: 1000 })

describe('a failure of one process', () => {
  it.each<[what: string, error: unknown, isShared: boolean, method?: string]>([
    ['a scope that is refused', denied({ error: 'invalid_scope' }), true],
    ['a resource that is not known', denied({ error: 'invalid_target' }), true],
    ['details that are refused', denied({ error: 'invalid_authorization_details' }), true],
    ['a grant that is not offered', denied({ error: 'unsupported_grant_type' }), true],
    ['a secret that is wrong', denied({ error: 'invalid_client' }), true, 'client_secret_basic'],
    ['a certificate or a secret that is wrong', denied({ error: 'invalid_client' }), true],
    ['an assertion that is wrong, perhaps by its clock', denied({ error: 'invalid_client' }), false, 'private_key_jwt'],
    ['an assertion by a secret', denied({ error: 'unauthorized_client' }), false, 'client_secret_jwt'],
    ['a user whose token is not good', denied({ error: 'invalid_grant' }), false],
    ['a denial without words', denied(), false],
    ['a denial that may pass', denied({ error: 'invalid_scope', retryable: true }), false],
    ['an outage', denied({ code: 'server_unavailable', status: 503, error: 'invalid_scope' }), false],
    ['a server that wants all to wait', denied({ code: 'server_unavailable', status: 503, retryAfterMs: 1 }), true],
    ['a server that wants nobody to wait', denied({ code: 'server_unavailable', status: 503, retryAfterMs: 0 }), false],
    ['no connection', new TokenTransportError({ code: 'network', message: 'Refused.' }), false],
    [
      'another error that names a time',
      Object.assign(new TokenError({ code: 'closed', message: 'Over.' }), { retryAfterMs: 9 }),
      false,
    ],
    ['what is no error', undefined, false],
  ])('is that of all, or not: %s', (_, error, isShared, method) => {
    expect(concernsAll(error, clientBy(method))).toBe(isShared)
  })

  it.each<[what: string, isShared: boolean, offsetMs?: number, seesKey?: boolean]>([
    ['from a clock that is right', true, 0],
    ['from a clock that is right, after a long way', true, 1999],
    ['from a clock ahead of the server', false, 2000],
    ['from a clock behind the server', false, -2000],
    ['from a clock that nothing is known of', false],
    ['from a clock that is right, signed by whatever the process has', false, 0, false],
  ])('is that of all, or not: a refused assertion %s', (_, isShared, clockOffsetMs, seesKey = true) => {
    const error = denied({ error: 'invalid_client', clockOffsetMs })
    const digest = seesKey ? () => 'the digest of the key' : undefined
    expect(concernsAll(error, clientBy('private_key_jwt', digest))).toBe(isShared)
    expect(JSON.stringify(error)).not.toContain('clockOffset')
  })

  it.each([
    [
      'with a hint',
      denied({ error: 'invalid_scope', hint: 'Ask for less.', errorDescription: 'Too much.', retryAfterMs: 7000 }),
    ],
    ['without one', denied({ code: 'server_unavailable', status: 503, retryable: true, correlationId: 'abc' })],
    ['with a page about it', denied({ errorUri: 'https://as.example/help' })],
    ['of an answer that made no sense', denied({ code: 'invalid_response', status: 200 })],
    ['of a redirect', denied({ code: 'redirect_refused', status: 302 })],
  ])('is for another what it was for the first: %s', (_, error) => {
    const other = deniedError(found(JSON.parse(JSON.stringify(described(error)))), clientBy())
    expect(other).toBeInstanceOf(TokenResponseError)
    expect(other.toJSON()).toEqual({ ...error.toJSON(), client: 'orders' })
    expect(other.message).toBe(error.message)
  })
})

describe('a failure that is found', () => {
  it('is a denial that does not pass, unless it says otherwise', () => {
    const error = deniedError(found({}), clientBy())
    expect(error).toMatchObject({ code: 'request_denied', client: 'orders', status: 400, retryable: false })
    expect(error).toMatchObject({ error: undefined, errorDescription: undefined, errorUri: undefined })
    expect(error).toMatchObject({ retryAfterMs: undefined, correlationId: undefined, hint: undefined })
    expect(error.message).toBe('Another process was denied a token for client "orders".')
  })

  it.each<[part: string, value: unknown, expected: unknown]>([
    ['code', 'closed', 'request_denied'],
    ['code', ['server_unavailable'], 'request_denied'],
    ['status', '401', 400],
    ['status', 401.5, 400],
    ['retryable', 'true', false],
    ['error', { is: 'invalid_scope' }, undefined],
    ['errorDescription', 7, undefined],
    ['errorUri', ['https://as.example'], undefined],
    ['retryAfterMs', '7000', undefined],
    ['retryAfterMs', -1, undefined],
    ['retryAfterMs', 0, undefined],
    ['correlationId', null, undefined],
    ['errorDescription', 'red\u001b[31m\nline', 'red[31m line'],
  ])('is looked at part by part: %s %j', (part, value, expected) => {
    expect(deniedError(found({ [part]: value }), clientBy())).toHaveProperty(part, expected)
  })

  it('is cut where it has no end', () => {
    expect(deniedError(found({ errorDescription: 'x'.repeat(5000) }), clientBy())).toMatchObject({
      errorDescription: expect.stringMatching(/^x{999}…$/),
    })
  })
})

describe('tokens that must not be cached', () => {
  it('are told of in place of an error, in words too, and taken for nothing else', () => {
    const error = UNCACHEABLE as Readonly<Record<string, unknown>>
    expect(isUncacheable(found(error))).toBe(true)
    expect(isUncacheable(found({ ...error, status: 400 }))).toBe(false)
    expect(isUncacheable(found({ ...error, error: 'invalid_scope' }))).toBe(false)
    expect(deniedError(found(error), clientBy())).toMatchObject({
      code: 'request_denied',
      error: 'not_cached',
      retryable: true,
      message: 'The authorization server gives tokens that must not be cached.',
    })
  })
})

describe('a rejected token that is not replaced', () => {
  it('is an error that may pass, with what is likely to be wrong', () => {
    expect(keptError(clientBy())).toMatchObject({
      code: 'fresh_token_rejected',
      client: 'orders',
      message: expect.stringContaining(
        'The API rejected a token of client "orders" that another process had requested',
      ),
      hint: expect.stringContaining('The token is probably not meant for this API'),
      retryable: true,
    })
  })
})
