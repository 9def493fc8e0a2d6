import { Agent } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import axios, { type AxiosInstance } from 'axios'
import { type Clock, type TokenEvents, TokenManager, type TokenSource } from 'evertoken'
import { attachTokenManager } from 'evertoken/axios'
import { type AuthorizationServer, type RegisteredClient, startAuthorizationServer } from './authorization-server.ts'
import { type Claim, checkClaims, type PhaseName, SLOW_MS } from './claims.ts'
import { Load } from './load.ts'
import { type OrdersApi, startOrdersApi } from './orders-api.ts'
import { callApi, showToken } from './plain.ts'
import { checklist, type Output, showProgress, table } from './report.ts'
import { SteadyClock } from './steady-clock.ts'

/** How much of the rehearsal is played. */
export interface Plan {
  /** How many requests are sent at once in the cold start. */
  readonly atOnce: number
  readonly requestsPerSecond: number
  /** What follows the cold start. */
  readonly phases: readonly Exclude<PhaseName, 'cold start'>[]
}

/** Everything, in about 20 seconds. */
export const FULL_PLAN: Plan = {
  atOnce: 1000,
  requestsPerSecond: 150,
  phases: ['rotations', 'slow', 'outage', 'revocation'],
}

const LIFETIME_SECONDS = 5
const JOB: RegisteredClient = {
  clientId: 'orders-report',
  clientSecret: 'a-secret-for-this-rehearsal',
  scope: 'orders.read',
}
const API: RegisteredClient = { clientId: 'orders-api', clientSecret: 'the-secret-of-the-api' }

/**
 * Plays what happens to a service in a bad week, against a certified authorization server and an API that validates
 * every token, both on this machine; says what was claimed and whether it held.
 */
export async function rehearse(out: Output, plan: Plan): Promise<readonly Claim[]> {
  const clock = new SteadyClock()
  const server = await startAuthorizationServer([JOB, API], LIFETIME_SECONDS, clock)
  const orders = await startOrdersApi(server.introspectionEndpoint, API, clock)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  try {
    await plainPart(out, newManager(server, clock), orders, agent)
    const tokens = newManager(server, clock)
    const load = new Load(newClient(orders, agent, tokens), tokens, clock, () => server.tokenRequests)
    await play(out, plan, new Stage(server, tokens, load, clock))
    const claims = checkClaims(load.phases)
    out.write(`${table(load.phases)}\n${checklist(claims)}`)
    return claims
  } finally {
    clock.stop()
    agent.destroy()
    await Promise.all([server.close(), orders.close()])
  }
}

async function plainPart(out: Output, tokens: TokenManager, orders: OrdersApi, agent: Agent): Promise<void> {
  await showToken(out, tokens)
  await callApi(out, newClient(orders, agent, tokens), '/orders')
}

function newManager(server: AuthorizationServer, clock: Clock): TokenManager {
  return new TokenManager({
    clock,
    issuer: server.issuer,
    allowInsecureLoopback: true,
    clientId: JOB.clientId,
    clientSecret: JOB.clientSecret,
    scope: JOB.scope,
  })
}

function newClient(orders: OrdersApi, agent: Agent, tokens: TokenManager): AxiosInstance {
  const api = axios.create({ baseURL: orders.origin, httpAgent: agent })
  attachTokenManager(api, tokens)
  return api
}

async function play(out: Output, plan: Plan, stage: Stage): Promise<void> {
  const { load } = stage
  const endProgress = showProgress(out, load, stage.source, stage.clock)
  try {
    await load.phase('cold start', () => load.burst(plan.atOnce))
    void load.start(plan.requestsPerSecond)
    for (const name of plan.phases) await load.phase(name, () => SCENES[name](stage))
  } finally {
    await load.stop()
    endProgress()
  }
}

/** What a scene may touch. */
class Stage {
  readonly server: AuthorizationServer
  readonly load: Load
  readonly source: TokenSource
  readonly clock: Clock
  readonly #tokens: TokenManager

  constructor(server: AuthorizationServer, tokens: TokenManager, load: Load, clock: Clock) {
    this.clock = clock
    this.server = server
    this.load = load
    this.source = tokens.source()
    this.#tokens = tokens
  }

  /** Waits for the next new token. */
  async rotation(): Promise<void> {
    await this.next('tokenReceived')
    // The event comes when the token arrives, just before it is put in place of the old one.
    await nextTurn()
  }

  /** Waits until this happens once more. */
  async next(event: keyof TokenEvents): Promise<void> {
    const done = new AbortController()
    const off = this.#tokens.on(event, () => done.abort('it happened'))
    const isTooLate = await this.clock.sleep(2 * LIFETIME_SECONDS * 1000, done.signal).then(
      () => true,
      () => false,
    )
    off()
    if (isTooLate) throw new Error(`no ${event} came`)
  }

  /** Waits until the current token has lived for this share of its lifetime. */
  async tokenAge(share: number): Promise<void> {
    const token = this.source.peek()
    if (token === undefined) throw new Error('there is no token')
    await this.clock.sleep(token.expiresAt - this.clock.now() - (1 - share) * token.lifetimeMs)
  }
}

const SCENES: Record<Plan['phases'][number], (stage: Stage) => Promise<void>> = {
  async rotations(stage) {
    await stage.rotation()
    await stage.rotation()
  },

  async slow(stage) {
    stage.server.slowDown(SLOW_MS)
    await stage.rotation()
    stage.server.slowDown(0)
  },

  // A refresh falls due at about 60 % of the lifetime, in this outage, and is tried again after it, well before the token
  // expires.
  async outage(stage) {
    await stage.tokenAge(0.5)
    stage.server.goDown()
    await stage.next('tokenRequestFailed')
    stage.server.comeBack()
    await stage.rotation()
  },

  async revocation(stage) {
    await stage.tokenAge(0.1)
    stage.server.revokeTokens()
    await stage.rotation()
    await stage.tokenAge(0.2)
  },
}
