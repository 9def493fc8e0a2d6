import { elapsedMs } from '../../src/clock.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { type AuthorizationServer, LIFETIME_MS } from './authorization-server.ts'
import type { Callers } from './callers.ts'
import type { ProcessClock } from './process-clock.ts'
import type { StoreConnection } from './store-model.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What a process is surrounded by. */
export interface Surroundings {
  readonly time: VirtualTime
  readonly server: AuthorizationServer
  readonly callers: Callers
  /** Told of every token request that a process makes. */
  readonly onRequest: (member: Member) => void
}

/** One process of a fleet. */
export interface Member {
  start(): void
  /** As SIGKILL does: nothing of it happens any more. */
  kill(): void
  /** Names the token that it uses. */
  token(): string | undefined
}

/** A process with a `TokenManager`; only what it is handed from outside is a model. */
export class ManagedMember implements Member {
  readonly #surroundings: Surroundings
  readonly #clock: ProcessClock
  readonly #connection: StoreConnection | undefined
  readonly #manager: TokenManager
  #dead = false

  constructor(surroundings: Surroundings, clock: ProcessClock, connection?: StoreConnection) {
    this.#surroundings = surroundings
    this.#clock = clock
    this.#connection = connection
    this.#manager = new TokenManager({
      tokenEndpoint: 'https://auth.example.com/oauth2/token',
      clientId: 'orders',
      clientSecret: 'secret',
      clientAuthentication: 'client_secret_post',
      transport: this.#request as typeof fetch,
      // So that calls which find a valid token need not be played: with ten a second it comes to the same.
      keepWarm: true,
      clock,
      store: connection,
    })
  }

  start(): void {
    this.#surroundings.callers.next(0, this.#call)
  }

  kill(): void {
    this.#dead = true
    this.#clock.kill()
    this.#connection?.kill()
  }

  token(): string | undefined {
    return this.#manager.inspect({}).token?.fingerprint as string | undefined
  }

  readonly #call = (): void => {
    if (!this.#dead) void this.#play()
  }

  async #play(): Promise<void> {
    const { time, callers } = this.#surroundings
    const began = time.nowMs
    try {
      const token = await this.#manager.getToken()
      callers.over(began, true)
      callers.next(token.expiredAfterMs - elapsedMs(token.requestedAt, this.#clock), this.#call)
    } catch {
      callers.over(began, false)
      callers.next(0, this.#call)
    }
  }

  readonly #request = (): Promise<unknown> => {
    const { server, onRequest } = this.#surroundings
    return new Promise((resolve) => {
      server.ask((token) => {
        if (!this.#dead) resolve(answer(token))
      })
      onRequest(this)
    })
  }
}

function answer(token: string | undefined): unknown {
  const headers = { forEach() {} }
  if (token === undefined) return { status: 503, headers, body: '' }
  const body = { access_token: token, token_type: 'Bearer', expires_in: LIFETIME_MS / 1000 }
  return { status: 200, headers, body: JSON.stringify(body) }
}

// As early as a `TokenManager` stops using a token.
const MARGIN_MS = 10_000

/** A process that caches its token and requests another for every call that finds it expired: fifty lines that many have. */
export class NaiveMember implements Member {
  readonly #surroundings: Surroundings
  #untilMs = 0
  #tokens = 0
  #dead = false

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  start(): void {
    this.#surroundings.callers.next(0, this.#call)
  }

  kill(): void {
    this.#dead = true
  }

  token(): string {
    return `token ${this.#tokens}`
  }

  readonly #call = (): void => {
    if (this.#dead) return
    const { time, server, callers, onRequest } = this.#surroundings
    const began = time.nowMs
    if (this.#untilMs > began) {
      callers.next(this.#untilMs - began, this.#call)
      return
    }
    server.ask((text) => {
      if (this.#dead) return
      // Of those that were requested at the same time it keeps the last, and that is one token more, not several.
      if (text !== undefined && began >= this.#untilMs) this.#tokens += 1
      if (text !== undefined) this.#untilMs = began + LIFETIME_MS - MARGIN_MS
      callers.over(began, text !== undefined, 0)
    })
    onRequest(this)
    const { outage } = server
    if (outage !== undefined && server.isAway) {
      callers.storm(server.requests, outage.toMs)
      callers.next(outage.toMs - began, this.#call)
    } else {
      callers.next(0, this.#call)
    }
  }
}
