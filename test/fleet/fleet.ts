import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { watchStalls } from '../../scripts/soak/stalls.ts'
import { sendJson, startServer, type TestServer } from '../support/http-server.ts'
import { type OwnRedis, startRedis, until } from '../support/redis.ts'
import { type RedisProxy, startRedisProxy } from '../support/redis-proxy.ts'
import type { FromWorker, Load, LoadReport, Start, ToWorker, WorkerEvent } from './worker-messages.ts'

const SECRET = 'the-secret-of-the-orders-service'
const SCOPE = 'orders.read-and-write'

/** What must never reach Redis in the clear; the secrets have one part in common, and so have the tokens. */
const PRIVATE = ['secret-of-the-orders', SCOPE, 'orders-service', 'orders.example-token']

/** What of it is in these bytes, as it is, in Base64 or in hexadecimal digits. */
export function inTheClear(bytes: string): string[] {
  return PRIVATE.filter((text) => {
    // Base64 in the middle of a text depends on what is before it but for whole groups.
    const base64 = Buffer.from(text).toString('base64').slice(0, -4)
    return [text, base64, Buffer.from(text).toString('hex')].some((spelling) => bytes.includes(spelling))
  })
}

/** An authorization server and the API that takes its tokens. */
class OrdersServer {
  expiresIn = 3600
  /** What the token requests to come wait for, until they are answered. */
  answers: Promise<unknown> = Promise.resolve()
  /** When token requests arrived, by `performance.now()`. */
  readonly requests: number[] = []
  /** What the last request to the API carried. */
  lastAuthorization: string | undefined
  /** The secrets that count. */
  secrets: readonly string[] = [SECRET]
  readonly #valid = new Map<string, { readonly endsAt: number; readonly boundTo: string | undefined }>()
  #server: TestServer | undefined

  get origin(): string {
    return this.#server?.origin ?? ''
  }

  async start(): Promise<void> {
    this.#server = await startServer((response, { url, headers }) => {
      // One that is kept may be closed for being idle, just when a busy machine brings the next request.
      response.setHeader('connection', 'close')
      if (url !== '/token') {
        this.lastAuthorization = headers.authorization
        const { endsAt = 0, boundTo } = this.#valid.get(headers.authorization ?? '') ?? {}
        // However long it was under way, which is up to the machine.
        const isInTime = endsAt > Number(headers['x-begun-at'])
        if (isInTime && boundTo === keyOf(headers.dpop)) return sendJson(response, { orders: [] })
        response.setHeader('www-authenticate', 'Bearer error="invalid_token"')
        return sendJson(response, {}, 401)
      }
      this.requests.push(performance.now())
      const isExpected = (secret: string) =>
        headers.authorization === `Basic ${Buffer.from(`orders-service:${secret}`).toString('base64')}`
      if (!this.secrets.some(isExpected)) return sendJson(response, { error: 'invalid_client' }, 401)
      const token = `orders.example-token-${this.requests.length}`
      const boundTo = keyOf(headers.dpop)
      const type = boundTo === undefined ? 'Bearer' : 'DPoP'
      this.#valid.set(`${type} ${token}`, { endsAt: Date.now() + this.expiresIn * 1000, boundTo })
      const answer = { access_token: token, token_type: type, expires_in: this.expiresIn }
      void Promise.all([this.answers, wait(20)]).then(() => sendJson(response, answer))
    })
  }

  /** No token that was given so far is accepted any more. */
  revokeAll(): void {
    this.#valid.clear()
  }

  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
  }
}

// The public key in a DPoP proof.
function keyOf(proof: string | string[] | undefined): string | undefined {
  if (typeof proof !== 'string') return undefined
  return JSON.stringify(JSON.parse(Buffer.from(proof.split('.')[0] ?? '', 'base64url').toString()).jwk)
}

/** A process of the fleet. */
export class FleetProcess {
  heard: WorkerEvent[] = []
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (report: LoadReport) => void>()
  #ids = 0
  #started: Start | undefined

  constructor() {
    const execArgv = ['--experimental-strip-types', '--no-warnings']
    this.#child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), { execArgv })
    this.#child.on('message', (message: FromWorker) => {
      if ('event' in message) this.heard.push(message.event)
      else this.#waiting.get(message.id)?.(message.report)
    })
  }

  /** Makes it a process of another service, or of none. */
  start(start: Start | undefined): void {
    this.heard = []
    this.#started = start
    if (this.isAlive()) this.#child.send({ start } satisfies ToWorker)
  }

  /** Deploys it with other settings, while requests go on. */
  async change(settings: Partial<Start>): Promise<void> {
    if (this.#started === undefined) throw new Error('There is nothing to change')
    this.start({ ...this.#started, ...settings })
    await until(() => this.isReady())
  }

  /** Sends requests to the API. */
  async run(load: Load): Promise<LoadReport> {
    const id = this.#ids++
    return await new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.send({ run: load, id } satisfies ToWorker)
    })
  }

  isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** @throws Error when it could not start */
  isReady(): boolean {
    if (!this.isAlive()) throw new Error('A process of the fleet did not start')
    return this.count('ready') > 0
  }

  count(event: WorkerEvent): number {
    return this.heard.filter((heard) => heard === event).length
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name)
  }
}

// A process takes a second to start, so that each serves several tests.
const idle: FleetProcess[] = []

/** Ends all processes. */
export function endProcesses(): void {
  for (const one of idle.splice(0)) one.signal('SIGKILL')
}

/** Processes, their Redis with a proxy before it that keeps every byte, and their servers. */
export async function startFleet(count: number, timeoutMs?: number): Promise<Fleet> {
  const redis = await startRedis()
  const proxy = await startRedisProxy(redis)
  const server = new OrdersServer()
  await server.start()
  const processes: FleetProcess[] = []
  const encryptionKeys = [randomBytes(32).toString('hex')]
  const join = async (number: number, secret = SECRET): Promise<FleetProcess[]> => {
    const joined = Array.from({ length: number }, () => idle.pop() ?? new FleetProcess())
    processes.push(...joined)
    for (const one of joined) {
      one.start({ redisUrl: proxy.url, encryptionKeys, origin: server.origin, secret, scope: SCOPE, timeoutMs })
    }
    await until(() => joined.every((one) => one.isReady()))
    return joined
  }
  let stalledMs = 0
  const unwatch = watchStalls(({ from, to }) => {
    stalledMs += to - from
  })
  await join(count)
  stalledMs = 0
  return {
    ...{ redis, proxy, server, processes, encryptionKeys, join },
    // It lapses after 5 seconds, and is renewed every 1.5.
    mostLapses: (report) => Math.floor((stalledMs + report.stalledMs) / 3500),
    async [Symbol.asyncDispose]() {
      unwatch()
      for (const one of processes) one.start(undefined)
      idle.push(...processes.filter((one) => one.isAlive()))
      SEEN.push(proxy)
      await proxy[Symbol.asyncDispose]()
      if (inTheClear(proxy.seen).length > 0) throw new Error('Redis was told a secret')
      await redis[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

export interface Fleet extends AsyncDisposable {
  readonly redis: OwnRedis
  readonly proxy: RedisProxy
  readonly server: OrdersServer
  readonly processes: readonly FleetProcess[]
  readonly encryptionKeys: readonly string[]
  /** More processes; with another secret they are not of the same client. */
  join(number: number, secret?: string): Promise<FleetProcess[]>
  /** How many leases may have lapsed: one that is not renewed for seconds, because the machine was too busy. Mostly none. */
  mostLapses(report: Pick<LoadReport, 'stalledMs'>): number
}

/** The proxies of all fleets there were. */
export const SEEN: RedisProxy[] = []

/** All of their reports as one. */
export function together(reports: readonly LoadReport[]): LoadReport & { readonly medianMs: number } {
  const durations = reports.flatMap((report) => report.durations).sort((a, b) => a - b)
  return {
    succeeded: reports.reduce((sum, { succeeded }) => sum + succeeded, 0),
    waits: reports.reduce((sum, { waits }) => sum + waits, 0),
    failures: reports.flatMap(({ failures }) => failures),
    durations,
    stalledMs: reports.reduce((sum, { stalledMs }) => sum + stalledMs, 0),
    medianMs: durations[Math.floor(durations.length / 2)] ?? Number.NaN,
  }
}
