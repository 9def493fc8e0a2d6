import { AuthorizationServer } from './authorization-server.ts'
import { Callers } from './callers.ts'
import { ManagedMember, type Member, NaiveMember, type Surroundings } from './member.ts'
import { ProcessClock } from './process-clock.ts'
import { Random } from './random.ts'
import { SCENARIOS, type Scenario, type ScenarioName, type Variant } from './scenarios.ts'
import { StoreConnection, StoreModel } from './store-model.ts'
import { VirtualTime } from './virtual-time.ts'

/** Which fleet is to be simulated. */
export interface FleetPlan {
  readonly variant: Variant
  readonly scenario: ScenarioName
  readonly processes: number
  readonly seed: number
}

/** What came of it. `settled`: without the beginning, in which all processes start. */
export interface FleetOutcome extends FleetPlan {
  readonly requests: number
  readonly requestsSettled: number
  /** In any one second. */
  readonly peak: number
  readonly peakSettled: number
  /** How often a process took on another token since the fleet is settled, on average. */
  readonly rotations: number
  /** From one token to the next, on average; zero if no process had two in that time. */
  readonly rotationMs: number
  readonly failedCalls: number
  /** Calls that had to wait since the fleet is settled. */
  readonly waitingCalls: number
  readonly longestWaitMs: number
  readonly store?: StoreOutcome | undefined
}

export interface StoreOutcome {
  readonly calls: number
  readonly callsSettled: number
  readonly peak: number
  readonly peakSettled: number
  readonly bytesSettled: number
  readonly bytesAtRest: number
}

// How far the clocks of the hosts are apart, in either direction.
const CLOCK_DIFFERENCE_MS = 2000
const RESTART_MS = 5000
// Two kills are further apart, so that there is one in each rotation.
const ROTATION_MS = 20 * 60_000
// How many processes are looked at to count rotations, and how often.
const SAMPLE = 1000
const LOOK_EVERY_MS = 30_000

/** Simulates one fleet. The same plan gives the same outcome, on any machine. */
export async function simulateFleet(plan: FleetPlan): Promise<FleetOutcome> {
  return await new Fleet(plan).run()
}

class Fleet {
  readonly #plan: FleetPlan
  readonly #scenario: Scenario
  readonly #time = new VirtualTime()
  readonly #store: StoreModel | undefined
  readonly #surroundings: Surroundings
  readonly #random: Random
  #members = 0
  readonly #watched: Watched[] = []
  #killedAtMs = Number.NEGATIVE_INFINITY

  constructor(plan: FleetPlan) {
    const time = this.#time
    this.#plan = plan
    this.#scenario = SCENARIOS[plan.scenario]
    const { outage, storeOutage } = this.#scenario
    this.#random = new Random(plan.seed, -1)
    const server = new AuthorizationServer(time, new Random(plan.seed, -2), outage)
    const callers = new Callers(time, new Random(plan.seed, -3))
    this.#surroundings = { time, server, callers, onRequest: (member) => this.#mayKill(member) }
    if (plan.variant !== 'lease') return
    this.#store = new StoreModel(time, new ProcessClock(time, 0, undefined), new Random(plan.seed, -4), storeOutage)
  }

  async run(): Promise<FleetOutcome> {
    const { processes } = this.#plan
    const { startsWithinMs, settledMs, endMs } = this.#scenario
    for (let at = 0; at < processes; at++) this.#startOne(this.#random.next() * startsWithinMs, at < SAMPLE)
    await this.#time.run(settledMs)
    await this.#time.run(endMs)
    return this.#outcome()
  }

  #startOne(afterMs: number, isSampled = false): void {
    this.#time.after(afterMs, () => {
      const member = this.#member()
      member.start()
      if (!isSampled) return
      this.#time.after(this.#scenario.settledMs - afterMs, () => {
        const watched = { member, token: member.token(), changes: 0, firstMs: 0, lastMs: 0 }
        this.#watched.push(watched)
        this.#keepLooking(watched)
      })
    })
  }

  #member(): Member {
    const { variant, seed } = this.#plan
    if (variant === 'naive') return new NaiveMember(this.#surroundings)
    const stream = this.#members++
    const offsetMs = (this.#random.next() * 2 - 1) * CLOCK_DIFFERENCE_MS
    const chance = variant === 'flight' ? undefined : new Random(seed, stream)
    const connection = this.#store && new StoreConnection(this.#store)
    return new ManagedMember(this.#surroundings, new ProcessClock(this.#time, offsetMs, chance), connection)
  }

  #keepLooking(watched: Watched): void {
    look(watched, this.#time.nowMs)
    this.#time.after(LOOK_EVERY_MS, () => this.#keepLooking(watched))
  }

  #mayKill(member: Member): void {
    const { nowMs } = this.#time
    if (!this.#scenario.holdersDie || nowMs < this.#killedAtMs + ROTATION_MS) return
    this.#killedAtMs = nowMs
    member.kill()
    this.#startOne(RESTART_MS)
  }

  #outcome(): FleetOutcome {
    const { server, callers } = this.#surroundings
    const { settledMs } = this.#scenario
    const store = this.#store
    for (const watched of this.#watched) look(watched, this.#time.nowMs)
    const stormed = server.requests.draw(this.#random)
    return {
      ...this.#plan,
      requests: server.requests.sum(),
      requestsSettled: server.requests.sum(settledMs),
      peak: server.requests.peak(),
      peakSettled: server.requests.peak(settledMs),
      ...rotations(this.#watched),
      failedCalls: callers.failed.sum() + stormed,
      waitingCalls: callers.waited.sum(settledMs),
      longestWaitMs: callers.longestWaitMs,
      store: store && {
        calls: store.calls.sum(),
        callsSettled: store.calls.sum(settledMs),
        peak: store.calls.peak(),
        peakSettled: store.calls.peak(settledMs),
        bytesSettled: store.bytes.sum(settledMs),
        bytesAtRest: store.atRest,
      },
    }
  }
}

/** The tokens of one process, as seen from time to time. */
interface Watched {
  readonly member: Member
  token: string | undefined
  changes: number
  firstMs: number
  lastMs: number
}

function look(watched: Watched, nowMs: number): void {
  const token = watched.member.token()
  if (token === watched.token) return
  watched.token = token
  watched.changes += 1
  watched.lastMs = nowMs
  if (watched.changes === 1) watched.firstMs = nowMs
}

function rotations(watched: readonly Watched[]): Pick<FleetOutcome, 'rotations' | 'rotationMs'> {
  const sum = (of: (one: Watched) => number) => watched.reduce((total, one) => total + of(one), 0)
  const intervals = sum(({ changes }) => Math.max(0, changes - 1))
  return {
    rotations: sum(({ changes }) => changes) / watched.length,
    rotationMs: intervals === 0 ? 0 : sum(({ firstMs, lastMs }) => lastMs - firstMs) / intervals,
  }
}
