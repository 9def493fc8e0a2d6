import { PerSecond } from './per-second.ts'
import type { Random } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A stretch of virtual time. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** What every token of the model lives. */
export const LIFETIME_MS = 3_600_000

/** The median and the spread (of the logarithm) of how long a token request takes. */
const LATENCY = { medianMs: 100, spread: 0.5 } as const

// The length of a signed JWT with a few claims.
const TOKEN_LENGTH = 1200

/**
 * The token endpoint as its clients see it: it answers after a while, or during an outage with status 503.
 *
 * It never gets slower, however many requests arrive: what it is asked for is what is to be found out.
 */
export class AuthorizationServer {
  readonly requests: PerSecond = new PerSecond()
  readonly outage: Span | undefined
  readonly #time: VirtualTime
  readonly #random: Random
  #issued = 0

  constructor(time: VirtualTime, random: Random, outage: Span | undefined) {
    this.#time = time
    this.#random = random
    this.outage = outage
  }

  get isAway(): boolean {
    const { nowMs } = this.#time
    return this.outage !== undefined && nowMs >= this.outage.fromMs && nowMs < this.outage.toMs
  }

  /** Asks for a token. `answer` gets it, or nothing if the server is away. */
  ask(answer: (token: string | undefined) => void): void {
    this.requests.count(this.#time.nowMs)
    const token = this.isAway ? undefined : this.#issue()
    this.#time.after(this.#random.logNormal(LATENCY.medianMs, LATENCY.spread), () => answer(token))
  }

  #issue(): string {
    this.#issued += 1
    return `token-${this.#issued}-`.padEnd(TOKEN_LENGTH, 'x')
  }
}
