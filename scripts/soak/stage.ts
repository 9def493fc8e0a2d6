import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  type Fault,
  type ReceivedRequest,
  startApi,
  startAuthorizationServer,
  type TestApi,
  TestAuthority,
  type TestAuthorizationServer,
  type TestCertificate,
} from '../../src/testing/index.ts'
import { askServer, type OwnRedis, startRedis } from '../../test/support/redis.ts'
import { type RedisProxy, startRedisProxy } from '../../test/support/redis-proxy.ts'
import { Random } from '../simulate/random.ts'
import { boundTo, CLIENTS } from './clients.ts'
import type { ApiMeeting } from './oracle.ts'
import type { PlannedFault } from './schedule.ts'
import { API_FAULTS, TOKEN_FAULTS } from './server-faults.ts'
import type { WorkerStart } from './worker-messages.ts'

/** What every client's secret contains, so that it is found wherever it should not be. */
export const SECRET_MARK = 'a-secret-nobody-may-see'

const MOST_KEPT = 20_000
// Certificates outlast the longest soak.
const LASTS_MS = 48 * 60 * 60 * 1000

/** How many token requests there were. */
export interface TokenRequestCounts {
  /** Those that met no fault, and were granted, by client. */
  readonly good: Readonly<Record<string, number>>
  readonly faulty: number
  /** Those that met no fault, and were refused: for want of the newest nonce. */
  readonly refused: number
}

/** Where the fleet plays: an authorization server and an API that speak https, and a Redis, that do as they are told. */
export class Stage {
  readonly #encryptionKey = randomBytes(32).toString('hex')
  readonly #dpopKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  })
  readonly #random: Random
  readonly #meetings = new Map<string, ReceivedRequest[]>()
  readonly #stack: AsyncDisposableStack
  readonly #server: TestAuthorizationServer
  readonly #api: TestApi
  readonly #redis: OwnRedis
  readonly #proxy: RedisProxy
  readonly #authority: TestAuthority
  readonly #withoutFault: ReceivedRequest[] = []
  #faulty = 0
  #certificate: TestCertificate
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
    authority: TestAuthority,
  ) {
    this.#stack = stack
    this.#random = random
    this.#server = server
    this.#api = api
    this.#redis = redis
    this.#proxy = proxy
    this.#authority = authority
    this.#certificate = lasting(authority)
    server.fault = (request) => this.#faultOfServer(request)
    api.fault = (request) => this.#faultOfApi(request)
  }

  /** Starts everything. */
  static async set(seed: number): Promise<Stage> {
    await using stack = new AsyncDisposableStack()
    const clients = Object.fromEntries(
      Object.entries(CLIENTS).map(([name, { lifetimeMs }]) => [
        name,
        { secret: `${SECRET_MARK}-${name}`, lifetimeMs, dpop: boundTo('key').includes(name) },
      ]),
    )
    const authority = new TestAuthority()
    const options = { tls: lasting(authority), dpopNonce: true, keepRequests: 100 }
    const server = stack.use(await startAuthorizationServer({ ...options, clients }))
    const api = stack.use(await startApi({ ...options, server }))
    const redis = stack.use(await startRedis())
    const proxy = stack.use(await startRedisProxy(redis))
    return new Stage(stack.move(), new Random(seed, 100), server, api, redis, proxy, authority)
  }

  /** What a worker has to know. */
  get forWorkers(): Omit<WorkerStart, 'id' | 'perSecond' | 'plantMistake'> {
    const options = (name: string) => ({
      ...this.#server.clientOptions(name),
      ...(boundTo('key').includes(name) && { dpop: { key: this.#dpopKey } }),
    })
    return {
      ...{ redisUrl: this.#proxy.url, apiOrigin: this.#api.origin, encryptionKey: this.#encryptionKey },
      ...{ ca: this.#authority.cert, certificate: this.#certificate },
      clients: Object.fromEntries(Object.keys(CLIENTS).map((name) => [name, options(name)])),
    }
  }

  /** The token requests so far. */
  get tokenRequests(): TokenRequestCounts {
    const granted = this.#withoutFault.filter(({ refusal }) => refusal === undefined)
    const good: Record<string, number> = {}
    for (const { clientId = '' } of granted) good[clientId] = (good[clientId] ?? 0) + 1
    return { good, faulty: this.#faulty, refused: this.#withoutFault.length - granted.length }
  }

  /** The certificate that clients are to show from now on. */
  renewCertificate(): TestCertificate {
    this.#certificate = lasting(this.#authority)
    return this.#certificate
  }

  /** How the API met a request, each time that it arrived. */
  meetingsOf(request: string): ApiMeeting[] {
    const met = this.#meetings.get(request) ?? []
    return met.map(({ status, fault, refusal }) => ({ status, fault, refusal }))
  }

  /** Wants other nonces from now on. */
  renewNonce(where: 'api' | 'token endpoint'): void {
    const server = where === 'api' ? this.#api : this.#server
    server.rotateDpopNonce()
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
    if (own === undefined || own.kind === 'latency') this.#withoutFault.push(request)
    else this.#faulty += 1
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

const lasting = (authority: TestAuthority) => authority.issue({ notAfter: new Date(Date.now() + LASTS_MS) })
