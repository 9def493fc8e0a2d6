import { describe, expect, it } from 'vitest'
import { IssuedTokens } from '../../src/testing/issued-tokens.ts'

describe('issued tokens', () => {
  const order = { clientId: 'orders', scope: '' }

  it('are forgotten some time after they expired, so that a long test does not fill the memory', () => {
    const tokens = new IssuedTokens()
    const [first] = Array.from({ length: 10_001 }, (_, i) => tokens.issue({ ...order, expiresAt: i + 1 }, i))
    expect(tokens.find(first ?? '')).toBeUndefined()
    expect(tokens.issued).toBe(10_001)
  })

  it('are never forgotten while they live', () => {
    const tokens = new IssuedTokens()
    const all = Array.from({ length: 10_010 }, (_, i) => tokens.issue({ ...order, expiresAt: 1e9 }, i))
    expect(all.filter((token) => tokens.find(token) === undefined)).toEqual([])
    expect(tokens.revokeAll()).toBe(10_010)
  })
})
