import { describe, expect, it } from 'vitest'
import { AccessToken } from '../src/access-token.ts'
import { TokenError } from '../src/errors.ts'
import { type DescribedSource, describeSource } from '../src/token-source-inspection.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const clock = new VirtualClock()

/** A token that was requested a minute ago and is used for ten. */
const token = new AccessToken({
  ...{ value: 'hunter2', tokenType: 'Bearer', scope: ['read'], lifetimeMs: 610_000 },
  requestedAt: { wall: clock.now() - 60_000, monotonic: clock.monotonicNow() - 60_000 },
  dueAfterMs: 400_000,
  expiredAfterMs: 600_000,
})

const failure = new TokenError({ code: 'server_unavailable', message: 'Down.' })

function described(more: Partial<DescribedSource>) {
  const source: DescribedSource = {
    ...{ client: 'orders', scope: ['read'], state: 'fresh', token, isFromStore: false, dueAfterMs: 400_000 },
    ...{ requestInFlight: false, lastReason: undefined, failure: undefined, clock, ...more },
  }
  return describeSource(source)
}

const NEXT = [
  ['a request is under way', { requestInFlight: true, failure }, 'a token request is under way'],
  ['a failure is remembered', { failure }, 'requests pause after a failure (server_unavailable)'],
] as const

describe('the explanation of a token', () => {
  it.each<[string, Partial<DescribedSource>, string]>([
    ['is used', {}, 'The cached token is used; a refresh is due in 340 s, it is used for 540 s more.'],
    [
      'is used and came from the store',
      { isFromStore: true, dueAfterMs: 60_500 },
      'The cached token, from the store, is used; a refresh is due in 1 s, it is used for 540 s more.',
    ],
    [
      'is past the time of its refresh',
      { state: 'refresh due', dueAfterMs: 0 },
      'The cached token is used for 540 s more; the next call starts a refresh in the background.',
    ],
    ['has expired', { state: 'expired' }, 'The cached token is no longer used; the next call requests a new one.'],
    ['was rejected', { state: 'rejected' }, 'An API rejected the cached token; the next call requests a new one.'],
    [
      'was rejected and came from the store',
      { state: 'rejected', isFromStore: true },
      'An API rejected the cached token, from the store; the next call requests a new one.',
    ],
    ['is not there', { state: 'absent', token: undefined }, 'There is no token; the next call requests one.'],
  ])('says what the next call gets when it %s', (_, source, explanation) => {
    expect(described(source).explanation).toBe(explanation)
  })

  it.each(NEXT)('says it when %s', (_, source, next) => {
    expect(described({ ...source, state: 'refresh due' }).explanation).toBe(
      `The cached token is used for 540 s more; ${next}.`,
    )
    expect(described({ ...source, state: 'expired' }).explanation).toBe(`The cached token is no longer used; ${next}.`)
    expect(described({ ...source, state: 'rejected' }).explanation).toBe(`An API rejected the cached token; ${next}.`)
    expect(described({ ...source, state: 'absent', token: undefined }).explanation).toBe(`There is no token; ${next}.`)
  })

  it('never counts time that has passed already', () => {
    expect(described({ dueAfterMs: 30_000 }).explanation).toContain('a refresh is due in 0 s')
  })
})

describe('what is known of a token', () => {
  it('is plain data, and everything but the token', () => {
    const known = described({ lastReason: 'rejected', requestInFlight: true, failure })
    expect(known).toEqual({
      ...{ client: 'orders', scope: ['read'], state: 'fresh', explanation: expect.any(String) },
      ...{ token: token.toJSON(), requestInFlight: true, lastRequestReason: 'rejected', failure: failure.toJSON() },
    })
    expect(Object.keys(known)).not.toContain('subject')
    expect(JSON.stringify(known)).not.toContain('hunter2')
  })

  it('names the user on whose behalf it is', () => {
    expect(described({ subject: '1a2b3c4d' })).toHaveProperty('subject', '1a2b3c4d')
  })

  it('is little where there is none', () => {
    const nothing = { token: undefined, failure: undefined, lastRequestReason: undefined, requestInFlight: false }
    expect(described({ state: 'absent', token: undefined })).toMatchObject(nothing)
  })
})
