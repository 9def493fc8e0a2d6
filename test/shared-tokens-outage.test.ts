import { describe, expect, it } from 'vitest'
import { Fleet, type FleetProcess } from './support/fleet.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
const callsOf = ({ store }: FleetProcess) => sum(Object.values(store.calls))
const isFresh = ({ tokens }: FleetProcess) => tokens.inspect({}).state === 'fresh'

describe('while the authorization server is away for long', () => {
  it('a refresh that nobody waits for asks the store every 20 seconds at most, and finds the new token soon', async () => {
    const fleet = new Fleet()
    const processes = [...fleet.processes(20, { keepWarm: true }), ...fleet.processes(20)]
    await fleet.tokensOf(processes)
    await fleet.clock.advance(37 * MINUTE)
    fleet.server.byDefault = { status: 503, afterMs: 100 }
    const before = processes.map(callsOf)
    const outageMs = 20 * MINUTE
    for (let passed = 0; passed < outageMs; passed += 5 * SECOND) {
      const calls = sum(processes.map(callsOf))
      for (const { tokens } of processes.slice(20)) expect(tokens.source().peek()).toBeDefined()
      for (let second = 0; second < 5; second++) {
        await Promise.all(processes.slice(20).map(({ tokens }) => tokens.getToken()))
        await fleet.clock.advance(SECOND)
      }
      expect(sum(processes.map(callsOf)) - calls).toBeLessThanOrEqual(processes.length)
    }
    processes.forEach((one, at) => {
      expect(callsOf(one) - (before[at] ?? 0)).toBeLessThanOrEqual(outageMs / (15 * SECOND))
    })
    // One after another, each after the pause that the last has set.
    expect(fleet.server.requests.length).toBeGreaterThan(20)
    expect(fleet.server.requests.length).toBeLessThan(outageMs / (5 * SECOND))

    fleet.server.byDefault = { afterMs: 100 }
    const requests = fleet.server.requests.length
    await fleet.clock.advance(45 * SECOND)
    await Promise.all(processes.slice(20).map(({ tokens }) => tokens.getToken()))
    await fleet.clock.advance(SECOND)
    expect(fleet.server.requests).toHaveLength(requests + 1)
    // Those that failed themselves pause for longer.
    expect(processes.filter(isFresh).length).toBeGreaterThan(processes.length / 2)
    await fleet.clock.advance(MINUTE)
    for (const { tokens } of processes) expect(tokens.source().peek()).toBeDefined()
    expect(fleet.server.requests).toHaveLength(requests + 1)
  })

  it.each([
    ['says so', { status: 503, afterMs: 100 }],
    ['does not answer', { hang: true }],
  ])('a token kept warm that has expired meanwhile is looked for every 5 seconds at most: it %s', async (_, fault) => {
    const fleet = new Fleet()
    const processes = fleet.processes(20, { keepWarm: true })
    await fleet.tokensOf(processes)
    await fleet.clock.advance(37 * MINUTE)
    fleet.server.byDefault = fault
    await fleet.clock.advance(25 * MINUTE)
    const before = processes.map(callsOf)
    const beforeRequests = fleet.server.requests.length
    await fleet.clock.advance(10 * MINUTE)
    // Those who request a token themselves renew the lease and give it up.
    const renewed = fleet.server.requests.length - beforeRequests
    const looks = (10 * MINUTE) / (5 * SECOND)
    processes.forEach((one, at) => {
      expect(callsOf(one) - (before[at] ?? 0)).toBeLessThanOrEqual(looks + 6 * renewed)
    })
    expect(sum(processes.map(callsOf)) - sum(before)).toBeLessThanOrEqual(processes.length * looks)

    fleet.server.byDefault = { afterMs: 100 }
    const { length } = fleet.server.requests
    await fleet.clock.advance(30 * SECOND)
    expect(processes.filter(isFresh)).toHaveLength(processes.length)
    expect(fleet.server.requests).toHaveLength(length + 1)
  })

  it.each([
    ['says so', { status: 503, afterMs: 100 }],
    ['does not answer', { hang: true }],
  ])('nobody looks every second for another in place of a rejected one that is kept warm: it %s', async (_, fault) => {
    const fleet = new Fleet()
    const processes = fleet.processes(20, { keepWarm: true })
    await fleet.tokensOf(processes)
    // One that lives shorter, so that all tokens are looked at.
    fleet.server.byDefault = { body: { ...fleet.server.token(), expires_in: 60 } }
    const others = processes.map(({ tokens }) => tokens.source({ scope: 'short' }))
    const got = Promise.all(others.map((other) => other.getToken()))
    await fleet.clock.advance(SECOND)
    await got
    fleet.server.byDefault = fault
    for (const { tokens } of processes) tokens.invalidate({}, tokens.source().peek())
    await fleet.clock.advance(MINUTE)
    const before = processes.map(callsOf)
    const beforeRequests = fleet.server.requests.length
    await fleet.clock.advance(5 * MINUTE)
    const requests = fleet.server.requests.length - beforeRequests
    // One question for each of these, and a removal for one; who requests a token renews the lease and gives it up.
    const looks = (5 * MINUTE) / (5 * SECOND)
    expect(sum(processes.map(callsOf)) - sum(before)).toBeLessThanOrEqual(3 * processes.length * looks + 6 * requests)
  })

  it('whoever asks for a token that was kept warm and has expired does not wait for the next look', async () => {
    const fleet = new Fleet()
    const { tokens, store } = fleet.join({ keepWarm: true })
    await fleet.tokensOf([{ tokens } as FleetProcess])
    fleet.server.byDefault = { status: 503, afterMs: 100 }
    await fleet.clock.advance(65 * MINUTE)
    fleet.server.byDefault = { afterMs: 3000 }
    const holding = fleet.join().tokens.getToken()
    const looked = store.calls.getOrLease
    while (store.calls.getOrLease === looked) await fleet.clock.advance(100)
    // It has heard that another is busy, and looks again in five seconds at the soonest.
    const waiting = tokens.getToken()
    let isServed = false
    for (const served of [holding, waiting]) void served.then(() => (isServed = served === waiting))
    while (!isServed) await fleet.clock.advance(100)
    expect(fleet.clock.monotonicNow() - (await holding).requestedAt.monotonic).toBeLessThan(3400)
  })

  it('whoever comes to wait, since the token has expired meanwhile, is served as soon as there is another', async () => {
    const fleet = new Fleet()
    const [holder, other] = [fleet.join(), fleet.join()]
    await fleet.tokensOf([holder, other])
    await fleet.clock.advance(59 * MINUTE)
    fleet.server.byDefault = { hang: true }
    await holder.tokens.getToken()
    await fleet.clock.advance(SECOND)
    fleet.server.byDefault = { afterMs: 100 }
    await other.tokens.getToken()
    await fleet.clock.advance(SECOND)
    const calls = callsOf(other)
    await fleet.clock.advance(48 * SECOND)
    expect(callsOf(other)).toBe(calls)
    const begun = fleet.clock.monotonicNow()
    const waited = other.tokens.getToken().then(() => fleet.clock.monotonicNow() - begun)
    await fleet.clock.advance(SECOND)
    expect(await waited).toBeLessThan(500)
  })

  it('nobody waits for tokens of three seconds either', async () => {
    const fleet = new Fleet()
    fleet.server.expiresIn = 3
    const processes = fleet.processes(8)
    await fleet.tokensOf(processes, 500)
    for (let passed = 0; passed < 30 * SECOND; passed += 50) {
      for (const { tokens } of processes) expect(tokens.source().peek()).toBeDefined()
      await Promise.all(processes.map(({ tokens }) => tokens.getToken()))
      await fleet.clock.advance(50)
    }
    // A rotation takes one and a half seconds at least.
    expect(fleet.server.requests.length).toBeLessThanOrEqual(20)
  })
})
