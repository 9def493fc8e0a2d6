import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import { Client } from '../src/clients.ts'
import { TokenEventEmitter } from '../src/events.ts'
import { TokenSource } from '../src/token-source.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A source that nobody looks after. */
function sourceOf(options: Partial<ClientOptions> = {}) {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const events = new TokenEventEmitter()
  const client = new Client('default', clientOf(server, { keepWarm: true, ...options }), '', {
    ...{ clock, events, max: 10, optionsOf: undefined, isClosed: () => false, isAttached: () => false },
    ...{ store: undefined, onWarmToken: () => {} },
  })
  const source = new TokenSource(client, 'key', [], client.settings.parameters)
  return { source, clock, server, events }
}

describe('a token that is kept warm', () => {
  it('is due when its refresh is, and from then on', async () => {
    const { source, clock } = sourceOf()
    expect(source.dueInMs()).toBeUndefined()
    const { dueAfterMs } = await source.getToken()
    expect(source.dueInMs()).toBe(dueAfterMs)
    await clock.advance(dueAfterMs - 1)
    expect(source.dueInMs()).toBe(1)
    for (const ms of [1, HOUR]) {
      await clock.advance(ms)
      expect(source.dueInMs()).toBe(0)
    }
  })

  it('is never due where that is not wanted', async () => {
    const { source } = sourceOf({ keepWarm: false })
    await source.getToken()
    expect(source.dueInMs()).toBeUndefined()
  })

  it('is due when the pause after a failure is over, to the millisecond', async () => {
    const { source, clock, server } = sourceOf()
    const { dueAfterMs } = await source.getToken()
    await clock.advance(dueAfterMs)
    server.script.push({ status: 503 })
    source.refreshInBackground()
    await clock.settle()
    const dueInMs = source.dueInMs() as number
    for (const ms of [0, dueInMs - 1]) {
      await clock.advance(ms)
      source.refreshInBackground()
      await clock.settle()
      expect(server.requests).toHaveLength(2)
    }
    await clock.advance(1)
    source.refreshInBackground()
    await clock.settle()
    expect(server.requests).toHaveLength(3)
  })

  it.each([
    ['for as long as it is valid', 20 * MINUTE],
    ['but for five minutes at most once it has expired', MINUTE],
  ])('is not due while the server asks for a pause, %s', async (_, beforeMs) => {
    const { source, clock, server } = sourceOf()
    const { expiredAfterMs } = await source.getToken()
    await clock.advance(expiredAfterMs - beforeMs)
    server.script.push({ status: 429, headers: { 'retry-after': '3000' } })
    source.refreshInBackground()
    await clock.settle()
    expect(source.dueInMs()).toBe(beforeMs)
    await clock.advance(beforeMs)
    expect(source.dueInMs()).toBe(Math.max(0, 5 * MINUTE - beforeMs))
  })
})

describe('a handle', () => {
  it('ends every request once, however callers that force one and others take turns', async () => {
    const { source, clock, server } = sourceOf()
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      server.byDefault = { afterMs: SECOND }
      const calls = [false, true, false, true].map((forceRefresh) => source.getToken({ forceRefresh }))
      await clock.advance(MINUTE)
      const texts = (await Promise.all(calls)).map((token) => token.reveal())
      expect(texts).toEqual(['token-1', 'token-2', 'token-1', 'token-2'])
      await new Promise(setImmediate)
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  it('says whether a request is under way', async () => {
    const { source } = sourceOf()
    expect(source.inspect().requestInFlight).toBe(false)
    const token = source.getToken()
    expect(source.inspect().requestInFlight).toBe(true)
    await token
  })

  it('keeps nothing but its token between requests, if that, and why it was requested', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const { source, clock } = sourceOf()
    const parameters = source.parameters.bind(source)
    const made: WeakRef<object>[] = []
    source.parameters = () => {
      const one = parameters()
      made.push(new WeakRef(one))
      return one
    }
    await source.getToken()
    for (const event of [() => {}, () => source.invalidate()]) {
      event()
      await clock.settle()
      collect()
      expect(made.length).toBeGreaterThan(0)
      expect(made.filter((one) => one.deref() !== undefined)).toEqual([])
    }
    expect(source.inspect().lastRequestReason).toBe('no token')
  })

  it('tells of a token that it does not keep that it came from the server', async () => {
    const { source, events } = sourceOf()
    const from: string[] = []
    events.on('tokenUsed', (event) => from.push(event.from))
    const token = source.getToken()
    source.invalidate()
    await token
    expect([from, source.peek()]).toEqual([['server'], undefined])
  })

  it('tells of no call where nobody listens', async () => {
    const { source, events } = sourceOf()
    const told: string[] = []
    const emit = events.emit.bind(events)
    events.emit = (name, make) => {
      told.push(name)
      emit(name, make)
    }
    await source.getToken()
    await source.getToken()
    expect(told).toEqual(['tokenRequested', 'tokenReceived'])
  })

  it('has nothing to revoke without a token', async () => {
    const { source, events, server } = sourceOf({ revocationEndpoint: 'https://auth.example.com/oauth2/revoke' })
    const failed: unknown[] = []
    events.on('revocationFailed', (event) => failed.push(event))
    await source.revoke()
    expect([failed, server.requests]).toEqual([[], []])
  })
})
