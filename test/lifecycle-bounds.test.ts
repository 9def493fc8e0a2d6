import { describe, expect, it } from 'vitest'
import type { TokenError } from '../src/errors.ts'
import { TokenManager } from '../src/index.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf, managed } from './support/managed.ts'
import { seededRandom } from './support/seeded-random.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const SEEDS = Array.from({ length: 5 }, (_, n) => n + 1)

const seededClock = (seed: number) => new VirtualClock({ random: seededRandom(seed) })

/** The most requests that arrived within any span of this length. */
function mostWithin(spanMs: number, times: readonly number[]): number {
  return Math.max(0, ...times.map((start) => times.filter((at) => at >= start && at < start + spanMs).length))
}

describe('steady load through rotations', () => {
  it.each(SEEDS)(
    'of a 3 s token with a token endpoint that takes 400 ms: nobody waits after the first (seed %i)',
    async (seed) => {
      const { tokens, server, clock } = managed({}, seededClock(seed))
      server.expiresIn = 3
      server.byDefault = { afterMs: 400 }
      const source = tokens.source()
      const first = source.getToken()
      await clock.advance(400)
      await first
      let waited = 0
      const used = new Set<string>()
      for (let request = 0; request < 2000; request++) {
        const token = source.tokenOrPromise({})
        if (token instanceof Promise) waited += 1
        used.add((await token).reveal())
        await clock.advance(5)
      }
      expect(waited).toBe(0)
      expect(server.requests.length - used.size).toBeLessThanOrEqual(1)
      expect(used.size).toBeGreaterThanOrEqual(4)
      expect(used.size).toBeLessThanOrEqual(7)
    },
  )
})

describe('an authorization server that is down for 15 minutes', () => {
  it.each(SEEDS)('costs the users of a 1 h token nothing, and is asked at most 15 times (seed %i)', async (seed) => {
    const { tokens, server, clock } = managed({}, seededClock(seed))
    const source = tokens.source()
    const token = await source.getToken()
    await clock.advance(token.dueAfterMs + 1)
    server.byDefault = seed % 2 === 0 ? { status: 503 } : { refuse: true }
    for (let call = 0; call < 900; call++) {
      expect((await source.getToken()).reveal()).toBe('token-1')
      await clock.advance(SECOND)
    }
    const duringOutage = server.requests.length - 1
    expect(duringOutage).toBeLessThanOrEqual(15)
    expect(duringOutage).toBeGreaterThanOrEqual(3)
    server.byDefault = {}
    while (server.requests.length - 1 === duringOutage) {
      await source.getToken()
      await clock.advance(SECOND)
    }
    expect((await source.getToken()).reveal()).toBe('token-2')
    expect(server.requests.length - 1).toBe(duringOutage + 1)
  })
})

describe('an authorization server that is down past the expiry of the token', () => {
  it.each(SEEDS)(
    'gets a trickle, callers get the typed error at once, and recovery takes 12 s (seed %i)',
    async (seed) => {
      const { tokens, server, clock } = managed({}, seededClock(seed))
      const source = tokens.source()
      await source.getToken()
      await clock.advance(60 * MINUTE)
      server.byDefault = { status: 503 }
      const arrivedBefore = server.requests.length
      for (let tick = 0; tick < 20 * 60; tick++) {
        const callers = Promise.allSettled([source.getToken(), source.getToken(), source.getToken()])
        await clock.advance(SECOND)
        for (const caller of await callers) {
          // The first callers of the outage may still be within their attempts.
          if (caller.status === 'rejected')
            expect(caller.reason).toMatchObject({ code: 'server_unavailable', status: 503 })
          else expect.unreachable()
        }
      }
      const arrivals = server.requests.slice(arrivedBefore).map(({ at }) => at)
      expect(mostWithin(10 * MINUTE, arrivals)).toBeLessThanOrEqual(100)
      server.byDefault = {}
      const backAt = clock.now()
      while (source.peek() === undefined) {
        await source.getToken().catch(() => {})
        await clock.advance(100)
      }
      expect(clock.now() - backAt).toBeLessThanOrEqual(12 * SECOND)
    },
  )

  it.each(SEEDS)('is back within 12 s and one attempt even if it hung (seed %i)', async (seed) => {
    const { tokens, server, clock } = managed({}, seededClock(seed))
    const source = tokens.source()
    server.byDefault = { hang: true }
    for (let call = 0; call < 600; call++) {
      void source.getToken().catch(() => {})
      await clock.advance(SECOND)
    }
    expect(
      mostWithin(
        10 * MINUTE,
        server.requests.map(({ at }) => at),
      ),
    ).toBeLessThanOrEqual(100)
    server.byDefault = {}
    const backAt = clock.now()
    while (source.peek() === undefined) {
      void source.getToken().catch(() => {})
      await clock.advance(100)
    }
    expect(clock.now() - backAt).toBeLessThanOrEqual(17 * SECOND)
  })
})

describe('a wrong secret', () => {
  const denied = { status: 401, body: { error: 'invalid_client' } }

  it('costs at most 3 token requests in the first second for 100 concurrent and 100 sequential callers, and heals', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    let secret = 'wrong'
    const tokens = new TokenManager({ clock, ...clientOf(server, { clientSecret: () => secret }) })
    server.byDefault = denied
    const concurrent = await Promise.allSettled(Array.from({ length: 100 }, () => tokens.getToken()))
    for (const { status } of concurrent) expect(status).toBe('rejected')
    for (let n = 0; n < 100; n++) {
      await expect(tokens.getToken()).rejects.toMatchObject({ code: 'request_denied', error: 'invalid_client' })
      await clock.advance(9)
    }
    expect(server.requests.length).toBeLessThanOrEqual(3)
    secret = 'right'
    server.byDefault = {}
    await clock.advance(SECOND)
    expect((await tokens.getToken()).reveal()).toBe('token-1')
  })

  it('costs at most 3 token requests in the first second with 10,000 keys of the client too, and heals', async () => {
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    let secret = 'wrong'
    const tokens = new TokenManager({ clock, ...clientOf(server, { clientSecret: () => secret }) })
    server.byDefault = { ...denied, afterMs: 20 }
    const callers = Promise.allSettled(Array.from({ length: 10_000 }, (_, n) => tokens.getToken({ scope: `s${n}` })))
    await clock.advance(500)
    const errors = (await callers).map((caller) =>
      caller.status === 'rejected' ? (caller.reason as TokenError).code : 'none',
    )
    expect(new Set(errors)).toEqual(new Set(['request_denied', 'too_many_requests']))
    await clock.advance(499)
    expect(server.requests.length).toBeLessThanOrEqual(3)
    secret = 'right'
    server.byDefault = {}
    await clock.advance(SECOND)
    expect((await tokens.getToken({ scope: 's1' })).reveal()).toBe('token-1')
  })

  it('is not asked for again more often than once a minute, once it has been wrong for long', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = denied
    for (let second = 0; second < 3600; second++) {
      await tokens.getToken().catch(() => {})
      await clock.advance(SECOND)
    }
    expect(server.requests.length).toBeLessThanOrEqual(60 + 8)
  })
})

describe('rejected tokens', () => {
  it('an API that rejects every token costs few token requests, ever fewer', async () => {
    const { tokens, server, clock } = managed()
    const source = tokens.source()
    for (let call = 0; call < 3600; call++) {
      const token = await source.getToken()
      source.invalidate(token)
      const another = await source.getToken()
      if (another !== token) source.invalidate(another)
      await clock.advance(SECOND)
    }
    // Pauses of 10 s, 20 s, … 5 min make about 16 in an hour.
    expect(server.requests.length).toBeLessThanOrEqual(20)
  })
})

describe('short tokens', () => {
  it.each(SEEDS)('of 5 s are reused for at least half of their life (seed %i)', async (seed) => {
    const { tokens, server, clock } = managed({}, seededClock(seed))
    server.expiresIn = 5
    for (let call = 0; call < 1000; call++) {
      await tokens.getToken()
      await clock.advance(100)
    }
    const arrivals = server.requests.map(({ at }) => at)
    for (const [n, at] of arrivals.slice(1).entries()) expect(at - (arrivals[n] as number)).toBeGreaterThanOrEqual(2500)
  })
})

describe('a year', () => {
  it('of random faults passes without anybody being served an expired token, and without drift or leak', async () => {
    const random = seededRandom(2026)
    const clock = new VirtualClock({ random })
    const server = new AuthorizationServer(clock)
    const issued = new Map<string, number>()
    const tokens = new TokenManager({
      clock,
      ...clientOf(server, {
        transport: async (url, init) => {
          const answer = await server.fetch(url, init)
          const copy = await new Response(answer.body as ReadableStream).text()
          const token = /"access_token":"([^"]+)"/.exec(copy)?.[1]
          if (token !== undefined) issued.set(token, clock.now() + 3600 * SECOND)
          return new Response(copy, { status: answer.status, headers: { 'content-type': 'application/json' } })
        },
      }),
    })
    const source = tokens.source()
    let served = 0
    for (let hour = 0; hour < 365 * 24; hour++) {
      const fault = random()
      server.byDefault =
        fault < 0.05 ? { status: 503 } : fault < 0.1 ? { refuse: true } : fault < 0.12 ? { body: '<html>' } : {}
      for (let call = 0; call < 3; call++) {
        const token = await source.getToken().catch(() => undefined)
        if (token !== undefined) {
          served += 1
          expect(clock.now()).toBeLessThan(issued.get(token.reveal()) as number)
        }
        await clock.advance(20 * MINUTE)
      }
    }
    expect(served).toBeGreaterThan(365 * 24 * 3 * 0.8)
    expect(clock.pendingSleeps).toBe(0)
    expect(tokens.inspect()).toHaveLength(1)
    // One per hour is the least; due refreshes and faults add some.
    expect(server.requests.length).toBeLessThan(365 * 24 * 2.2)
  }, 300_000)
})
