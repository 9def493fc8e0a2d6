import { generateKeyPairSync } from 'node:crypto'
import axios from 'axios'
import { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import { EVENT_NAMES } from '../src/events.ts'
import { attachTokenManager } from '../src/http/axios.ts'
import { createTokenFetch } from '../src/http/fetch.ts'
import { tokenInterceptor } from '../src/http/undici.ts'
import { privateKeyJwt, TokenManager } from '../src/index.ts'
import { instrumentTokenManager } from '../src/opentelemetry/index.ts'
import { GuardedStore, type StoreCall } from '../src/store/guarded-store.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { apiThatRejects, everythingHappens } from './support/everything-happens.ts'
import { Fleet } from './support/fleet.ts'
import { clientOf, managed } from './support/managed.ts'
import { startPrometheus } from './support/prometheus.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const DENIED = { status: 401, body: { error: 'invalid_client' } }

/** One manager under observation, and what can be done with it. */
async function observed(options: Partial<ClientOptions> = {}) {
  const prometheus = await startPrometheus()
  const { clock, server, tokens } = managed(options)
  const end = instrumentTokenManager(tokens, { meterProvider: prometheus.meterProvider })
  return { clock, server, tokens, end, prometheus, [Symbol.asyncDispose]: () => prometheus[Symbol.asyncDispose]() }
}

/** Every sample of a scrape without the limits of buckets, whose number is that of the last. */
async function samplesOf({ samples }: { samples(): Promise<Map<string, number>> }): Promise<Map<string, number>> {
  return new Map([...(await samples())].filter(([name]) => !/_bucket|_sum/.test(name)))
}

describe('what Prometheus scrapes', () => {
  it('has a name, a unit and the labels for everything that a fleet in trouble does', async () => {
    await using prometheus = await startPrometheus()
    await everythingHappens(prometheus.meterProvider)
    const text = await prometheus.scrape()
    const samples = [...(await samplesOf(prometheus)).keys()]
    expect(samples.sort()).toMatchInlineSnapshot(`
      [
        "evertoken_api_replays_total{evertoken_client_name="default"}",
        "evertoken_cache_lookups_total{evertoken_client_name="default",error_type="invalid_client",evertoken_cache_level="none"}",
        "evertoken_cache_lookups_total{evertoken_client_name="default",evertoken_cache_level="none"}",
        "evertoken_cache_lookups_total{evertoken_client_name="default",evertoken_cache_level="process"}",
        "evertoken_cache_lookups_total{evertoken_client_name="default",evertoken_cache_level="store"}",
        "evertoken_cache_tokens{evertoken_client_name="default",evertoken_token_state="expired"}",
        "evertoken_credential_remaining_lifetime{evertoken_client_name="default",evertoken_credential_type="key"}",
        "evertoken_negative_cache_hits_total{evertoken_client_name="default",error_type="invalid_client"}",
        "evertoken_store_leases_total{evertoken_lease_outcome="failed"}",
        "evertoken_store_leases_total{evertoken_lease_outcome="granted"}",
        "evertoken_store_leases_total{evertoken_lease_outcome="needless"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="delete",evertoken_store_outcome="done"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="get",evertoken_store_outcome="token"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="get_or_lease",evertoken_store_outcome="failed",error_type="ERR"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="get_or_lease",evertoken_store_outcome="lease"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="get_or_lease",evertoken_store_outcome="token"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="renew",evertoken_store_outcome="done"}",
        "evertoken_store_operation_duration_count{evertoken_store_operation="set",evertoken_store_outcome="done"}",
        "evertoken_store_suspended",
        "evertoken_store_unreadable_records_total{evertoken_store_record="token"}",
        "evertoken_token_rejections_total{evertoken_client_name="default",evertoken_token_is_replacement="false"}",
        "evertoken_token_rejections_total{evertoken_client_name="default",evertoken_token_is_replacement="true"}",
        "evertoken_token_remaining_lifetime_count{evertoken_client_name="default"}",
        "evertoken_token_request_active{evertoken_client_name="default"}",
        "evertoken_token_request_duration_count{evertoken_client_name="default",evertoken_token_request_reason="expired",error_type="invalid_client"}",
        "evertoken_token_request_duration_count{evertoken_client_name="default",evertoken_token_request_reason="expired"}",
        "evertoken_token_request_duration_count{evertoken_client_name="default",evertoken_token_request_reason="rejected"}",
        "evertoken_token_request_retries_total{evertoken_client_name="default",error_type="server_unavailable"}",
        "evertoken_token_response_deviations_total{evertoken_client_name="default",evertoken_token_response_deviation="expires_in_missing"}",
        "evertoken_token_response_deviations_total{evertoken_client_name="default",evertoken_token_response_deviation="scope_narrowed"}",
        "evertoken_token_wait_duration_count{evertoken_client_name="default",error_type="invalid_client"}",
        "evertoken_token_wait_duration_count{evertoken_client_name="default"}",
        "evertoken_token_waiters{evertoken_client_name="default"}",
      ]
    `)
    const about = text.split('\n').filter((line) => /^# (?:UNIT|TYPE) evertoken/.test(line))
    expect(about.sort()).toMatchInlineSnapshot(`
      [
        "# TYPE evertoken_api_replays_total counter",
        "# TYPE evertoken_cache_lookups_total counter",
        "# TYPE evertoken_cache_tokens gauge",
        "# TYPE evertoken_credential_remaining_lifetime gauge",
        "# TYPE evertoken_negative_cache_hits_total counter",
        "# TYPE evertoken_store_leases_total counter",
        "# TYPE evertoken_store_operation_duration histogram",
        "# TYPE evertoken_store_suspended gauge",
        "# TYPE evertoken_store_unreadable_records_total counter",
        "# TYPE evertoken_token_rejections_total counter",
        "# TYPE evertoken_token_remaining_lifetime histogram",
        "# TYPE evertoken_token_request_active gauge",
        "# TYPE evertoken_token_request_duration histogram",
        "# TYPE evertoken_token_request_retries_total counter",
        "# TYPE evertoken_token_response_deviations_total counter",
        "# TYPE evertoken_token_wait_duration histogram",
        "# TYPE evertoken_token_waiters gauge",
        "# UNIT evertoken_api_replays_total {request}",
        "# UNIT evertoken_cache_lookups_total {lookup}",
        "# UNIT evertoken_cache_tokens {token}",
        "# UNIT evertoken_credential_remaining_lifetime s",
        "# UNIT evertoken_negative_cache_hits_total {lookup}",
        "# UNIT evertoken_store_leases_total {lease}",
        "# UNIT evertoken_store_operation_duration s",
        "# UNIT evertoken_store_suspended 1",
        "# UNIT evertoken_store_unreadable_records_total {record}",
        "# UNIT evertoken_token_rejections_total {token}",
        "# UNIT evertoken_token_remaining_lifetime s",
        "# UNIT evertoken_token_request_active {request}",
        "# UNIT evertoken_token_request_duration s",
        "# UNIT evertoken_token_request_retries_total {attempt}",
        "# UNIT evertoken_token_response_deviations_total {response}",
        "# UNIT evertoken_token_wait_duration s",
        "# UNIT evertoken_token_waiters {caller}",
      ]
    `)
    expect(text).not.toMatch(/token-\d|Bearer|correct horse/)
  })

  it('has buckets that fit what is measured: requests and waits, calls of a store, what is left of tokens', async () => {
    await using prometheus = await startPrometheus()
    await everythingHappens(prometheus.meterProvider)
    const limits: Record<string, number[]> = {}
    for (const sample of (await prometheus.samples()).keys()) {
      const [, name = '', limit] = /^(\w+)_bucket\{.*le="([\d.]+)"/.exec(sample) ?? []
      if (limit !== undefined) limits[name] = [...new Set([...(limits[name] ?? []), Number(limit)])]
    }
    const range = (seconds: readonly number[]) => [Math.min(...seconds), Math.max(...seconds)]
    expect(Object.fromEntries(Object.entries(limits).map(([name, seconds]) => [name, range(seconds)]))).toEqual({
      evertoken_token_wait_duration: [0.005, 15],
      evertoken_token_remaining_lifetime: [1, 86_400],
      evertoken_token_request_duration: [0.005, 15],
      evertoken_store_operation_duration: [0.0005, 1],
    })
  })
})

/** What is done, and the sample that tells of it, with its value. */
type Row = readonly [what: string, sample: string, value: number, act: (on: Observed) => Promise<unknown>]
type Observed = Awaited<ReturnType<typeof observed>>

const CLIENT = 'evertoken_client_name="default"'
const LOOKUPS = 'evertoken_cache_lookups_total'
const REQUESTS = 'evertoken_token_request_duration_count'
const WAITS = 'evertoken_token_wait_duration_count'

const ROWS: readonly Row[] = [
  [
    'a token at hand',
    `${LOOKUPS}{${CLIENT},evertoken_cache_level="process"}`,
    2,
    async ({ tokens }) => {
      await tokens.getToken()
      await tokens.getToken()
      await tokens.getAccessToken()
    },
  ],
  [
    'a token that has to be requested',
    `${LOOKUPS}{${CLIENT},evertoken_cache_level="none"}`,
    1,
    async ({ tokens }) => {
      await tokens.getToken()
      await tokens.getToken()
    },
  ],
  [
    'every caller that waits',
    `${WAITS}{${CLIENT}}`,
    3,
    async ({ tokens }) => {
      await Promise.all([tokens.getToken(), tokens.getToken(), tokens.getToken()])
      await tokens.getToken()
    },
  ],
  [
    'how long they wait',
    `evertoken_token_wait_duration_sum{${CLIENT}}`,
    3,
    async ({ tokens, server, clock }) => {
      server.byDefault = { afterMs: 1500 }
      const waiting = Promise.all([tokens.getToken(), tokens.getToken()])
      await clock.advance(1500)
      await waiting
    },
  ],
  [
    'callers that leave',
    `${WAITS}{${CLIENT},error_type="aborted"}`,
    1,
    async ({ tokens, server, clock }) => {
      server.byDefault = { afterMs: 1500 }
      const leaving = new AbortController()
      const waiting = Promise.allSettled([tokens.getToken({ signal: leaving.signal }), tokens.getToken()])
      leaving.abort()
      await clock.advance(1500)
      await waiting
    },
  ],
  [
    'callers whose time is up',
    `${WAITS}{${CLIENT},error_type="wait_timeout"}`,
    1,
    async ({ tokens, server, clock }) => {
      server.byDefault = { afterMs: 1500 }
      const waiting = Promise.allSettled([tokens.getToken({ timeoutMs: 500 })])
      await clock.advance(1500)
      await waiting
    },
  ],
  [
    'how long tokens live on when they are used',
    `evertoken_token_remaining_lifetime_sum{${CLIENT}}`,
    3600 + 3000,
    async ({ tokens, clock }) => {
      const source = tokens.source()
      await source.getToken()
      await clock.advance(600 * SECOND)
      await source.getToken()
    },
  ],
  [
    'why a token is requested: none',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="no_token"}`,
    1,
    async ({ tokens }) => {
      await tokens.getToken()
    },
  ],
  [
    'why a token is requested: refresh',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="refresh_due"}`,
    1,
    async ({ tokens, clock }) => {
      await tokens.getToken()
      await clock.advance(3000 * SECOND)
      await tokens.getToken()
      await clock.advance(0)
    },
  ],
  [
    'why a token is requested: rejected',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="rejected"}`,
    1,
    async ({ tokens }) => {
      tokens.invalidate({}, await tokens.getToken())
      await tokens.getToken()
    },
  ],
  [
    'why a token is requested: forced',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="forced"}`,
    3,
    async ({ tokens }) => {
      await tokens.getToken({ forceRefresh: true })
      await Promise.all([tokens.getToken({ forceRefresh: true }), tokens.getToken({ forceRefresh: true })])
    },
  ],
  [
    'what the server denies',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="no_token",error_type="invalid_client"}`,
    1,
    async ({ tokens, server }) => {
      server.byDefault = DENIED
      await Promise.allSettled([tokens.getToken(), tokens.getToken()])
    },
  ],
  [
    'what the server denies in its own words',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="no_token",error_type="request_denied"}`,
    1,
    async ({ tokens, server }) => {
      server.byDefault = { status: 400, body: { error: 'on-tuesdays-only-4711' } }
      await Promise.allSettled([tokens.getToken()])
    },
  ],
  [
    'a server that hangs',
    `${REQUESTS}{${CLIENT},evertoken_token_request_reason="no_token",error_type="timeout"}`,
    1,
    async ({ tokens, server, clock }) => {
      server.byDefault = { hang: true }
      const waiting = Promise.allSettled([tokens.getToken()])
      await clock.advance(60 * SECOND)
      await waiting
    },
  ],
  [
    'requests under way',
    `evertoken_token_request_active{${CLIENT}}`,
    1,
    async ({ tokens, server, clock }) => {
      server.byDefault = { afterMs: SECOND }
      void tokens.getToken().catch(() => {})
      await clock.advance(1)
    },
  ],
  [
    'callers that wait now',
    `evertoken_token_waiters{${CLIENT}}`,
    3,
    async ({ tokens, server, clock }) => {
      server.byDefault = { afterMs: SECOND }
      const others = [tokens.getToken({ scope: 'a' }), tokens.getToken({ forceRefresh: true })]
      void Promise.all([tokens.getToken(), ...others]).catch(() => {})
      await clock.advance(1)
    },
  ],
  [
    'attempts that are repeated',
    `evertoken_token_request_retries_total{${CLIENT},error_type="network"}`,
    2,
    async ({ tokens, server, clock }) => {
      server.script.push({ refuse: true }, { refuse: true })
      const waiting = tokens.getToken()
      await clock.advance(10 * SECOND)
      await waiting
    },
  ],
  [
    'callers that get a failure of before',
    `evertoken_negative_cache_hits_total{${CLIENT},error_type="invalid_client"}`,
    2,
    async ({ tokens, server }) => {
      server.byDefault = DENIED
      await Promise.allSettled([tokens.getToken(), tokens.getToken()])
      await Promise.allSettled([tokens.getToken(), tokens.getToken()])
    },
  ],
  [
    'tokens that an API rejects',
    `evertoken_token_rejections_total{${CLIENT},evertoken_token_is_replacement="false"}`,
    1,
    async ({ tokens }) => {
      const token = await tokens.getToken()
      tokens.invalidate({}, token)
      tokens.invalidate({}, token)
    },
  ],
  [
    'new tokens that an API rejects too',
    `evertoken_token_rejections_total{${CLIENT},evertoken_token_is_replacement="true"}`,
    1,
    async ({ tokens }) => {
      tokens.invalidate({}, await tokens.getToken())
      tokens.invalidate({}, await tokens.getToken())
    },
  ],
  [
    'tokens by where they stand',
    `evertoken_cache_tokens{${CLIENT},evertoken_token_state="refresh_due"}`,
    2,
    async ({ tokens, clock }) => {
      await tokens.getToken()
      await tokens.getToken({ scope: 'other' })
      await clock.advance(3000 * SECOND)
    },
  ],
  [
    'requests that are sent once more',
    `evertoken_api_replays_total{${CLIENT}}`,
    1,
    async ({ tokens }) => {
      const call = createTokenFetch(tokens, {
        origins: ['https://api.example'],
        fetch: apiThatRejects('token-1') as never,
      })
      await call('https://api.example/orders')
      await call('https://api.example/orders')
    },
  ],
  [
    'tokens that go with fetch',
    `${LOOKUPS}{${CLIENT},evertoken_cache_level="process"}`,
    1,
    async ({ tokens }) => {
      const call = createTokenFetch(tokens, { origins: ['https://api.example'], fetch: apiThatRejects('') as never })
      await call('https://api.example/orders')
      await call('https://api.example/orders')
    },
  ],
  [
    'tokens that go with axios',
    `${LOOKUPS}{${CLIENT},evertoken_cache_level="process"}`,
    2,
    async ({ tokens }) => {
      const adapter = async (config: never) => ({ status: 200, statusText: '', headers: {}, data: '', config })
      const api = axios.create({ baseURL: 'https://api.example', adapter: adapter as never })
      attachTokenManager(api, tokens)
      for (const path of ['/a', '/b', '/c']) await api.get(path)
    },
  ],
  [
    'tokens that go with undici',
    `${LOOKUPS}{${CLIENT},evertoken_cache_level="process"}`,
    2,
    async ({ tokens }) => {
      class Answering extends Dispatcher {
        override dispatch(_: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
          handler.onRequestStart?.({} as Dispatcher.DispatchController, {})
          return true
        }
      }
      await tokens.getToken()
      const api = new Answering().compose(tokenInterceptor(tokens, { origins: ['https://api.example'] }))
      for (const path of ['/a', '/b']) api.dispatch({ origin: 'https://api.example', path, method: 'GET' }, {})
    },
  ],
]

const MORE: readonly Row[] = [
  [
    'requests under way: none that has ended',
    `evertoken_token_request_active{${CLIENT}}`,
    0,
    async ({ tokens, server }) => {
      server.script.push(DENIED)
      await tokens.getToken().catch(() => {})
      tokens.invalidateAll()
      await tokens.getToken()
    },
  ],
  [
    'who waits for a request behind another, once that has begun',
    `evertoken_token_waiters{${CLIENT}}`,
    2,
    async ({ tokens, server, clock }) => {
      server.byDefault = { afterMs: SECOND }
      const ask = () => tokens.getToken({ forceRefresh: true })
      void Promise.all([tokens.getToken(), ask(), ask()]).catch(() => {})
      await clock.advance(1500)
    },
  ],
  [
    'a rejected token that cannot be replaced as one at hand',
    `${LOOKUPS}{${CLIENT},evertoken_cache_level="process"}`,
    1,
    async ({ tokens, server, clock }) => {
      tokens.invalidate({}, await tokens.getToken())
      server.byDefault = { status: 503 }
      const asked = tokens.getToken()
      await clock.advance(20 * SECOND)
      await asked
    },
  ],
  [
    'no lifetime below zero, of a token that is over when it comes',
    `evertoken_token_remaining_lifetime_sum{${CLIENT}}`,
    0,
    async ({ tokens, server, clock }) => {
      server.expiresIn = 0
      server.byDefault = { afterMs: 500 }
      const asked = tokens.getToken()
      await clock.advance(500)
      await asked
    },
  ],
]

describe('a measurement', () => {
  it.each([...ROWS, ...MORE])('counts %s', async (_, sample, value, act) => {
    await using on = await observed()
    await act(on)
    expect((await on.prometheus.samples()).get(sample)).toBe(value)
  })

  it('tells how long the credentials of a client are valid, by its clock', async () => {
    const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const clock = new VirtualClock()
    const expiresAt = clock.now() + HOUR
    await using prometheus = await startPrometheus()
    const clientAuthentication = privateKeyJwt({ key, expiresAt })
    const { tokens } = managed({ clientAuthentication, clientSecret: undefined } as Partial<ClientOptions>, clock)
    instrumentTokenManager(tokens, { meterProvider: prometheus.meterProvider })
    await tokens.getToken()
    await clock.advance(1000 * SECOND)
    const gauge = `evertoken_credential_remaining_lifetime{${CLIENT},evertoken_credential_type="key"}`
    expect((await prometheus.samples()).get(gauge)).toBe(2600)
    await clock.advance(HOUR)
    expect((await prometheus.samples()).get(gauge)).toBe(-1000)
  })

  it('tells whether the store is left alone', async () => {
    await using prometheus = await startPrometheus()
    const fleet = new Fleet()
    const { tokens, store } = fleet.join()
    instrumentTokenManager(tokens, { meterProvider: prometheus.meterProvider })
    const suspended = async () => (await prometheus.samples()).get('evertoken_store_suspended')
    expect(await suspended()).toBe(0)
    store.fault = 'error'
    for (const scope of ['a', 'b', 'c']) {
      const waiting = tokens.getToken({ scope })
      await fleet.clock.advance(SECOND)
      await waiting
    }
    expect(await suspended()).toBe(1)
    store.fault = undefined
    await fleet.clock.advance(HOUR)
    await fleet.tokensOf([{ tokens } as never])
    expect(await suspended()).toBe(0)
  })

  it.each([
    ['getOrLease', { token: {} }, 'token'],
    ['getOrLease', { error: {} }, 'error'],
    ['getOrLease', { lease: {} }, 'lease'],
    ['getOrLease', 'busy', 'busy'],
    ['get', {}, 'token'],
    ['get', undefined, 'none'],
    ['set', true, 'done'],
    ['renew', false, 'refused'],
    ['delete', false, 'refused'],
  ] as const)('tells what the store said to %s: %o is %s', async (operation, result, outcome) => {
    const clock = new VirtualClock()
    const calls: StoreCall[] = []
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const guarded = new GuardedStore(
      store,
      clock,
      () => {},
      (call) => calls.push(call),
    )
    const called = guarded.call<unknown>(operation, async () => {
      await clock.sleep(20)
      return result
    })
    await clock.advance(20)
    await called
    expect(calls).toEqual([{ operation, outcome, durationMs: 20, reason: undefined }])
  })

  it('tells which leases were lost, to a process that took over', async () => {
    await using prometheus = await startPrometheus()
    const fleet = new Fleet()
    const { tokens } = fleet.join({ attemptTimeoutMs: 60 * SECOND, timeoutMs: 60 * SECOND })
    instrumentTokenManager(tokens, { meterProvider: prometheus.meterProvider })
    fleet.server.byDefault = { afterMs: 3 * SECOND }
    const waiting = tokens.getToken()
    await fleet.clock.advance(SECOND)
    fleet.store.restartEmpty()
    await fleet.clock.advance(5 * SECOND)
    await waiting
    expect((await prometheus.samples()).get('evertoken_store_leases_total{evertoken_lease_outcome="lost"}')).toBe(1)
  })
})

describe('an instrumentation', () => {
  it('tells as many clients apart as it may, and sums up the others', async () => {
    await using prometheus = await startPrometheus()
    const clock = new VirtualClock()
    const server = new AuthorizationServer(clock)
    const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const clientAuthentication = privateKeyJwt({ key, expiresAt: clock.now() + HOUR })
    const keyed = { clientAuthentication, clientSecret: undefined } as Partial<ClientOptions>
    const tokens = new TokenManager<string>({ clock, clients: () => clientOf(server, keyed) })
    instrumentTokenManager(tokens, { meterProvider: prometheus.meterProvider, maxClients: 2 })
    for (let tenant = 1; tenant <= 50; tenant += 1) await tokens.getToken({ client: `tenant-${tenant}` })
    const samples = await prometheus.samples()
    const requests = ['tenant-1', 'tenant-2', 'tenant-3', '_OTHER'].map((name) =>
      samples.get(`${REQUESTS}{evertoken_client_name="${name}",evertoken_token_request_reason="no_token"}`),
    )
    expect(requests).toEqual([1, 1, undefined, 48])
    const expiring = [...samples.keys()].filter((name) => name.startsWith('evertoken_credential'))
    expect(expiring.map((name) => /client_name="([^"]+)/.exec(name)?.[1])).toEqual(['tenant-1', 'tenant-2'])
    expect(samples.get('evertoken_cache_tokens{evertoken_client_name="_OTHER",evertoken_token_state="fresh"}')).toBe(48)
  })

  it('measures nothing any more once it is ended, and may be begun again', async () => {
    await using on = await observed()
    await on.tokens.getToken()
    const before = await samplesOf(on.prometheus)
    on.end()
    on.end()
    expect(on.tokens.events.hearsCalls).toBe(false)
    expect(on.tokens.events.observer).toBeUndefined()
    await on.tokens.getToken({ forceRefresh: true })
    await on.clock.advance(2 * HOUR)
    const after = await samplesOf(on.prometheus)
    for (const [name, value] of after) expect([name, value]).toEqual([name, before.get(name)])
    expect([...after.keys()]).not.toContain(`evertoken_cache_tokens{${CLIENT},evertoken_token_state="expired"}`)
    for (const name of EVENT_NAMES) on.tokens.events.emit(name, () => expect.unreachable(`${name} is still heard`))
    const again = instrumentTokenManager(on.tokens, { meterProvider: on.prometheus.meterProvider })
    on.end()
    expect(on.tokens.events.observer).toBeDefined()
    await on.tokens.getToken()
    expect(await samplesOf(on.prometheus)).not.toEqual(after)
    again()
  })

  it('counts nothing twice: a manager has one at a time', async () => {
    await using on = await observed()
    expect(() => instrumentTokenManager(on.tokens)).toThrow(
      new TypeError('evertoken: option `manager` is instrumented already. Call what that returned first, to end it.'),
    )
  })

  it.each<[what: string, manager: unknown, options: unknown, problem: string]>([
    ['no manager', {}, {}, 'option `manager` must be a TokenManager'],
    ['nothing', undefined, {}, 'option `manager` must be a TokenManager'],
    ['a wrong name', managed().tokens, { meter: 1 }, 'option `meter` is not an option'],
    ['a wrong number', managed().tokens, { maxClients: 0 }, 'option `maxClients` must be a whole number'],
  ])('refuses %s', (_, manager, options, problem) => {
    expect(() => instrumentTokenManager(manager as TokenManager, options as object)).toThrow(problem)
  })

  it('is harmless without a provider', async () => {
    const { tokens } = managed()
    const end = instrumentTokenManager(tokens)
    await tokens.getToken()
    expect((await tokens.getToken()).fingerprint).toHaveLength(8)
    end()
  })
})
