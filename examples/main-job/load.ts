import type { AxiosInstance } from 'axios'
import type { Clock, TokenManager, TokenSource } from 'evertoken'

/** What happened in one part of the job. */
export interface PhaseResult {
  readonly name: string
  readonly sent: number
  readonly failed: number
  /** Requests that began when no usable token was at hand. */
  readonly waited: number
  /** Requests that were sent once more with a new token. */
  readonly replayed: number
  /** Token requests that reached the authorization server. */
  readonly tokenRequests: number
  /** Token requests that failed, whether they reached it or not. */
  readonly failedRefreshes: number
  /** New tokens that arrived. */
  readonly rotations: number
  readonly latenciesMs: readonly number[]
  /** How long the slowest request took, by the clock of the job. */
  readonly longestMs: number
}

type Tally = { -readonly [Name in keyof PhaseResult]: PhaseResult[Name] } & { latenciesMs: number[] }

/** Sends requests to the API and keeps a tally of each phase. A request counts for the phase it began in. */
export class Load {
  readonly phases: PhaseResult[] = []
  readonly #api: AxiosInstance
  readonly #source: TokenSource
  readonly #clock: Clock
  readonly #countTokenRequests: () => number
  readonly #underWay = new Set<Promise<void>>()
  #phase: Tally
  #isOver = false

  constructor(api: AxiosInstance, tokens: TokenManager, clock: Clock, countTokenRequests: () => number) {
    this.#api = api
    this.#clock = clock
    this.#source = tokens.source()
    this.#countTokenRequests = countTokenRequests
    this.#phase = emptyTally('')
    tokens.on('tokenReceived', () => void this.#phase.rotations++)
    tokens.on('tokenRequestFailed', () => void this.#phase.failedRefreshes++)
    tokens.on('requestReplayed', () => void this.#phase.replayed++)
  }

  /** The phase that is running. */
  get current(): PhaseResult {
    return this.#phase
  }

  /** Runs one phase and keeps its tally. */
  async phase(name: string, run: () => Promise<void>): Promise<void> {
    const before = this.#countTokenRequests()
    this.#phase = emptyTally(name)
    this.phases.push(this.#phase)
    await run()
    this.#phase.tokenRequests = this.#countTokenRequests() - before
  }

  /** Sends this many requests in one go and waits for all of them. */
  async burst(requests: number): Promise<void> {
    await Promise.all(Array.from({ length: requests }, () => this.#send()))
  }

  /** Sends requests evenly until {@link stop}, without waiting for answers. */
  async start(requestsPerSecond: number): Promise<void> {
    const everyMs = 20
    for (let owed = 0; ; ) {
      await this.#clock.sleep(everyMs)
      if (this.#isOver) return
      for (owed += (requestsPerSecond * everyMs) / 1000; owed >= 1; owed--) void this.#send()
    }
  }

  /** Sends nothing any more and waits for what is under way. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#underWay)
  }

  #send(): Promise<void> {
    const request = this.#sendAndNote().finally(() => this.#underWay.delete(request))
    this.#underWay.add(request)
    return request
  }

  async #sendAndNote(): Promise<void> {
    const phase = this.#phase
    const begin = performance.now()
    const beginMs = this.#clock.monotonicNow()
    phase.sent += 1
    if (this.#source.peek() === undefined) phase.waited += 1
    try {
      await this.#api.get('/orders')
    } catch {
      phase.failed += 1
    }
    phase.latenciesMs.push(performance.now() - begin)
    phase.longestMs = Math.max(phase.longestMs, this.#clock.monotonicNow() - beginMs)
  }
}

function emptyTally(name: string): Tally {
  const counts = { sent: 0, failed: 0, waited: 0, replayed: 0, tokenRequests: 0, failedRefreshes: 0, rotations: 0 }
  return { name, ...counts, latenciesMs: [], longestMs: 0 }
}

/** The value that this share of all values (from 0 to 1) does not exceed; 0 if there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
