import { describe, expect, it } from 'vitest'
import { AccessToken } from '../src/access-token.ts'
import { TokenError, TokenTransportError } from '../src/errors.ts'
import { KeyFailures } from '../src/key-failures.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const DENIAL = new TokenError({ code: 'request_denied', message: 'No.' })
const OUTAGE = new TokenTransportError({ code: 'network', message: 'Refused.' })
const MINUTE = 60_000

/** Failures of a key whose pauses are as long as their bounds, and a token that lives an hour. */
function failures() {
  const clock = new VirtualClock({ random: () => 1 })
  const token = new AccessToken({
    ...{ value: 'secret', tokenType: 'Bearer', scope: [], lifetimeMs: 60 * MINUTE },
    requestedAt: { wall: clock.now(), monotonic: clock.monotonicNow() },
    dueAfterMs: 40 * MINUTE,
    expiredAfterMs: 60 * MINUTE,
  })
  return { clock, token, failures: new KeyFailures(clock) }
}

describe('what failures of a key mean', () => {
  it('is nothing at first', () => {
    const { failures: none } = failures()
    expect(none.isEmpty).toBe(true)
    expect(none.forCallers()).toBeUndefined()
    expect(none.forRefresh()).toBeUndefined()
    expect(none.pauseMs()).toBe(0)
  })

  it('is that callers get a denial, for a second and then for longer', async () => {
    const { failures: denied, clock } = failures()
    denied.denied(DENIAL)
    expect(denied.isEmpty).toBe(false)
    expect(denied.forCallers()).toBe(DENIAL)
    expect(denied.forRefresh()).toBe(DENIAL)
    await clock.advance(1000)
    expect(denied.forCallers()).toBeUndefined()
    denied.denied(DENIAL)
    expect(denied.pauseMs()).toBe(2000)
  })

  it('is that a refresh which failed is not repeated at once, and that nobody notices', async () => {
    const { failures: failing, clock, token } = failures()
    await clock.advance(40 * MINUTE)
    expect(failing.refreshFailed(OUTAGE, token)).toBe(10_000)
    expect(failing.isEmpty).toBe(false)
    expect(failing.forCallers()).toBeUndefined()
    expect(failing.forRefresh()).toBe(OUTAGE)
    expect(failing.pauseMs()).toBe(10_000)
    await clock.advance(10_000)
    expect(failing.forRefresh()).toBeUndefined()
    expect(failing.refreshFailed(OUTAGE, token)).toBe(20_000)
  })

  it('is that the pause after a refresh that failed leaves time for another, by the age of the token', async () => {
    const { failures: failing, clock, token } = failures()
    for (let failed = 0; failed < 6; failed++) failing.refreshFailed(OUTAGE, token)
    await clock.advance(58 * MINUTE)
    expect(failing.refreshFailed(OUTAGE, token)).toBe(MINUTE)
  })

  it('is that a fresh token which is rejected is not replaced at once', async () => {
    const { failures: rejected, clock } = failures()
    rejected.freshTokenRejected('orders')
    expect(rejected.isEmpty).toBe(false)
    expect(rejected.forCallers()).toBeUndefined()
    expect(rejected.forRefresh()).toMatchObject({
      code: 'fresh_token_rejected',
      client: 'orders',
      message: expect.stringContaining('The API rejected a token of client "orders" and at once its replacement.'),
      hint: expect.stringContaining('The token is probably not meant for this API'),
    })
    expect(rejected.pauseMs()).toBe(10_000)
    await clock.advance(10_000)
    rejected.freshTokenRejected('orders')
    expect(rejected.pauseMs()).toBe(20_000)
  })

  it('is the longest of their pauses together', () => {
    const { failures: all, token } = failures()
    all.denied(DENIAL)
    all.refreshFailed(OUTAGE, token)
    expect(all.isEmpty).toBe(false)
    all.refreshFailed(OUTAGE, token)
    all.freshTokenRejected('orders')
    all.freshTokenRejected('orders')
    all.freshTokenRejected('orders')
    expect(all.isEmpty).toBe(false)
    expect(all.pauseMs()).toBe(40_000)
    expect(all.forRefresh()).toBe(DENIAL)
  })

  it('ends with a token, but for rejections, which go on when it replaced a rejected one', async () => {
    const { failures: ended, clock, token } = failures()
    const failAll = () => {
      ended.denied(DENIAL)
      ended.refreshFailed(OUTAGE, token)
      ended.freshTokenRejected('orders')
    }
    failAll()
    ended.succeeded(true)
    expect(ended.isEmpty).toBe(false)
    expect(ended.forCallers()).toBeUndefined()
    expect(ended.forRefresh()).toMatchObject({ code: 'fresh_token_rejected' })
    await clock.advance(10_000)
    expect(ended.forRefresh()).toBeUndefined()
    failAll()
    expect(ended.pauseMs()).toBe(20_000)
    ended.succeeded(false)
    expect(ended.isEmpty).toBe(true)
    expect(ended.forRefresh()).toBeUndefined()
  })

  it('ends when all is forgotten', () => {
    const { failures: forgotten, token } = failures()
    forgotten.denied(DENIAL)
    forgotten.refreshFailed(OUTAGE, token)
    forgotten.freshTokenRejected('orders')
    forgotten.clear()
    expect(forgotten.isEmpty).toBe(true)
    expect(forgotten.pauseMs()).toBe(0)
  })
})
