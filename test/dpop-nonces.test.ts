import { describe, expect, it } from 'vitest'
import { DpopNonces } from '../src/dpop-nonces.ts'

const origin = (number: number) => `https://api-${number}.example.com`

describe('the nonces of servers', () => {
  it('are kept for the thousand origins that last gave one', () => {
    const nonces = new DpopNonces()
    for (let i = 0; i < 1000; i++) nonces.note(origin(i), `nonce-${i}`)
    nonces.note(origin(0), 'nonce-again')
    nonces.note(origin(1000), 'nonce-1000')
    expect(nonces.of(origin(0))).toBe('nonce-again')
    expect(nonces.of(origin(1))).toBeUndefined()
    expect(nonces.of(origin(2))).toBe('nonce-2')
    expect(nonces.of(origin(1000))).toBe('nonce-1000')
  })

  it.each(['', 'a b', 'a"b', 'a\\b', 'é', 'x'.repeat(1025)])('are none if they could not be one: %j', (value) => {
    const nonces = new DpopNonces()
    nonces.note(origin(1), 'good')
    expect(nonces.note(origin(1), value)).toBe(false)
    expect(nonces.of(origin(1))).toBe('good')
  })
})
