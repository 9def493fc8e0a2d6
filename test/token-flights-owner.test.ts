import { describe, expect, it } from 'vitest'
import type { AccessToken } from '../src/access-token.ts'
import type { ClientOptions } from '../src/client-options.ts'
import { Client } from '../src/clients.ts'
import { TokenError } from '../src/errors.ts'
import { TokenEventEmitter } from '../src/events.ts'
import { managedStore } from '../src/managed-store.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import type { TokenStore } from '../src/store/token-store.ts'
import type { FlightOwner } from '../src/token-flight.ts'
import { TokenFlights } from '../src/token-flights.ts'
import { tokenKey } from '../src/token-key.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf, managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const REFUSAL = new TokenError({ code: 'network', message: 'Refused.', retryable: true })
const ENDED = new TokenError({ code: 'closed', message: 'Over.' })
const willing = () => undefined
const refusing = () => REFUSAL

/** A clock that writes down which of its sleeps keep the process alive. */
class SleepDiary extends VirtualClock {
  readonly slept: [ms: number, ref: boolean][] = []

  override sleep(ms: number, signal?: AbortSignal, options: { ref?: boolean } = {}): Promise<void> {
    this.slept.push([ms, options.ref ?? true])
    return super.sleep(ms, signal)
  }
}

interface Setting {
  readonly options?: Partial<ClientOptions>
  readonly store?: TokenStore
  readonly clock?: VirtualClock
  readonly owner?: Partial<FlightOwner>
}

/** The flights of one key, and what their owner and observers are told. */
function flying({ options, store, clock = new VirtualClock(), owner = {} }: Setting = {}) {
  const server = new AuthorizationServer(clock)
  const events = new TokenEventEmitter()
  const caused: [string, boolean][] = []
  let runs = 0
  events.observer = ({ reason, background }) => {
    caused.push([reason, background])
    return (request) => {
      runs += 1
      return request()
    }
  }
  const sent: [string, boolean][] = []
  events.on('tokenRequested', ({ reason, background }) => sent.push([reason, background]))
  let why: TokenError | undefined
  const client = new Client('default', clientOf(server, options), '', {
    ...{ clock, events, max: 10, optionsOf: undefined, isClosed: () => false, isAttached: () => false },
    ...{ store: store && managedStore(store, clock, events), onWarmToken: () => {} },
  })
  const told: unknown[][] = []
  const { parameters } = client.settings
  const key = tokenKey(client.keyPart, parameters)
  const flights = new TokenFlights({ ...client, whyEnded: () => why } as Client, key, parameters, {
    replaced: () => ({ token: undefined, isRejected: false }),
    postponeRefresh: () => undefined,
    pauseMs: () => 0,
    onToken: (token, reason) => told.push(['token', token.reveal(), reason]),
    onFound: (token, reason) => told.push(['found', token.reveal(), reason]),
    onFailure: (error, reason, admission) => {
      told.push(['failure', error.code, reason])
      client.gate.failed(error, admission)
    },
    ...owner,
  })
  const close = () => {
    why = ENDED
  }
  return { flights, server, clock, client, told, caused, sent, close, runs: () => runs }
}

/** A store, and another process that has put a token there. */
async function sharing(clock = new VirtualClock()) {
  const store = new MemoryTokenStore({ clock, plaintext: true })
  const other = managed({ store: store.connect() }, clock)
  await other.tokens.getToken()
  await clock.settle()
  return { store, clock, other }
}

/** A store with which nothing keeps the fleet from refreshing in step. */
function withoutLeases(clock: VirtualClock): TokenStore {
  const { encryption } = new MemoryTokenStore({ clock, plaintext: true })
  return { encryption, get: async () => undefined, set: async () => true, delete: async () => true }
}

const text = async (flight: { promise: Promise<AccessToken> }) => (await flight.promise).reveal()
const codeOf = async (flight: { promise: Promise<AccessToken> }) =>
  flight.promise.then(
    () => 'a token',
    (error: TokenError) => error.code,
  )

describe('the requests for one key', () => {
  it('are one for all who come while it is under way, for the reason of the first', async () => {
    const { flights, clock, server, told, caused, sent, runs } = flying()
    expect([flights.present, flights.waiters, flights.isBusy, flights.lastReason]).toEqual([
      ...[undefined, 0, false, undefined],
    ])
    server.byDefault = { afterMs: 100 }
    const flight = flights.join('no token', 0, willing)
    expect(flights.join('expired', 0, willing)).toBe(flight)
    expect(flights.present).toBe(flight)
    expect([flights.waiters, flights.isBusy, flights.lastReason]).toEqual([0, true, 'no token'])
    void flight.wait()
    void flight.wait()
    expect(flights.waiters).toBe(2)
    await clock.advance(100)
    expect(await text(flight)).toBe('token-1')
    await clock.settle()
    expect([flights.present, flights.waiters, flights.isBusy]).toEqual([undefined, 0, false])
    expect(told).toEqual([['token', 'token-1', 'no token']])
    expect([caused, sent, runs()]).toEqual([[['no token', false]], [['no token', false]], 1])
  })

  it('are told of once when they fail, and not as the owner’s failure when none was sent', async () => {
    const { flights, clock, server, told } = flying()
    server.byDefault = { status: 400, body: { error: 'invalid_client' } }
    expect(await codeOf(flights.join('no token', 0, willing))).toBe('request_denied')
    expect(() => flights.join('no token', 0, willing)).toThrow(TokenError)
    expect(() => flights.join('no token', 0, refusing)).toThrow(REFUSAL)
    await clock.settle()
    expect(told).toEqual([['failure', 'request_denied', 'no token']])
    expect(server.requests).toHaveLength(1)
  })

  it('are no failure of their own where the client failed before their turn', async () => {
    const { flights, clock, client, server, told } = flying()
    const admission = client.gate.admit()
    if (admission instanceof TokenError) throw admission
    const before = Promise.withResolvers<void>()
    void client.gate.enqueue(() => before.promise)
    const flight = flights.join('no token', 0, willing)
    client.gate.failed(REFUSAL, admission)
    before.resolve()
    await expect(flight.promise).rejects.toBe(REFUSAL)
    await clock.settle()
    expect([told, server.requests]).toEqual([[], []])
  })

  it('make more than one attempt only while somebody waits and the client is not failing', async () => {
    const { flights, clock, server } = flying({ options: { maxAttempts: 3 } })
    server.byDefault = { status: 503 }
    const waited = flights.join('no token', 0, willing)
    waited.wait().catch(() => {})
    await clock.advance(60 * SECOND)
    expect(server.requests).toHaveLength(3)
    flights
      .join('no token', 0, willing)
      .wait()
      .catch(() => {})
    await clock.advance(60 * SECOND)
    expect(server.requests).toHaveLength(4)
    const alone = flying({ options: { maxAttempts: 3 } })
    alone.server.byDefault = { status: 503 }
    alone.flights.beginInBackground('refresh due')
    await alone.clock.advance(60 * SECOND)
    expect(alone.server.requests).toHaveLength(1)
  })

  it('count all who wait, those for a new one and those who came after', async () => {
    const { flights, clock, server } = flying({ options: { maxAttempts: 3 } })
    server.script.push({ afterMs: 100 })
    server.byDefault = { afterMs: 100, status: 503 }
    flights.join('no token', 0, willing)
    flights
      .next(willing)
      .wait()
      .catch(() => {})
    await clock.advance(150)
    flights
      .join('no token', 0, willing)
      .wait()
      .catch(() => {})
    expect(flights.waiters).toBe(2)
    await clock.advance(60 * SECOND)
    expect(server.requests).toHaveLength(4)
  })

  it('ask no store for tokens that must not be cached', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { flights, server } = flying({ store, clock })
    server.expiresIn = 0
    await flights.join('no token', 0, willing).promise
    await clock.settle()
    const asked = store.calls.getOrLease
    flights.join('no token', 0, willing)
    await clock.advance(2 * SECOND)
    expect([server.requests.length, store.calls.getOrLease]).toEqual([2, asked])
  })

  it('wait for another process that finds out whether things work again as long as for a try of their own', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const other = flying({ store, clock })
    other.server.byDefault = { hang: true }
    other.flights.join('no token', 0, willing)
    await clock.settle()
    const options = { attemptTimeoutMs: 1000, timeoutMs: 4000 }
    const patient = flying({ store, clock, options })
    const failing = flying({ store, clock, options })
    const admission = failing.client.gate.admit()
    if (admission instanceof TokenError) throw admission
    failing.client.gate.failed(REFUSAL, admission)
    await clock.advance(SECOND)
    const waiting = patient.flights.join('no token', 0, willing)
    const probing = failing.flights.join('no token', 0, willing)
    await clock.advance(SECOND)
    await expect(probing.promise).rejects.toBe(REFUSAL)
    expect(patient.flights.present).toBe(waiting)
  })

  it('fail as TokenErrors, whatever fails', async () => {
    const transport = () => Promise.reject(Object.assign(new RangeError('odd'), { code: 7 }))
    const { flights } = flying({ options: { applyToken: () => Promise.reject(new Error('odd')) as never, transport } })
    await expect(flights.join('no token', 0, willing).promise).rejects.toBeInstanceOf(TokenError)
  })

  it('are a second apart where tokens must not be cached', async () => {
    const { flights, clock, server } = flying()
    server.expiresIn = 0
    await flights.join('no token', 0, willing).promise
    await clock.settle()
    expect(flights.isBusy).toBe(true)
    await clock.advance(400)
    const next = flights.join('no token', 0, willing)
    await clock.advance(599)
    expect(server.requests).toHaveLength(1)
    server.expiresIn = 3600
    await clock.advance(1)
    expect(server.requests).toHaveLength(2)
    expect(await text(next)).toBe('token-2')
    await clock.settle()
    expect(flights.isBusy).toBe(false)
  })

  it.each([1000, 2000])('wait no longer where %d ms have passed', async (ms) => {
    const clock = new SleepDiary()
    const { flights, server } = flying({ clock })
    server.expiresIn = 0
    await flights.join('no token', 0, willing).promise
    await clock.advance(ms)
    clock.slept.length = 0
    await flights.join('no token', 0, willing).promise
    expect(clock.slept.filter(([asked]) => asked <= 0)).toEqual([])
    expect(server.requests).toHaveLength(2)
  })

  it('are as patient with another process as before when they begin again, whatever failed meanwhile', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const holding = () => {
      const { flights, server } = flying({ store, clock })
      server.byDefault = { hang: true }
      flights.join('no token', 0, willing)
      return clock.settle()
    }
    await holding()
    const { flights, client, server } = flying({ store, clock, options: { attemptTimeoutMs: 1000, timeoutMs: 4000 } })
    const flight = flights.join('no token', 0, willing)
    await clock.settle()
    const admission = client.gate.admit()
    if (admission instanceof TokenError) throw admission
    clock.suspend(60 * SECOND)
    await holding()
    client.gate.failed(REFUSAL, admission)
    expect(flights.join('no token', 0, willing)).toBe(flight)
    await clock.advance(2 * SECOND)
    expect([flights.present === flight, server.requests]).toEqual([true, []])
  })

  it('give their leave back when they end', async () => {
    const { flights, server, clock, client } = flying()
    server.script.push({ status: 503 })
    await codeOf(flights.join('no token', 0, willing))
    await clock.advance(20 * SECOND)
    server.script.push({ status: 503 })
    await codeOf(flights.join('no token', 0, willing))
    await clock.advance(20 * SECOND)
    expect(client.gate.failing).toBe(true)
    expect(await text(flights.join('no token', 0, willing))).toBe('token-1')
    expect(client.gate.failing).toBe(false)
  })
})

describe('a request that has to be new', () => {
  it('begins at once where none is under way', async () => {
    const { flights, told, caused } = flying()
    expect(await text(flights.next(willing))).toBe('token-1')
    expect(told).toEqual([['token', 'token-1', 'forced']])
    expect([caused, flights.lastReason]).toEqual([[['forced', false]], 'forced'])
    expect(() => flights.next(refusing)).toThrow(REFUSAL)
  })

  it('waits for the one under way, and is one for all', async () => {
    const { flights, clock, server, caused } = flying()
    server.byDefault = { afterMs: 100 }
    const first = flights.join('no token', 0, willing)
    const next = flights.next(willing)
    expect(next).not.toBe(first)
    expect(flights.next(willing)).toBe(next)
    void next.wait()
    expect(flights.waiters).toBe(1)
    await clock.advance(100)
    expect(await text(first)).toBe('token-1')
    await clock.settle()
    expect([flights.waiters, flights.lastReason, flights.isBusy]).toEqual([1, 'forced', true])
    await clock.advance(100)
    expect(await text(next)).toBe('token-2')
    expect(caused).toEqual([
      ['no token', false],
      ['forced', false],
    ])
  })

  it('is refused when its turn comes if something stands against it then', async () => {
    const { flights, clock, server } = flying()
    server.byDefault = { afterMs: 100 }
    flights.join('no token', 0, willing)
    const next = flights.next(refusing)
    await clock.advance(100)
    await expect(next.promise).rejects.toBe(REFUSAL)
    expect(server.requests).toHaveLength(1)
    expect([flights.isBusy, flights.lastReason]).toEqual([false, 'no token'])
    server.byDefault = { afterMs: 100, status: 400, body: { error: 'invalid_client' } }
    flights.join('no token', 0, willing)
    const gated = flights.next(willing)
    await clock.advance(100)
    expect(await codeOf(gated)).toBe('request_denied')
    expect(server.requests).toHaveLength(2)
  })
})

describe('a request in the background', () => {
  it('is one, and is told of as such', async () => {
    const clock = new SleepDiary()
    const { flights, server, caused, sent } = flying({ clock, options: { timeoutMs: 9000 } })
    server.byDefault = { afterMs: 100 }
    flights.beginInBackground('refresh due')
    const { present } = flights
    flights.beginInBackground('expired')
    expect(flights.present).toBe(present)
    expect([caused, flights.lastReason]).toEqual([[['refresh due', true]], 'refresh due'])
    expect(clock.slept.filter(([ms]) => ms === 9000)).toEqual([[9000, false]])
    // Somebody waits for it now.
    expect(flights.join('expired', 0, willing)).toBe(present)
    expect(clock.slept.filter(([ms]) => ms === 9000)).toEqual([
      [9000, false],
      [9000, true],
    ])
    await clock.advance(100)
    expect(sent).toEqual([['refresh due', true]])
  })

  it('keeps the process alive once a new one waits for it', () => {
    const clock = new SleepDiary()
    const { flights, server } = flying({ clock, options: { timeoutMs: 9000 } })
    server.byDefault = { hang: true }
    flights.beginInBackground('refresh due')
    flights.next(willing)
    expect(clock.slept.filter(([ms]) => ms === 9000)).toEqual([
      [9000, false],
      [9000, true],
    ])
  })

  it('does not begin where something stands against it, which is nobody’s failure', async () => {
    const { flights, clock, server, told, client, caused, close } = flying()
    const admission = client.gate.admit()
    if (admission instanceof TokenError) throw admission
    client.gate.failed(REFUSAL, admission)
    flights.beginInBackground('expired')
    expect(flights.present).toBeUndefined()
    client.gate.clear()
    close()
    flights.beginInBackground('expired')
    await clock.settle()
    expect([flights.present, server.requests, told, caused]).toEqual([undefined, [], [], []])
  })

  it('obeys a long Retry-After for longer while its token is valid', async () => {
    const { flights, clock, server } = flying()
    server.script.push({ status: 429, headers: { 'retry-after': '3000' } })
    await codeOf(flights.join('no token', 0, willing))
    await clock.advance(300 * SECOND)
    flights.beginInBackground('refresh due')
    await clock.settle()
    expect(server.requests).toHaveLength(1)
    flights.beginInBackground('expired')
    await clock.settle()
    expect(server.requests).toHaveLength(2)
  })

  it('may be put off by its owner while nobody waits for it', async () => {
    const clock = new VirtualClock()
    const token = await flying({ clock }).flights.join('no token', 0, willing).promise
    const why: string[] = []
    const owner: Partial<FlightOwner> = {
      postponeRefresh: (one) => {
        why.push(one)
        return token
      },
    }
    const store = withoutLeases(clock)
    const first = flying({ store, clock, owner })
    first.flights.beginInBackground('refresh due')
    const flight = first.flights.present
    await clock.settle()
    expect([await flight?.promise, why, first.server.requests, first.flights.present]).toEqual([
      ...[token, ['in step'], [], undefined],
    ])
    // Not with a caller, and not where a caller began it.
    first.flights.beginInBackground('refresh due')
    void first.flights.join('expired', 0, willing).wait()
    await clock.settle()
    await first.flights.join('no token', 0, willing).promise
    expect(why).toEqual(['in step'])
    expect(first.server.requests.length).toBeGreaterThan(0)
  })
})

describe('a refresh that may be put off', () => {
  it('is made where its owner does not put it off', async () => {
    const clock = new VirtualClock()
    const { flights, told } = flying({ store: withoutLeases(clock), clock })
    flights.beginInBackground('refresh due')
    await clock.settle()
    expect(told).toEqual([['token', 'token-1', 'refresh due']])
  })

  it('is nothing to join any more once it is put off', async () => {
    const clock = new VirtualClock()
    const old = await flying({ clock }).flights.join('no token', 0, willing).promise
    const callers: Promise<string>[] = []
    const owner: Partial<FlightOwner> = {
      postponeRefresh: () => {
        queueMicrotask(() => callers.push(text(flights.join('rejected', 0, willing))))
        return old
      },
    }
    const { flights, server } = flying({ store: withoutLeases(clock), clock, owner })
    server.token()
    flights.beginInBackground('refresh due')
    await clock.settle()
    expect(await Promise.all(callers)).toEqual(['token-2'])
  })
})

describe('a look at the store', () => {
  it('finds what another process has requested, where this one may not ask', async () => {
    const { store, clock } = await sharing()
    const { flights, told, caused, server } = flying({ store, clock })
    flights.lookInBackground(REFUSAL)
    expect(flights.isBusy).toBe(true)
    await clock.settle()
    expect(told).toEqual([['found', 'token-1', 'refresh due']])
    expect([caused, server.requests]).toEqual([[['refresh due', true]], []])
    expect(flights.isBusy).toBe(false)
  })

  it('tells that things work again, if that is newer than the failure', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { flights, client } = flying({ store, clock })
    const admission = client.gate.admit()
    if (admission instanceof TokenError) throw admission
    client.gate.failed(REFUSAL, admission)
    await clock.advance(10 * SECOND)
    await managed({ store }, clock).tokens.getToken()
    await clock.settle()
    flights.lookInBackground(REFUSAL)
    await clock.advance(SECOND)
    expect(client.gate.failing).toBe(false)
  })

  it('does not keep the process alive, and brings nothing that has become out of date', async () => {
    const clock = new SleepDiary()
    const { store } = await sharing(clock)
    store.latencyMs = 20
    const { flights, told } = flying({ store, clock, options: { timeoutMs: 9000 } })
    flights.lookInBackground(REFUSAL)
    expect(clock.slept.filter(([ms]) => ms === 9000)).toEqual([[9000, false]])
    flights.outdate()
    await clock.advance(100)
    expect([told, flights.present]).toEqual([[], undefined])
  })

  it('is made for callers too', async () => {
    const { store, clock } = await sharing()
    const { flights, told, server } = flying({ store, clock })
    expect(await text(flights.join('no token', 0, refusing))).toBe('token-1')
    expect([told, server.requests]).toEqual([[['found', 'token-1', 'no token']], []])
  })

  it('is made every 200 ms at most while it finds nothing, and is no failure', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { flights, told } = flying({ store, clock })
    await expect(flights.join('no token', 0, refusing).promise).rejects.toBe(REFUSAL)
    await clock.settle()
    expect(flights.isBusy).toBe(true)
    for (const ms of [0, 199]) {
      await clock.advance(ms)
      expect(() => flights.join('no token', 0, refusing)).toThrow(REFUSAL)
      flights.lookInBackground(REFUSAL)
      expect(flights.present).toBeUndefined()
    }
    await clock.advance(1)
    flights.lookInBackground(REFUSAL)
    const { present } = flights
    expect(present).toBeDefined()
    await expect(present?.promise).rejects.toBe(REFUSAL)
    await clock.advance(200)
    await expect(flights.join('no token', 0, refusing).promise).rejects.toBe(REFUSAL)
    expect(told).toEqual([])
    // Once there is leave again, a token ends the pause between looks.
    expect(await text(flights.join('no token', 0, willing))).toBe('token-1')
    await clock.settle()
    expect(flights.isBusy).toBe(false)
  })

  it('is not made without a store, during a request, or after the end', async () => {
    const alone = flying()
    alone.flights.lookInBackground(REFUSAL)
    expect([alone.flights.present, alone.flights.isBusy]).toEqual([undefined, false])
    const { store, clock } = await sharing()
    const busy = flying({ store, clock })
    const flight = busy.flights.join('no token', 0, willing)
    busy.flights.lookInBackground(REFUSAL)
    expect(busy.flights.present).toBe(flight)
    await flight.promise
    await clock.settle()
    busy.close()
    busy.flights.lookInBackground(REFUSAL)
    expect([busy.flights.present, busy.flights.isBusy]).toEqual([undefined, false])
    expect(() => busy.flights.join('no token', 0, willing)).toThrow(ENDED)
    expect(busy.flights.isBusy).toBe(false)
  })

  it('wants a token that lasts for the caller who asks for most', async () => {
    const { store, clock } = await sharing()
    await clock.advance(HOUR / 2)
    for (const [least, requests] of [
      [[0, HOUR / 4], 0],
      [[HOUR * 0.75, 0], 1],
      [[0, HOUR * 0.75], 1],
    ] as const) {
      const { flights, server } = flying({ store, clock, owner: { onFound: () => {} } })
      for (const ms of least) void flights.join('no token', ms, willing).wait()
      await clock.advance(2 * SECOND)
      expect(server.requests).toHaveLength(requests)
      if (requests === 1) break
    }
  })
})

describe('what is out of date', () => {
  it('serves those who waited for it, is not kept, and others get the next', async () => {
    const { flights, clock, server, told } = flying()
    server.byDefault = { afterMs: 100 }
    const first = flights.join('no token', 0, willing)
    flights.outdate()
    const next = flights.join('no token', 0, willing)
    expect(next).not.toBe(first)
    await clock.advance(200)
    expect([await text(first), await text(next)]).toEqual(['token-1', 'token-2'])
    expect(told).toEqual([['token', 'token-2', 'forced']])
    await clock.settle()
    flights.outdate()
    expect(flights.isBusy).toBe(false)
  })

  it('keeps what others failed at from the next request, where tokens are shared', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const denied = { status: 400, body: { error: 'invalid_scope' } }
    const told: string[] = []
    const owner: Partial<FlightOwner> = {
      pauseMs: () => 60 * SECOND,
      onFailure: (error) => void told.push(error.code),
    }
    const other = flying({ store, clock, owner })
    other.server.byDefault = denied
    await codeOf(other.flights.join('no token', 0, willing))
    await clock.settle()
    const { flights, server } = flying({ store, clock, owner })
    expect(await codeOf(flights.join('no token', 0, willing))).toBe('request_denied')
    await clock.settle()
    // What another process was denied is a denial of this one too.
    expect([server.requests, told]).toEqual([[], ['request_denied', 'request_denied']])
    flights.outdate()
    expect(flights.isBusy).toBe(true)
    server.byDefault = denied
    expect(await codeOf(flights.join('no token', 0, willing))).toBe('request_denied')
    await clock.settle()
    expect([server.requests.length, flights.isBusy]).toEqual([1, false])
    expect(await codeOf(flights.join('no token', 0, willing))).toBe('request_denied')
    expect(server.requests).toHaveLength(1)
    await clock.settle()
    server.byDefault = {}
    expect(await text(flights.next(willing))).toBe('token-1')
  })
})

describe('the end', () => {
  it('abandons the request that nobody waits for, which is no failure, and no other', async () => {
    const { flights, clock, server, told } = flying()
    flights.abandonUnwatched(ENDED)
    server.byDefault = { hang: true }
    flights.beginInBackground('refresh due')
    const flight = flights.join('expired', 0, willing)
    const abort = new AbortController()
    const waiting = flight.wait(abort.signal).catch((reason) => reason)
    flights.abandonUnwatched(ENDED)
    await clock.settle()
    expect(flights.present).toBe(flight)
    abort.abort('left')
    expect(await waiting).toBe('left')
    flights.abandonUnwatched(ENDED)
    await expect(flight.promise).rejects.toBe(ENDED)
    await clock.settle()
    expect([told, flights.present]).toEqual([[], undefined])
  })

  it('does not abandon a new one that somebody waits for in its turn', async () => {
    const { flights, clock, server } = flying()
    server.byDefault = { afterMs: 100 }
    flights.join('no token', 0, willing)
    const next = flights.next(willing)
    const token = next.wait()
    await clock.advance(150)
    flights.abandonUnwatched(ENDED)
    await clock.advance(50)
    expect((await token).reveal()).toBe('token-2')
  })

  it('of the client lets its callers have their token, which is not kept, and begins nothing', async () => {
    const { flights, clock, server, told } = flying()
    server.byDefault = { afterMs: 100 }
    const flight = flights.join('no token', 0, willing)
    const next = flights.next(willing)
    flights.end()
    expect(flights.present).toBeUndefined()
    expect(() => flights.join('no token', 0, willing)).toThrow(/was removed/)
    flights.beginInBackground('expired')
    expect(flights.present).toBeUndefined()
    await clock.advance(100)
    expect(await text(flight)).toBe('token-1')
    expect(await codeOf(next)).toBe('unknown_client')
    expect([told, server.requests.length]).toEqual([[], 1])
  })

  it('of the client takes no notice of a request that fails then', async () => {
    const { flights, clock, server, told } = flying()
    server.byDefault = { afterMs: 100, status: 400, body: { error: 'invalid_client' } }
    const flight = flights.join('no token', 0, willing)
    flights.end()
    await clock.advance(100)
    expect([await codeOf(flight), told]).toEqual(['request_denied', []])
  })

  it('of the manager refuses a new one, also while another is under way', async () => {
    const { flights, clock, server, close } = flying()
    server.byDefault = { afterMs: 100 }
    const first = flights.join('no token', 0, willing)
    const waited = flights.next(willing)
    void waited.wait()
    close()
    expect(() => flights.next(willing)).toThrow(ENDED)
    await clock.advance(200)
    expect([await text(first), await text(waited)]).toEqual(['token-1', 'token-2'])
    const unwaited = flying()
    unwaited.server.byDefault = { afterMs: 100 }
    unwaited.flights.join('no token', 0, willing)
    const next = unwaited.flights.next(willing)
    unwaited.close()
    await unwaited.clock.advance(200)
    await expect(next.promise).rejects.toBe(ENDED)
  })

  it('comes when nothing is under way or waits for its turn', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { flights, server } = flying({ store, clock })
    server.byDefault = { afterMs: 100 }
    flights.join('no token', 0, willing)
    flights.next(willing)
    let isSettled = false
    const settled = flights.settled().then(() => {
      isSettled = true
    })
    await clock.advance(199)
    expect(isSettled).toBe(false)
    await clock.advance(1)
    await settled
    expect(server.requests).toHaveLength(2)
  })
})
