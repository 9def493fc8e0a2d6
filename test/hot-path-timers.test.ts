import { describe, expect, it } from 'vitest'
import { runNode } from './support/run-node.ts'

// In a process of its own, so that every timer there is one of evertoken.
const COUNT = `
  import { createHook } from 'node:async_hooks'
  import { TokenManager } from './src/index.ts'
  const { keys, keepWarm, left: expected } = JSON.parse(process.argv[1])
  const timers = new Set()
  createHook({
    init: (id, type) => void (type === 'Timeout' && timers.add(id)),
    destroy: (id) => void timers.delete(id),
  }).enable()
  const requestToken = () => ({ accessToken: 'a token', lifetimeMs: 3_600_000 })
  const tokens = new TokenManager({ clientId: 'orders', requestToken, keepWarm })
  const sources = Array.from({ length: keys }, (_, key) => tokens.source({ scope: 'stock.' + key }))
  for (const source of sources) await source.getToken()
  // Timers that have ended are told of in a later turn.
  for (let turn = 0; turn < 100_000 && timers.size > expected; turn += 1) await new Promise(setImmediate)
  const left = timers.size
  const isAtHand = sources.every((source) => source.peek() !== undefined)
  console.log(JSON.stringify({ left, isAtHand }))
`

describe('timers while nothing is under way', { timeout: 120_000 }, () => {
  it.each([
    { keys: 10_000, keepWarm: false, left: 0 },
    { keys: 1, keepWarm: true, left: 1 },
    { keys: 1000, keepWarm: true, left: 1 },
  ])('for $keys tokens, keepWarm: $keepWarm: $left', async ({ keys, keepWarm, left }) => {
    const { stdout, stderr } = await runNode(COUNT, { keys, keepWarm, left })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ left, isAtHand: true })
  })
})
