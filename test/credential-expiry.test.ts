import { describe, expect, it } from 'vitest'
import { CredentialExpiryNotices } from '../src/credential-expiry.ts'
import { TokenEventEmitter, type TokenEvents } from '../src/events.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const DAY_MS = 24 * 3_600_000

function notices() {
  const clock = new VirtualClock()
  const events = new TokenEventEmitter()
  const told: TokenEvents['credentialExpiring'][] = []
  events.on('credentialExpiring', (event) => told.push(event))
  return { clock, told, notices: new CredentialExpiryNotices('orders', events, clock) }
}

describe('a credential that expires', () => {
  it('is told of from 30 days before, and after it has expired', async () => {
    const { clock, told, notices: about } = notices()
    const expiry = { what: 'key', expiresAt: clock.now() + 31 * DAY_MS } as const
    about.look(expiry)
    await clock.advance(DAY_MS)
    about.look(expiry)
    expect(told).toEqual([])
    await clock.advance(1)
    about.look(expiry)
    expect(told).toEqual([{ client: 'orders', ...expiry }])
    await clock.advance(100 * DAY_MS)
    about.look(expiry)
    expect(told).toHaveLength(2)
  })

  it('is told of in the last fifth of a life of less than 150 days', async () => {
    const { clock, told, notices: about } = notices()
    const expiry = { what: 'certificate', issuedAt: clock.now(), expiresAt: clock.now() + 10 * DAY_MS } as const
    await clock.advance(8 * DAY_MS)
    about.look(expiry)
    expect(told).toEqual([])
    await clock.advance(1)
    about.look(expiry)
    expect(told).toEqual([{ client: 'orders', what: 'certificate', expiresAt: expiry.expiresAt }])
  })

  it('is told of once a day, however often it is used', async () => {
    const { clock, told, notices: about } = notices()
    const expiry = { what: 'key', expiresAt: clock.now() + 2 * DAY_MS } as const
    for (let hour = 0; hour < 48; hour++) {
      about.look(expiry)
      await clock.advance(3_600_000)
    }
    expect(told).toHaveLength(2)
  })

  it('is told of beside another one of the same client', () => {
    const { clock, told, notices: about } = notices()
    for (const what of ['key', 'certificate', 'key', 'secret'] as const) about.look({ what, expiresAt: clock.now() })
    expect(told.map(({ what }) => what)).toEqual(['key', 'certificate', 'secret'])
  })

  it('is told of again when the clock was set back by days', async () => {
    const { clock, told, notices: about } = notices()
    about.look({ what: 'key', expiresAt: 0 })
    clock.moveWall(-2 * DAY_MS)
    about.look({ what: 'key', expiresAt: 0 })
    expect(told).toHaveLength(2)
  })

  it('is not told of when nobody knows when', () => {
    const { told, notices: about } = notices()
    about.look(undefined)
    expect(told).toEqual([])
  })
})
