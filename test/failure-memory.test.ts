import { describe, expect, it } from 'vitest'
import { TokenError, type TokenErrorCode, TokenResponseError, TokenTransportError } from '../src/errors.ts'
import { FailureMemory, failureScope, isCredentialError } from '../src/failure-memory.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const FAILURE = new TokenTransportError({ code: 'network', message: 'Refused.' })

const answered = (status: number, error?: string, retryable = false) =>
  new TokenResponseError({
    code: error === undefined ? 'invalid_response' : 'request_denied',
    message: 'No.',
    status,
    error,
    retryable,
  })

describe('FailureMemory', () => {
  it('remembers nothing at first', () => {
    const memory = new FailureMemory(new VirtualClock())
    expect(memory.recall()).toBeUndefined()
    expect(memory.inARow).toBe(0)
  })

  it('remembers the very failure for its pause, and not a moment longer', async () => {
    const clock = new VirtualClock()
    const memory = new FailureMemory(clock)
    memory.remember(FAILURE, () => 1000)
    expect(memory.recall()).toBe(FAILURE)
    await clock.advance(999)
    expect(memory.recall()).toBe(FAILURE)
    await clock.advance(1)
    expect(memory.recall()).toBeUndefined()
  })

  it('counts failures in a row, and asks for the pause by that count', async () => {
    const clock = new VirtualClock()
    const memory = new FailureMemory(clock)
    const counts: number[] = []
    for (let round = 0; round < 3; round++) {
      memory.remember(FAILURE, (failures) => {
        counts.push(failures)
        return 10 * failures
      })
      await clock.advance(50)
    }
    expect(counts).toEqual([1, 2, 3])
    expect(memory.inARow).toBe(3)
    memory.remember(FAILURE, (failures) => 10 * failures)
    await clock.advance(39)
    expect(memory.recall()).toBe(FAILURE)
  })

  it('tells of the last failure', () => {
    const memory = new FailureMemory(new VirtualClock())
    const second = new TokenTransportError({ code: 'timeout', message: 'Slow.' })
    memory.remember(FAILURE, () => 1000)
    memory.remember(second, () => 1000)
    expect(memory.recall()).toBe(second)
  })

  it('knows how long ago the last failure was, until it is cleared', async () => {
    const clock = new VirtualClock()
    const memory = new FailureMemory(clock)
    expect(memory.ageMs()).toBeUndefined()
    memory.remember(FAILURE, () => 10)
    await clock.advance(1000)
    expect(memory.ageMs()).toBe(1000)
    memory.clear()
    expect(memory.ageMs()).toBeUndefined()
  })

  it('forgets failure and count when it is cleared', () => {
    const memory = new FailureMemory(new VirtualClock())
    memory.remember(FAILURE, () => 1000)
    memory.clear()
    expect(memory.recall()).toBeUndefined()
    expect(memory.inARow).toBe(0)
  })

  it('prolongs a pause that would end sooner, by the newer failure, without counting it', async () => {
    const clock = new VirtualClock()
    const memory = new FailureMemory(clock)
    const second = new TokenTransportError({ code: 'timeout', message: 'Slow.' })
    memory.remember(FAILURE, () => 1000)
    memory.prolong(second, 1500)
    expect(memory.inARow).toBe(1)
    expect(memory.remainingMs()).toBe(1500)
    await clock.advance(1499)
    expect(memory.recall()).toBe(second)
    await clock.advance(1)
    expect(memory.recall()).toBeUndefined()
    expect(memory.remainingMs()).toBe(0)
  })

  it.each([1000, 999, 0])('keeps a pause of 1000 ms and its failure where %i ms are asked for', async (pauseMs) => {
    const memory = new FailureMemory(new VirtualClock())
    memory.remember(FAILURE, () => 1000)
    memory.prolong(new TokenTransportError({ code: 'timeout', message: 'Slow.' }), pauseMs)
    expect(memory.recall()).toBe(FAILURE)
    expect(memory.remainingMs()).toBe(1000)
  })

  it.each<[what: string, happens: (clock: VirtualClock) => void]>([
    ['the machine slept through it', (clock) => clock.suspend(60_000)],
    ['the wall clock was set forward', (clock) => clock.moveWall(60_000)],
  ])('does not prolong a pause when %s', (_what, happens) => {
    const clock = new VirtualClock()
    const memory = new FailureMemory(clock)
    memory.remember(FAILURE, () => 60_000)
    happens(clock)
    expect(memory.recall()).toBeUndefined()
  })

  it('ends a pause in time when the wall clock was set back', async () => {
    const clock = new VirtualClock()
    const memory = new FailureMemory(clock)
    memory.remember(FAILURE, () => 1000)
    clock.moveWall(-3_600_000)
    await clock.advance(999)
    expect(memory.recall()).toBe(FAILURE)
    await clock.advance(1)
    expect(memory.recall()).toBeUndefined()
  })
})

describe('failureScope', () => {
  it.each<[error: string, scope: 'key' | 'client']>([
    ['invalid_client', 'client'],
    ['unauthorized_client', 'client'],
    ['invalid_scope', 'key'],
    ['invalid_target', 'key'],
    ['invalid_grant', 'key'],
    ['invalid_request', 'key'],
    ['access_denied', 'key'],
    ['an error of its own', 'key'],
  ])('of the OAuth error %s is the %s, whatever the status', (error, scope) => {
    for (const status of [400, 401, 403, 500]) expect(failureScope(answered(status, error))).toBe(scope)
  })

  it.each<[what: string, error: TokenError]>([
    ['an answer without an OAuth error', answered(404)],
    ['an answer that may be another next time', answered(503, undefined, true)],
    ['temporarily_unavailable', answered(400, 'temporarily_unavailable', true)],
    ['no connection', FAILURE],
    [
      'a certificate that is not trusted',
      new TokenTransportError({ code: 'tls', message: 'Expired.', retryable: false }),
    ],
    ...(
      [
        'secret_unavailable',
        'unsupported_client_authentication',
        'issuer_mismatch',
        'discovery_failed',
      ] as TokenErrorCode[]
    ).map((code): [string, TokenError] => [code, new TokenError({ code, message: 'No.' })]),
  ])('of %s is the client', (_what, error) => {
    expect(failureScope(error)).toBe('client')
  })

  it.each(['scope_not_granted', 'expired_on_arrival'] as const)(
    'of %s is the key: other tokens may be good',
    (code) => {
      expect(failureScope(new TokenError({ code, message: 'No.' }))).toBe('key')
    },
  )

  it.each<[what: string, status: number, isForUser: boolean | undefined, scope: 'key' | 'client']>([
    ["a 400 for one user's token", 400, true, 'key'],
    ["another status for one user's token", 404, true, 'client'],
    ['a 400 for a token of the service itself', 400, false, 'client'],
    ['a 400 where nothing is said of a user', 400, undefined, 'client'],
  ])('of %s, of which the server says no more, is as far as it may reach', (_what, status, isForUser, scope) => {
    expect(failureScope(answered(status), isForUser)).toBe(scope)
  })
})

describe('isCredentialError', () => {
  it.each([
    [answered(401, 'invalid_client'), true],
    [answered(400, 'unauthorized_client'), true],
    [answered(400, 'invalid_scope'), false],
    [answered(401), false],
    [FAILURE, false],
    [new Error('invalid_client'), false],
    [undefined, false],
  ])('tells whether other credentials may help: %s', (error, expected) => {
    expect(isCredentialError(error)).toBe(expected)
  })
})
