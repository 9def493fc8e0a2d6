import { describe, expect, it } from 'vitest'
import { Fleet, type FleetProcess } from '../support/fleet.ts'

const MINUTE = 60_000

/** One process has token 2, which is in the store; the other still has token 1. */
async function whileTokenIsReplaced() {
  const fleet = new Fleet()
  const [ahead, behind] = [fleet.join(), fleet.join()]
  expect(await fleet.tokensOf([ahead, behind])).toEqual(['token-1', 'token-1'])
  await fleet.clock.advance(45 * MINUTE)
  await fleet.tokensOf([ahead])
  expect(await fleet.tokensOf([ahead])).toEqual(['token-2'])
  // Of an age at which another would help.
  await fleet.clock.advance(MINUTE)
  expect(behind.tokens.source().peek()?.reveal()).toBe('token-1')
  return { fleet, ahead, behind }
}

const reject = ({ tokens }: FleetProcess, token: string) => tokens.source().invalidate(token)

describe('a fleet whose tokens are all revoked while some processes have the one before', () => {
  it('gives those none that another process has reported already', async () => {
    const { fleet, ahead, behind } = await whileTokenIsReplaced()
    reject(ahead, 'token-2')
    reject(behind, 'token-1')
    expect(await fleet.tokensOf([ahead, behind])).toEqual(['token-3', 'token-3'])
    expect(fleet.server.requests).toHaveLength(3)
  })

  it('makes one token request, whoever is first to find out', async () => {
    const { fleet, ahead, behind } = await whileTokenIsReplaced()
    reject(behind, 'token-1')
    expect(await fleet.tokensOf([behind])).toEqual(['token-2'])
    reject(behind, 'token-2')
    expect(await fleet.tokensOf([behind])).toEqual(['token-3'])
    reject(ahead, 'token-2')
    expect(await fleet.tokensOf([ahead])).toEqual(['token-3'])
    expect(fleet.server.requests).toHaveLength(3)
  })
})
