import { boundTo, CLIENTS } from './clients.ts'
import { type FleetListener, SoakedWorker } from './fleet.ts'
import { type Judgement, judge } from './oracle.ts'
import { pause } from './pause.ts'
import { INSTANT, type PlannedFault, schedule } from './schedule.ts'
import { SECRET_MARK, Stage, type TokenRequestCounts } from './stage.ts'
import { watchStalls } from './stalls.ts'
import type { ClockJump, Holding, Loss, Span, Timeline, WorkerLife } from './timeline.ts'
import type { WorkerFailure, WorkerReport } from './worker-messages.ts'

/** What to do, and for how long. */
export interface SoakPlan {
  readonly seed: number
  readonly seconds: number
  readonly workers: number
  /** Requests of each worker. */
  readonly perSecond: number
  readonly plantMistake: boolean
}

/** A failed request, and whether it had to fail. */
export interface JudgedFailure {
  readonly failure: WorkerFailure
  readonly worker: number
  readonly judgement: Judgement
}

/** The heap of a worker after a collection of garbage. */
export interface HeapSample {
  readonly worker: number
  readonly at: number
  readonly bytes: number
}

/** Everything that a soak showed. */
export interface SoakOutcome {
  readonly plan: SoakPlan
  readonly timeline: Timeline
  readonly faults: readonly PlannedFault[]
  readonly succeeded: number
  readonly leftOut: number
  readonly failures: readonly JudgedFailure[]
  readonly tokenRequests: TokenRequestCounts
  readonly heaps: readonly HeapSample[]
  readonly longestWithTokenMs: number
  readonly longestWithoutTokenMs: number
  /** Unhandled rejections, processes that do not end, secrets that show. */
  readonly troubles: readonly string[]
}

const MOST_SHOWN = 2000
// Tokens of the test server, keys, and all that contains a client's secret.
const PRIVATE = new RegExp(`${SECRET_MARK}|PRIVATE KEY|token-\\d+-[\\w-]{8}`)

/** One run: a fleet of processes, what goes wrong, and all that comes of it. */
class Soak implements FleetListener {
  readonly #plan: SoakPlan
  readonly #stage: Stage
  readonly #signal: AbortSignal
  readonly #workers = new Map<number, SoakedWorker>()
  readonly #lives: SoakedWorker[] = []
  readonly #holdings: Holding[] = []
  readonly #jumps: ClockJump[] = []
  readonly #revocations: number[] = []
  readonly #losses: Loss[] = []
  readonly #nonces: Record<'apiNonces' | 'tokenNonces', number[]> = { apiNonces: [], tokenNonces: [] }
  readonly #spans: Record<'withoutTokens' | 'withoutStore' | 'wrongRejections', { from: number; to: number }[]> = {
    withoutTokens: [],
    withoutStore: [],
    wrongRejections: [],
  }
  readonly #failures: {
    readonly failure: WorkerFailure
    readonly worker: number
    readonly meetings: ReturnType<Stage['meetingsOf']>
  }[] = []
  readonly #heaps: HeapSample[] = []
  readonly #stalls: Span[] = []
  readonly #troubles = new Set<string>()
  readonly #totals = { succeeded: 0, leftOut: 0, longestWithTokenMs: 0, longestWithoutTokenMs: 0 }
  #isOver = false

  constructor(plan: SoakPlan, stage: Stage, signal: AbortSignal) {
    this.#plan = plan
    this.#stage = stage
    this.#signal = signal
  }

  async run(): Promise<SoakOutcome> {
    const { seed, seconds, workers } = this.#plan
    const faults = schedule(seed, seconds * 1000, workers)
    const begun = Date.now()
    const unwatch = watchStalls((stall) => this.onStall(stall))
    try {
      for (let place = 0; place < workers; place++) this.#startWorker(place)
      await Promise.all(this.#lives.map(({ ready }) => ready))
      const from = Date.now()
      const until = from + seconds * 1000
      await Promise.all([pause(until - Date.now(), this.#signal), ...faults.map((fault) => this.#inflict(fault, from))])
      this.#isOver = true
      await Promise.all([...this.#workers.values()].map((worker) => this.#finish(worker)))
    } finally {
      unwatch()
      await Promise.all(this.#lives.filter(({ endedAt }) => endedAt === undefined).map((worker) => worker.kill()))
    }
    return this.#outcome(faults, { from: begun, to: Date.now() })
  }

  onReport(worker: number, { succeeded, leftOut, failures, holdings, heapBytes, ...longest }: WorkerReport): void {
    const totals = this.#totals
    totals.succeeded += succeeded
    totals.leftOut += leftOut
    totals.longestWithTokenMs = Math.max(totals.longestWithTokenMs, longest.longestWithTokenMs)
    totals.longestWithoutTokenMs = Math.max(totals.longestWithoutTokenMs, longest.longestWithoutTokenMs)
    for (const holding of holdings) this.#holdings.push({ ...holding, worker })
    if (heapBytes !== undefined) this.#heaps.push({ worker, at: Date.now(), bytes: heapBytes })
    for (const { printed, ...failure } of failures) {
      this.#search(printed)
      this.#failures.push({
        failure: { ...failure, printed: '' },
        worker,
        meetings: this.#stage.meetingsOf(failure.request),
      })
    }
  }

  onStall(stall: Span): void {
    this.#stalls.push(stall)
  }

  onTrouble(worker: number, what: string): void {
    this.#troubles.add(`worker ${worker}: ${what}`)
  }

  onOutput(text: string): void {
    this.#search(text)
    if (!PRIVATE.test(text)) this.#troubles.add(`a worker printed: ${text.slice(0, MOST_SHOWN)}`)
  }

  #search(text: string): void {
    if (PRIVATE.test(text)) this.#troubles.add('a secret or a token was printed')
  }

  #startWorker(place: number): void {
    const { perSecond, plantMistake } = this.#plan
    const start = { ...this.#stage.forWorkers, id: this.#lives.length, perSecond, plantMistake }
    const worker = new SoakedWorker(start, place, this)
    this.#lives.push(worker)
    this.#workers.set(place, worker)
  }

  async #finish(worker: SoakedWorker): Promise<void> {
    const problem = await worker.finish()
    if (problem !== undefined) this.onTrouble(worker.id, problem)
  }

  async #inflict(fault: PlannedFault, from: number): Promise<void> {
    const { place, kind, forMs } = fault
    await pause(from + fault.atMs - Date.now(), this.#signal)
    const span = { from: Date.now(), to: Number.POSITIVE_INFINITY }
    if (place === 'certificate' || place === 'nonce') return this.#renew(kind, span.from)
    if (place === 'token endpoint' && kind !== 'latency') this.#spans.withoutTokens.push(span)
    if (place === 'store') this.#spans.withoutStore.push(span)
    if (kind === '401 for valid tokens') this.#spans.wrongRejections.push(span)
    if (kind === 'all tokens revoked') this.#revocations.push(span.from)
    if ((kind === 'killed' && place === 'store') || kind === 'emptied') this.#losses.push({ at: span.from })
    const end = await this.#begin(fault)
    try {
      await pause(INSTANT.includes(kind) ? 0 : forMs, this.#signal)
    } finally {
      await end()
      span.to = Date.now()
    }
  }

  async #begin(fault: PlannedFault): Promise<() => unknown> {
    const { place, kind, degree } = fault
    const worker = this.#workers.get(fault.worker)
    if (place === 'worker') {
      await worker?.kill()
      return () => this.#isOver || this.#signal.aborted || this.#startWorker(fault.worker)
    }
    if (place !== 'clock') return await this.#stage.begin(fault)
    const byMs = (kind === 'ahead' ? 1 : -1) * (5000 + degree * 115_000)
    const jump = (ms: number) => {
      if (worker === undefined) return
      worker.jump(ms)
      this.#jumps.push({ worker: worker.id, at: Date.now(), byMs: ms })
    }
    jump(byMs)
    return () => jump(-byMs)
  }

  /** What has to be followed, and is no fault. */
  #renew(kind: string, at: number): void {
    if (kind === 'renewed') {
      const certificate = this.#stage.renewCertificate()
      for (const worker of this.#workers.values()) worker.renew(certificate)
      this.#losses.push(...boundTo('certificate').map((client) => ({ at, client })))
    } else if (kind === 'new at the API') {
      this.#stage.renewNonce('api')
      this.#nonces.apiNonces.push(at)
    } else {
      this.#stage.renewNonce('token endpoint')
      this.#nonces.tokenNonces.push(at)
    }
  }

  #outcome(faults: readonly PlannedFault[], { from, to }: Span): SoakOutcome {
    const lives = this.#lives.map(
      ({ id, place, readyAt = to, endedAt = to }): WorkerLife => ({ id, place, from: readyAt, to: endedAt }),
    )
    const lifetimes = Object.fromEntries(Object.entries(CLIENTS).map(([name, { lifetimeMs }]) => [name, lifetimeMs]))
    const timeline: Timeline = {
      ...{ from, to, lives, lifetimes, holdings: this.#holdings, jumps: this.#jumps, stalls: this.#stalls },
      ...{ revocations: this.#revocations, losses: this.#losses, ...this.#spans, ...this.#nonces },
    }
    const failures = this.#failures.map(({ failure, worker, meetings }): JudgedFailure => {
      return { failure, worker, judgement: judge({ ...failure, worker, meetings }, timeline) }
    })
    return {
      ...{ plan: this.#plan, timeline, faults, failures, heaps: this.#heaps, troubles: [...this.#troubles] },
      ...{ ...this.#totals, tokenRequests: this.#stage.tokenRequests },
    }
  }
}

/** Soaks a fleet. Whatever comes, all that it started has ended when this settles. @throws the signal's reason */
export async function soak(plan: SoakPlan, signal: AbortSignal): Promise<SoakOutcome> {
  await using stage = await Stage.set(plan.seed)
  return await new Soak(plan, stage, signal).run()
}
