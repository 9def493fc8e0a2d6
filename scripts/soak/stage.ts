import { randomBytes } from 'node:crypto'
import {
  type Fault,
  type ReceivedRequest,
  startApi,
  startAuthorizationServer,
  type TestApi,
  type TestAuthorizationServer,
} from '../../src/testing/index.ts'
import { askServer, type OwnRedis, startRedis } from '../../test/support/redis.ts'
import { type RedisProxy, startRedisProxy } from '../../test/support/redis-proxy.ts'
import { Random } from '../simulate/random.ts'
import type { ApiMeeting } from './oracle.ts'
import type { PlannedFault } from './schedule.ts'

/** How long the tokens of each client live, milliseconds. */
export const LIFETIMES: Readonly<Record<string, number>> = { billing: 10_000, orders: 30_000 }

/** What every client's secret contains, so that it is found wherever it should not be. */
export const SECRET_MARK = 'a-secret-nobody-may-see'

const MOST_KEPT = 20_000

/** Where the fleet plays: an authorization server, an API and a Redis that do as they are told. */
export class Stage {
  readonly encryptionKey: string = randomBytes(32).toString('hex')
  readonly #random: Random
  readonly #meetings = new Map<string, ReceivedRequest[]>()
  readonly #stack: AsyncDisposableStack
  readonly #server: TestAuthorizationServer
  readonly #api: TestApi
  readonly #redis: OwnRedis
  readonly #proxy: RedisProxy
  /** Token requests that met a fault, and others. */
  readonly tokenRequests = { faulty: 0, good: 0 }
  #tokenFault: ((random: Random) => Fault) | undefined
  #everythingFails = false
  #apiFault: ((random: Random) => Fault | undefined) | undefined

  private constructor(
    stack: AsyncDisposableStack,
    random: Random,
    server: TestAuthorizationServer,
    api: TestApi,
    redis: OwnRedis,
    proxy: RedisProxy,
  ) {
    this.#stack = stack
    this.#random = random
    this.#server = server
    this.#api = api
    this.#redis = redis
    this.#proxy = proxy
    server.fault = (request) => this.#faultOfServer(request)
    api.fault = (request) => this.#faultOfApi(request)
  }

  /** Starts everything. */
  static async set(seed: number): Promise<Stage> {
    await using stack = new AsyncDisposableStack()
    const clients = Object.fromEntries(
      Object.entries(LIFETIMES).map(([name, lifetimeMs]) => [name, { secret: `${SECRET_MARK}-${name}`, lifetimeMs }]),
    )
    const server = stack.use(await startAuthorizationServer({ clients, keepRequests: 100 }))
    const api = stack.use(await startApi({ server, keepRequests: 100 }))
    const redis = stack.use(await startRedis())
    const proxy = stack.use(await startRedisProxy(redis))
    return new Stage(stack.move(), new Random(seed, 100), server, api, redis, proxy)
  }

  /** What a worker has to know. */
  get forWorkers(): { redisUrl: string; apiOrigin: string; encryptionKey: string; clients: Record<string, object> } {
    const clients = Object.fromEntries(
      Object.keys(LIFETIMES).map((name) => [name, { ...this.#server.clientOptions(name), proxy: false }]),
    )
    return { redisUrl: this.#proxy.url, apiOrigin: this.#api.origin, encryptionKey: this.encryptionKey, clients }
  }

  get issued(): number {
    return this.#server.counts.issued
  }

  /** How the API met a request, each time that it arrived. */
  meetingsOf(request: string): ApiMeeting[] {
    const met = this.#meetings.get(request) ?? []
    return met.map(({ status, fault, refusal }) => ({ status, fault, refusal }))
  }

  /** Begins a fault at the token endpoint, the API or the store; the function that is returned ends it. */
  async begin({ place, kind, degree }: PlannedFault): Promise<() => unknown> {
    if (place === 'store') return await this.#troubleStore(kind, degree)
    if (place === 'token endpoint') {
      this.#everythingFails = kind === 'outage'
      this.#tokenFault = TOKEN_FAULTS[kind]
      return () => {
        this.#everythingFails = false
        this.#tokenFault = undefined
      }
    }
    if (kind === 'all tokens revoked') this.#server.revoke()
    this.#apiFault = API_FAULTS[kind]
    return () => {
      this.#apiFault = undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #troubleStore(kind: string, degree: number): Promise<() => unknown> {
    const redis = this.#redis
    switch (kind) {
      case 'paused':
        redis.pause()
        return () => redis.resume()
      case 'killed':
        await redis.kill()
        return () => redis.restart()
      case 'emptied':
        await redis.restart()
        return () => {}
      case 'slow':
        this.#proxy.delayMs = 100 + degree * 500
        return () => {
          this.#proxy.delayMs = 0
        }
      default:
        await askServer(redis.port, 'CONFIG SET maxmemory 1')
        return () => askServer(redis.port, 'CONFIG SET maxmemory 0')
    }
  }

  #faultOfServer(request: ReceivedRequest): Fault | undefined {
    const fault = this.#everythingFails ? TOKEN_FAULTS.outage?.(this.#random) : undefined
    if (request.endpoint !== 'token') return fault
    const own = fault ?? this.#tokenFault?.(this.#random)
    if (own === undefined || own.kind === 'latency') this.tokenRequests.good += 1
    else this.tokenRequests.faulty += 1
    return own
  }

  #faultOfApi(request: ReceivedRequest): Fault | undefined {
    const id = new URL(request.url, 'http://127.0.0.1').searchParams.get('id') ?? ''
    this.#meetings.set(id, [...(this.#meetings.get(id) ?? []), request])
    const [oldest] = this.#meetings.keys()
    if (this.#meetings.size > MOST_KEPT && oldest !== undefined) this.#meetings.delete(oldest)
    return this.#apiFault?.(this.#random)
  }
}

const status = (statuses: readonly number[]) => (random: Random) =>
  ({ kind: 'status', status: statuses[Math.floor(random.next() * statuses.length)] ?? 500 }) as const

const TOKEN_FAULTS: Readonly<Record<string, (random: Random) => Fault>> = {
  latency: (random) => ({ kind: 'latency', afterMs: 300 + random.next() * 2000 }),
  hang: () => ({ kind: 'hang' }),
  reset: () => ({ kind: 'resetBeforeHeaders' }),
  'cut off': () => ({ kind: 'resetAfterHeaders' }),
  truncated: () => ({ kind: 'truncatedBody' }),
  malformed: () => ({ kind: 'malformedJson' }),
  html: () => ({ kind: 'html' }),
  'slow drip': () => ({ kind: 'slowDrip', everyMs: 200 }),
  '5xx': status([500, 502, 503, 504]),
  '429': () => ({ kind: 'tooManyRequests', retryAfterMs: 2000 }),
  invalid_client: () => ({ kind: 'oauthError', error: 'invalid_client' }),
  outage: () => ({ kind: 'resetBeforeHeaders' }),
}

const API_FAULTS: Readonly<Record<string, (random: Random) => Fault | undefined>> = {
  '401 for valid tokens': (random) => (random.next() < 0.3 ? { kind: 'status', status: 401 } : undefined),
  '5xx': (random) => (random.next() < 0.5 ? status([500, 502, 503])(random) : undefined),
  reset: (random) => (random.next() < 0.3 ? { kind: 'resetBeforeHeaders' } : undefined),
  latency: (random) => ({ kind: 'latency', afterMs: random.next() * 1000 }),
}
