/** One process of the fleet that is soaked: sends requests to the API by three HTTP clients, and tells what came of them. */
import type { Agent } from 'node:https'
import { setDefaultCACertificates } from 'node:tls'
import { inspect } from 'node:util'
import axios from 'axios'
import { createClient } from 'redis'
import { Agent as UndiciAgent, request as undiciRequest } from 'undici'
import { attachTokenManager } from '../../src/http/axios.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import { tokenInterceptor } from '../../src/http/undici.ts'
import { type ClientOptions, clientCertificate, systemClock, TokenError, TokenManager } from '../../src/index.ts'
import { RedisTokenStore } from '../../src/store/redis.ts'
import type { TestCertificate } from '../../src/testing/index.ts'
import { boundTo } from './clients.ts'
import { watchStalls } from './stalls.ts'
import type { FromWorker, ToWorker, WorkerFailure, WorkerReport, WorkerStart } from './worker-messages.ts'

const REPORT_EVERY_MS = 500
const HEAP_EVERY_MS = 5000
const MOST_UNDER_WAY = 200
const REQUEST_TIMEOUT_MS = 30_000
// A command takes longer than it should where many processes share two cores, which is not what is tested.
const STORE_TIMEOUT_MS = 1000

const say = (message: FromWorker) => process.connected && process.send?.(message)

let aheadMs = 0
const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }

/** An API's answer that is no success, whichever client it came by. */
class Refused extends Error {}

/** Sends one request, with a token of this client; the answer's status. */
type SendRequest = (path: string, client: string) => Promise<number>

class Worker {
  readonly #start: WorkerStart
  readonly #redis
  readonly #tokens: TokenManager<string>
  readonly #ways: readonly SendRequest[]
  readonly #certified = boundTo('certificate')
  readonly #rejected: string[] = []
  readonly #underWay = new Set<Promise<void>>()
  readonly #timers: NodeJS.Timeout[] = []
  #unwatch = () => {}
  #certificate: TestCertificate
  #report = emptyReport()
  #count = 0

  constructor(start: WorkerStart) {
    this.#start = start
    this.#redis = createClient({ url: start.redisUrl, socket: { reconnectStrategy: 50 } })
    this.#redis.on('error', () => {})
    const store = new RedisTokenStore(this.#redis, { encryptionKeys: start.encryptionKey, timeoutMs: STORE_TIMEOUT_MS })
    this.#certificate = start.certificate
    const certificate = clientCertificate(() => this.#certificate)
    const clients = { ...start.clients } as Record<string, ClientOptions>
    for (const name of this.#certified) clients[name] = { ...clients[name], certificate } as ClientOptions
    this.#tokens = new TokenManager<string>({ clock, store, clients })
    this.#listen()
    this.#ways = waysOf(this.#tokens, start.apiOrigin, certificate.httpsAgent())
  }

  async begin(): Promise<void> {
    await this.#redis.connect()
    const { perSecond } = this.#start
    const every = (ms: number, work: () => void) => this.#timers.push(setInterval(work, ms))
    every(1000 / perSecond, () => this.#send())
    every(REPORT_EVERY_MS, () => this.#tell())
    every(HEAP_EVERY_MS, () => {
      globalThis.gc?.()
      this.#report = { ...this.#report, heapBytes: process.memoryUsage().heapUsed }
    })
    this.#unwatch = watchStalls((stall) => say({ stall }))
    say({ ready: true })
  }

  /** What it has from now on; when it comes into use, the library says. */
  renew(certificate: TestCertificate): void {
    this.#certificate = certificate
  }

  /** Ends everything that it began; the process then has nothing to stay for. */
  async finish(): Promise<void> {
    this.#unwatch()
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#underWay)
    await this.#tokens.close()
    this.#redis.destroy()
    this.#tell()
  }

  #listen(): void {
    const hold = (client: string, fingerprint: string, lifetimeMs: number, leftMs: number) =>
      this.#report.holdings.push({ client, fingerprint, lifetimeMs, leftMs, at: Date.now() })
    this.#tokens.on('tokenReceived', ({ client, fingerprint, lifetimeMs, durationMs }) =>
      hold(client, fingerprint, lifetimeMs, lifetimeMs - durationMs),
    )
    this.#tokens.on('tokenFound', ({ client, fingerprint, lifetimeMs, leftMs }) =>
      hold(client, fingerprint, lifetimeMs, leftMs),
    )
    this.#tokens.on('tokenRejected', ({ fingerprint }) => {
      this.#rejected.push(fingerprint)
      if (this.#rejected.length > 20) this.#rejected.shift()
    })
    if (!this.#start.plantMistake) return
    this.#tokens.on('tokenRequestFailed', ({ client }) => this.#tokens.invalidate({ client }))
  }

  #send(): void {
    if (this.#underWay.size >= MOST_UNDER_WAY) {
      this.#report.leftOut += 1
      return
    }
    const names = Object.keys(this.#start.clients)
    const number = this.#count++
    const client = names[Math.floor(number / this.#ways.length) % names.length] ?? ''
    // Of the three only the first follows a change of certificates by itself.
    const way = this.#ways[this.#certified.includes(client) ? 0 : number % this.#ways.length] as SendRequest
    const work = this.#request(`${this.#start.id}-${number}`, client, way)
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }

  async #request(id: string, client: string, send: SendRequest): Promise<void> {
    const hadToken = this.#tokens.source({ client }).peek() !== undefined
    const from = Date.now()
    const begun = performance.now()
    try {
      const status = await send(`/orders?id=${id}`, client)
      if (status !== 200) throw new Refused(`status ${status}`)
      this.#report.succeeded += 1
    } catch (error) {
      this.#report.failures.push(this.#failure(error, id, client, from))
    }
    const tookMs = performance.now() - begun
    const which = hadToken ? 'longestWithTokenMs' : 'longestWithoutTokenMs'
    this.#report[which] = Math.max(this.#report[which], tookMs)
  }

  #failure(thrown: unknown, request: string, client: string, from: number): WorkerFailure {
    const error = causeOf(thrown)
    const isOurs = error instanceof TokenError
    const printed = [inspect(thrown, { depth: 6 }), String((thrown as Error).stack), jsonOf(thrown)].join('\n')
    return {
      request,
      client,
      from,
      to: Date.now(),
      tokenError: isOurs ? error.code : undefined,
      retryable: isOurs && error.retryable,
      what: isOurs ? error.code : error instanceof Refused ? error.message : String((error as { code?: string }).code),
      rejected: [...this.#rejected],
      printed,
    }
  }

  #tell(): void {
    say({ report: this.#report })
    this.#report = emptyReport()
  }
}

type Growing<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Each)[] ? Each[] : T[Key] }

function emptyReport(): Growing<WorkerReport> {
  return { succeeded: 0, failures: [], holdings: [], longestWithTokenMs: 0, longestWithoutTokenMs: 0, leftOut: 0 }
}

function waysOf(tokens: TokenManager<string>, origin: string, httpsAgent: Agent): SendRequest[] {
  const api = axios.create({ baseURL: origin, httpsAgent, proxy: false, timeout: REQUEST_TIMEOUT_MS })
  attachTokenManager(api, tokens)
  const fetch = createTokenFetch(tokens, { origins: [origin] })
  const dispatcher = new UndiciAgent().compose(tokenInterceptor(tokens, { origins: [origin] }))
  return [
    async (path, client) => (await api.get(path, { token: { client }, validateStatus: () => true })).status,
    async (path, client) => {
      const response = await fetch(origin + path, {
        token: { client },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      await response.text()
      return response.status
    },
    async (path, client) => {
      const options = { dispatcher, token: { client }, headersTimeout: REQUEST_TIMEOUT_MS }
      const { statusCode, body } = await undiciRequest(origin + path, options)
      await body.dump()
      return statusCode
    },
  ]
}

// HTTP clients wrap what they are passed.
function causeOf(thrown: unknown): unknown {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++)
    if (error instanceof TokenError) return error
  return thrown
}

function jsonOf(thrown: unknown): string {
  try {
    return JSON.stringify(thrown)
  } catch {
    return ''
  }
}

let worker: Worker | undefined

process.on('unhandledRejection', (reason) => say({ unhandled: inspect(reason) }))
process.on('uncaughtException', (error) => say({ unhandled: inspect(error) }))
process.on('disconnect', () => process.exit())
process.on('message', async (message: ToWorker) => {
  if ('start' in message) {
    setDefaultCACertificates([message.start.ca])
    worker = new Worker(message.start)
    await worker.begin()
  } else if ('jumpMs' in message) aheadMs += message.jumpMs
  else if ('certificate' in message) worker?.renew(message.certificate)
  else {
    await worker?.finish()
    // From now on it ends by itself, or something keeps it that should not.
    process.removeAllListeners('disconnect')
    process.disconnect()
  }
})
