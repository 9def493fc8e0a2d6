import { TokenManager, type TokenManagerOptions, type TokenRequest } from '../token-manager.ts'
import type { Scenario, ScenarioCall, ScenarioExpectation, ScenarioStep, ScenarioTarget } from './scenario.ts'
import { callsDiffer, countDiffers, difference, matches, type Outcome } from './scenario-outcome.ts'
import { ScenarioServer } from './scenario-server.ts'
import { milliseconds, type TimetableEntry, timetable } from './scenario-timetable.ts'
import { VirtualClock } from './virtual-clock.ts'

/** As much of a `TokenManager` as scenarios use. */
export type ScenarioManager = Pick<
  TokenManager<string>,
  'getToken' | 'invalidate' | 'inspect' | 'on' | 'ready' | 'removeClient' | 'close'
>

/**
 * Runs one scenario on a virtual clock, with a token endpoint in the same process; nothing waits in real time.
 * @param createManager makes what is tested. Default: a `TokenManager`
 * @throws Error that names the scenario and the step, with what was expected and what was seen
 */
export async function runScenario(
  scenario: Scenario,
  createManager: (options: TokenManagerOptions<string>) => ScenarioManager = (options) => new TokenManager(options),
): Promise<void> {
  let place = 'the scenario'
  try {
    const entries = timetable(scenario)
    const run = new ScenarioRun(scenario, createManager)
    for (const entry of entries) {
      place = entry.place
      await run.do(entry)
    }
    place = 'the end'
    run.finish()
  } catch (cause) {
    throw new Error(`Scenario "${scenario.name}", ${place}:\n${(cause as Error).message}`, { cause })
  }
}

class ScenarioRun {
  readonly #startMs: number
  readonly #clock: VirtualClock
  readonly #server: ScenarioServer
  readonly #manager: ScenarioManager
  readonly #calls = new Map<string, { outcome: Outcome }[]>()
  readonly #signals = new Map<string, AbortController>()
  readonly #unchecked = new Set<string>()
  #heard: Record<string, unknown>[] = []
  #random: number
  #secret = 'secret-1'
  #secretReads = 0

  constructor(scenario: Scenario, createManager: (options: TokenManagerOptions<string>) => ScenarioManager) {
    this.#random = scenario.random ?? 0
    this.#clock = new VirtualClock({ random: () => this.#random })
    this.#startMs = this.#clock.monotonicNow()
    this.#server = new ScenarioServer(this.#clock)
    this.#manager = createManager(this.#options(scenario))
    for (const name of scenario.listen ?? []) {
      this.#manager.on(name, (event) => this.#heard.push({ ...event, event: name }))
    }
    // Only calls that are aborted have a signal: most callers have none.
    for (const { abort } of scenario.steps) if (abort !== undefined) this.#signals.set(abort, new AbortController())
  }

  async do({ step, atMs, repetitions }: TimetableEntry): Promise<void> {
    await this.#clock.advance(this.#startMs + atMs - this.#clock.monotonicNow())
    for (const number of repetitions) this.#act(step, number)
    await this.#clock.settle()
    const differences = this.#differences(step.expect ?? {})
    if (differences.length > 0) throw new Error(differences.join('\n'))
  }

  finish(): void {
    const unused = this.#server.script.length
    if (unused > 0) throw new Error(`${unused} scripted answers were not asked for`)
    if (this.#unchecked.size > 0) throw new Error(`nothing is expected of the calls ${[...this.#unchecked].join(', ')}`)
  }

  #options({ options, clients, secretIsSupplied }: Scenario): TokenManagerOptions<string> {
    const client = {
      tokenEndpoint: 'https://as.example/oauth2/token',
      clientId: 'orders',
      clientSecret: secretIsSupplied ? this.#supplySecret : this.#secret,
      clientAuthentication: 'client_secret_post' as const,
      transport: this.#server.fetch,
      ...options,
    }
    if (clients === undefined) return { clock: this.#clock, ...client }
    const byName = Object.entries(clients).map(([name, own]) => [name, { ...client, clientId: name, ...own }])
    return { clock: this.#clock, clients: Object.fromEntries(byName) }
  }

  readonly #supplySecret = (): string => {
    this.#secretReads += 1
    return this.#secret
  }

  #act(step: ScenarioStep, number: number): void {
    if (number === 1) this.#set(step)
    if (step.invalidate) this.#manager.invalidate(target(step.invalidate, number), step.invalidate.token)
    if (step.call) this.#call(step.call, number)
    if (step.ready) this.#follow(step.ready.as, this.#manager.ready({ timeoutMs: step.ready.timeoutMs }))
    if (step.removeClient) this.#manager.removeClient(step.removeClient)
    if (step.close) this.#follow(step.close.as, this.#manager.close())
  }

  // What goes on around the manager; it does not happen again when the step is repeated.
  #set({ answer = [], answerAll, random, secret, moveWall = 0, suspend = 0, abort }: ScenarioStep): void {
    this.#server.script.push(...answer)
    this.#server.byDefault = answerAll ?? this.#server.byDefault
    this.#random = random ?? this.#random
    this.#secret = secret ?? this.#secret
    this.#clock.moveWall(milliseconds(moveWall))
    this.#clock.suspend(milliseconds(suspend))
    if (abort !== undefined) this.#signals.get(abort)?.abort()
  }

  #call({ as, ...wanted }: ScenarioCall, number: number): void {
    const request = { ...wanted, ...target(wanted, number), signal: this.#signals.get(as)?.signal }
    this.#follow(as, this.#manager.getToken(request))
  }

  #follow(name: string, work: Promise<{ reveal(): string } | void>): void {
    const call: { outcome: Outcome } = { outcome: 'waiting' }
    const calls = this.#calls.get(name)
    if (calls === undefined) this.#calls.set(name, [call])
    else calls.push(call)
    this.#unchecked.add(name)
    const aborted = this.#signals.get(name)?.signal
    work.then(
      (token) => (call.outcome = token?.reveal() ?? 'done'),
      (error) => (call.outcome = aborted?.aborted && error === aborted.reason ? 'aborted' : error),
    )
  }

  #differences(expected: ScenarioExpectation): string[] {
    const { calls = {}, requests, requestsAt, lastRequest, secretReads, state, events } = expected
    const arrived = this.#server.requests
    const differences = Object.entries(calls).map(([name, outcome]) => {
      this.#unchecked.delete(name)
      const outcomes = this.#calls.get(name)?.map((call) => call.outcome) ?? []
      return callsDiffer(name, outcome, outcomes)
    })
    const compare = (what: string, wanted: unknown, got: unknown) => {
      if (wanted !== undefined && !matches(wanted, got)) differences.push(difference(what, wanted, got))
    }
    differences.push(
      countDiffers('requests', requests, arrived.length),
      countDiffers('secretReads', secretReads, this.#secretReads),
    )
    const arrivedAt = arrived.map(({ at }) => Math.round(at - this.#startMs))
    compare('requestsAt', requestsAt?.map(milliseconds), arrivedAt)
    compare('lastRequest', lastRequest, Object.fromEntries(arrived.at(-1)?.form ?? []))
    if (state) compare('state', state, this.#manager.inspect()[0]?.state)
    if (events) {
      compare('events', events, this.#heard)
      this.#heard = []
    }
    return differences.filter((text) => text !== '')
  }
}

function target({ client, scope }: ScenarioTarget, number: number): TokenRequest<string> & { client: string } {
  const request = { client, scope: scope?.replace('#', String(number)) }
  // Without a client in a manager of one; the type is that of a manager of several.
  return request as typeof request & { client: string }
}
