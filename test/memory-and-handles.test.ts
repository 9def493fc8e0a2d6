import { describe, expect, it } from 'vitest'
import { runNode } from './support/run-node.ts'

// EVERTOKEN_TEST_SIZE=full: a million keys, and a caller in each second of a day.
const isFull = process.env.EVERTOKEN_TEST_SIZE === 'full'
const MINUTES = 60_000

const SETUP = `
  import v8 from 'node:v8'
  import vm from 'node:vm'
  import { TokenManager } from './src/index.ts'
  import { VirtualClock } from './src/testing/virtual-clock.ts'
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc')
  const heapMiB = async () => {
    // What is finalized, and what was weakly held, goes in a turn of its own.
    for (let turn = 0; turn < 4; turn++) { gc(); await new Promise(setImmediate) }
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const plan = JSON.parse(process.argv[1])
  let requests = 0
  const transport = async () => {
    requests += 1
    const token = { access_token: 'token-' + requests, token_type: 'Bearer', expires_in: plan.expiresIn ?? 3600 }
    return new Response(JSON.stringify(token))
  }
  const clock = new VirtualClock()
  const client = {
    tokenEndpoint: 'https://auth.example.com/token', clientId: 'orders', clientSecret: 'correct horse', transport,
  }
  const options = { ...client, clock }
`

async function inOwnProcess(source: string, plan: object): Promise<{ requests: number; heaps: number[] }> {
  const { stdout, stderr } = await runNode(SETUP + source, plan)
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

/** By how much the heap grew from the first look to the largest of those that follow. */
const growth = ([first = Number.NaN, ...later]: readonly number[]) => Math.max(...later) - first

describe('memory', { timeout: isFull ? 1_800_000 : 300_000 }, () => {
  const keys = isFull ? 1_000_000 : 20_000
  const maxTokens = isFull ? 10_000 : 2000

  it('of a manager with one configured client is a few kilobytes, whatever the most tokens it may keep', async () => {
    const source = `
      const managers = []
      const make = () => { for (let made = 0; made < 500; made++) managers.push(new TokenManager(options)) }
      make()
      const heaps = [await heapMiB()]
      make()
      heaps.push(await heapMiB())
      console.log(JSON.stringify({ requests, heaps, managers: managers.length }))`
    const { heaps } = await inOwnProcess(source, {})
    expect((growth(heaps) * 1024) / 500).toBeLessThan(16)
  })

  it(`does not grow with ${keys.toLocaleString('en')} keys, where ${maxTokens.toLocaleString('en')} are kept`, async () => {
    const source = `
      const tokens = new TokenManager({ ...options, maxTokens: plan.maxTokens })
      const heaps = []
      for (let key = 1; key <= plan.keys; key++) {
        await tokens.getToken({ scope: 'orders.' + key })
        if (key % (plan.keys / 10) === 0) heaps.push(await heapMiB())
      }
      console.log(JSON.stringify({ requests, heaps }))`
    const { requests, heaps } = await inOwnProcess(source, { keys, maxTokens })
    expect(requests).toBe(keys)
    expect(growth(heaps.slice(1))).toBeLessThan(1)
  })

  it('does not grow with clients that come and go', async () => {
    const source = `
      const tokens = new TokenManager({ clock, clients: (name) => ({ ...client, clientId: name }) })
      const heaps = []
      for (let key = 1; key <= plan.keys; key++) {
        const client = 'tenant-' + key
        await tokens.getToken({ client })
        tokens.removeClient(client)
        if (key % (plan.keys / 10) === 0) heaps.push(await heapMiB())
      }
      console.log(JSON.stringify({ requests, heaps }))`
    const { requests, heaps } = await inOwnProcess(source, { keys: keys / 10 })
    expect(requests).toBe(keys / 10)
    expect(growth(heaps.slice(1))).toBeLessThan(1)
  })

  // By the middle of the jitter: two thirds of the lifetime, less a twentieth or a minute.
  it.each([
    { expiresIn: 3600, keepWarm: true, dueAfterMs: 39 * MINUTES },
    { expiresIn: 3600, keepWarm: false, dueAfterMs: 39 * MINUTES },
    { expiresIn: 600, keepWarm: true, dueAfterMs: 400_000 - 30_000 },
  ])('does not grow in a day of tokens that live $expiresIn s, keepWarm $keepWarm', async (plan) => {
    const source = `
      const tokens = new TokenManager({ ...options, keepWarm: plan.keepWarm })
      const heaps = []
      for (let ms = 0; ms < 24 * 60 * 60_000; ms += plan.everyMs) {
        if (ms % (2 * 60 * 60_000) === 0) heaps.push(await heapMiB())
        await tokens.getToken()
        await clock.advance(plan.everyMs)
      }
      console.log(JSON.stringify({ requests, heaps, sleeping: clock.pendingSleeps }))`
    const everyMs = isFull ? 1000 : 30_000
    const result = await inOwnProcess(source, { ...plan, everyMs })
    expect(result).toMatchObject({
      requests: 1 + Math.floor((24 * 60 * MINUTES) / plan.dueAfterMs),
      sleeping: plan.keepWarm ? 1 : 0,
    })
    // The code itself takes room for some rotations, until it is compiled.
    expect(growth(result.heaps.slice(4))).toBeLessThan(0.5)
  })

  it('does not grow with callers that bring one long-lived signal', async () => {
    const source = `
      const tokens = new TokenManager({ ...options, maxTokens: 10 })
      const { signal } = new AbortController()
      const heaps = []
      for (let call = 1; call <= plan.calls; call++) {
        await tokens.getToken({ scope: 'orders.' + call, signal, timeoutMs: 1000 })
        if (call % (plan.calls / 10) === 0) heaps.push(await heapMiB())
      }
      console.log(JSON.stringify({ requests, heaps }))`
    const { heaps } = await inOwnProcess(source, { calls: isFull ? 200_000 : 5000 })
    expect(growth(heaps.slice(1))).toBeLessThan(1)
  })
})
