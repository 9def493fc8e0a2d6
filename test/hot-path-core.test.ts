import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { TokenManager } from '../src/index.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import { managed } from './support/managed.ts'
import { countResources, difference, type ResourceCounts } from './support/resource-counts.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const NOTHING: ResourceCounts = { promises: 0, timers: 0, turns: 0 }
const SCOPE = ['orders.read', 'orders.write', 'stock.read']

describe('a token that is at hand', () => {
  // More is slower; fewer are welcome, and to be written here.
  it.each<[string, (tokens: TokenManager) => () => unknown, ResourceCounts]>([
    ['source.peek()', (tokens) => bound(tokens, (source) => source.peek()), NOTHING],
    ['source.getToken()', (tokens) => bound(tokens, (source) => source.getToken()), NOTHING],
    ['manager.getToken()', (tokens) => () => tokens.getToken(), NOTHING],
    ['manager.getToken({ scope })', (tokens) => () => tokens.getToken({ scope: SCOPE }), NOTHING],
    ['manager.getAccessToken()', (tokens) => () => tokens.getAccessToken(), { ...NOTHING, promises: 2 }],
  ])('takes so much more than waiting for what is there already: %s', async (_, callOf, counts) => {
    const { tokens, server } = managed()
    await tokens.getToken()
    await tokens.getToken({ scope: SCOPE })
    const call = callOf(tokens)
    await call()
    expect(difference(await countResources(call), await countResources(() => 'a token'))).toEqual(counts)
    expect(server.requests).toHaveLength(2)
  })

  it('reads each clock once', async () => {
    const { tokens, clock } = managed()
    await tokens.getToken({ scope: SCOPE })
    const source = tokens.source({ scope: SCOPE })
    let reads = 0
    for (const name of ['now', 'monotonicNow'] as const) {
      const read = clock[name].bind(clock)
      clock[name] = () => {
        reads += 1
        return read()
      }
    }
    for (const call of [() => source.peek(), () => source.getToken(), () => tokens.getToken({ scope: SCOPE })]) {
      reads = 0
      await call()
      expect(reads).toBe(2)
    }
  })

  it('is not looked for in the store', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { tokens } = managed({ store }, clock)
    await tokens.getToken()
    const calls = { ...store.calls }
    // One to look and to lease, one to write.
    expect(calls).toEqual({ get: 0, getOrLease: 1, renew: 0, set: 1, delete: 0 })
    for (let i = 0; i < 100; i += 1) await tokens.getToken()
    expect(store.calls).toEqual(calls)
  })

  it('leaves no listener on the signal of its caller', async () => {
    const { tokens } = managed()
    const { signal } = new AbortController()
    await tokens.getToken({ signal })
    for (let i = 0; i < 100; i += 1) await tokens.getToken({ signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('callers of one token request', () => {
  it.each([1, 1000])('put one listener on a signal that %d of them share, and take it off', async (callers) => {
    const { tokens } = managed()
    const { signal } = new AbortController()
    const waiting = Array.from({ length: callers }, () => tokens.getToken({ signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await Promise.all(waiting)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

function bound(tokens: TokenManager, call: (source: ReturnType<TokenManager['source']>) => unknown): () => unknown {
  const source = tokens.source()
  return () => call(source)
}
