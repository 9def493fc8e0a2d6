import { describe, expect, it } from 'vitest'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import type { TokenStore } from '../src/store/token-store.ts'
import { managed } from './support/managed.ts'
import { withoutLeases } from './support/store-without-leases.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const HOUR = 3_600_000

/** A store of processes with one clock, and how long the records in it live on. */
function shared() {
  const clock = new VirtualClock()
  const store = new MemoryTokenStore({ clock, plaintext: true })
  const leftMs = () => {
    const left: number[] = []
    store.tamper((record) => {
      left.push(record.leftMs)
      return record
    })
    return left
  }
  return { clock, store, leftMs }
}

describe('a token that a process shares', () => {
  it.each([
    ['with leases', (store: MemoryTokenStore): TokenStore => store.connect()],
    ['without', withoutLeases],
  ])('is in a store %s for what is left of it, after a request that took its time', async (_, waysTo) => {
    const { clock, store, leftMs } = shared()
    const { tokens, server } = managed({ store: waysTo(store) }, clock)
    server.byDefault = { afterMs: 2000 }
    const token = tokens.getToken()
    await clock.advance(5000)
    await token
    expect(leftMs()).toEqual([HOUR - 5000])
  })

  it('is found by another that requires its scopes, and not by one that requires more', async () => {
    const { clock, store } = shared()
    const scope = 'orders.read orders.write'
    const one = managed({ store: store.connect(), scope }, clock)
    one.server.byDefault = { body: one.server.token({ scope: 'orders.read orders.write' }) }
    await one.tokens.getToken()
    await clock.settle()
    const two = managed({ store: store.connect(), scope, requireScope: true }, clock)
    expect((await two.tokens.getToken()).scope).toEqual(['orders.read', 'orders.write'])
    expect(two.server.requests).toHaveLength(0)

    const less = shared()
    const first = managed({ store: less.store.connect(), scope }, less.clock)
    first.server.byDefault = { body: first.server.token({ scope: 'orders.read' }) }
    await first.tokens.getToken()
    await less.clock.settle()
    const second = managed({ store: less.store.connect(), scope, requireScope: true }, less.clock)
    second.server.byDefault = { body: second.server.token({ scope }) }
    expect((await second.tokens.getToken()).scope).toEqual(['orders.read', 'orders.write'])
    expect(second.server.requests).toHaveLength(1)
  })

  it('is given to a caller that asks for exactly as much validity as it has left', async () => {
    const { clock, store } = shared()
    await managed({ store: store.connect() }, clock).tokens.getToken()
    await clock.settle()
    const { tokens, server } = managed({ store: store.connect() }, clock)
    // Two seconds are taken off for the way.
    expect((await tokens.getToken({ minValidityMs: HOUR - 2000 })).reveal()).toBe('token-1')
    expect(server.requests).toHaveLength(0)
  })
})
