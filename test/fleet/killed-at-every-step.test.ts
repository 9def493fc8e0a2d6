import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import type { MemoryTokenStore } from '../../src/store/memory-store.ts'
import type { TokenStore } from '../../src/store/token-store.ts'
import { TokenManager } from '../../src/token-manager.ts'
import type { FetchLike } from '../../src/transport.ts'
import { Fleet } from '../support/fleet.ts'
import { clientOf } from '../support/managed.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** A process that stands still after so many steps; a step is to send something, or to see what came back. */
class Life {
  taken = 0
  /** When it took its last step. */
  lastAt = 0
  readonly #time: Clock
  #mostSteps = Number.POSITIVE_INFINITY
  #wake = () => {}
  #isAwake = Promise.resolve()

  constructor(time: Clock) {
    this.#time = time
  }

  /** From now on it takes so many steps. */
  stopAfter(steps: number): void {
    this.taken = 0
    this.lastAt = this.#time.monotonicNow()
    this.#mostSteps = steps
    this.#isAwake = new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  resume(): void {
    this.#mostSteps = Number.POSITIVE_INFINITY
    this.#wake()
  }

  async step(): Promise<void> {
    await this.awake()
    this.taken += 1
    this.lastAt = this.#time.monotonicNow()
  }

  async awake(): Promise<void> {
    if (this.taken >= this.#mostSteps) await this.#isAwake
  }

  clock(): Clock {
    const clock = this.#time
    const sleep: Clock['sleep'] = async (...how) => {
      await clock.sleep(...how)
      await this.awake()
    }
    return { now: () => clock.now(), monotonicNow: () => clock.monotonicNow(), random: () => clock.random(), sleep }
  }

  fetch(fetch: FetchLike): FetchLike {
    return (...request) => this.#pass(() => fetch(...request))
  }

  store(store: MemoryTokenStore): TokenStore {
    return {
      encryption: store.encryption,
      get: (...asked) => this.#pass(() => store.get(...asked)),
      getOrLease: (...asked) => this.#pass(() => store.getOrLease(...asked)),
      renew: (...asked) => this.#pass(() => store.renew(...asked)),
      set: (...asked) => this.#pass(() => store.set(...asked)),
      delete: (...asked) => this.#pass(() => store.delete(...asked)),
    }
  }

  async #pass<T>(work: () => Promise<T>): Promise<T> {
    await this.step()
    const result = await work()
    await this.step()
    return result
  }
}

interface Situation {
  readonly name: string
  /** What comes before; all have a token then, if there is one. */
  readonly before: (all: Processes) => Promise<void>
  /** What each process then wants. Default: a token. */
  readonly want?: (tokens: TokenManager) => Promise<string>
  readonly answerMs?: number
  readonly encryptionKeys?: readonly Buffer[]
}

class Processes {
  readonly fleet = new Fleet()
  readonly life = new Life(this.fleet.clock)
  readonly mortal: TokenManager
  readonly others: readonly TokenManager[]
  readonly #keys: readonly Buffer[] | undefined

  constructor({ encryptionKeys, answerMs = 100 }: Situation) {
    const { server } = this.fleet
    this.#keys = encryptionKeys
    server.byDefault = { afterMs: answerMs }
    const store = this.#connect()
    const client = clientOf(server, { transport: this.life.fetch(server.fetch) })
    this.mortal = new TokenManager({ clock: this.life.clock(), ...client, store: this.life.store(store) })
    this.others = Array.from({ length: 4 }, () => this.join())
  }

  join(): TokenManager {
    const { clock, server } = this.fleet
    return new TokenManager({ clock, ...clientOf(server), store: this.#connect() })
  }

  async allHaveAToken(): Promise<void> {
    const all = Promise.all([this.mortal, ...this.others].map((tokens) => tokens.getToken()))
    await this.fleet.clock.advance(5 * SECOND)
    await all
  }

  #connect() {
    const { store } = this.fleet
    const connection = store.connect(this.#keys && { encryptionKeys: this.#keys })
    return Object.assign(connection, { latencyMs: 1 })
  }
}

const SITUATIONS: readonly Situation[] = [
  { name: 'with no token anywhere', before: async () => {} },
  { name: 'with no token anywhere, and a slow server', before: async () => {}, answerMs: 4000 },
  { name: 'while encryption keys change', before: async () => {}, encryptionKeys: [randomBytes(32), randomBytes(32)] },
  {
    name: 'when the token is over',
    async before(all) {
      await all.allHaveAToken()
      await all.fleet.clock.advance(61 * MINUTE)
    },
  },
  {
    name: 'when the token was rejected',
    async before(all) {
      await all.allHaveAToken()
      await all.fleet.clock.advance(MINUTE)
      for (const tokens of [all.mortal, ...all.others]) tokens.invalidate({}, 'token-1')
    },
  },
  {
    name: 'when the token must be valid for longer',
    async before(all) {
      await all.allHaveAToken()
      await all.fleet.clock.advance(30 * MINUTE)
    },
    want: async (tokens) => (await tokens.getToken({ minValidityMs: 40 * MINUTE })).reveal(),
  },
]

const number = (token: string) => Number(token.slice('token-'.length))

/** Stops the first process after so many steps, and lets it go on later, or not. Returns how many it took. */
async function stopAfter(steps: number, situation: Situation, isResumed: boolean): Promise<number> {
  const all = new Processes(situation)
  const { fleet, life, mortal, others } = all
  const { clock, server } = fleet
  const { want = (tokens: TokenManager) => tokens.getAccessToken() } = situation
  await situation.before(all)
  const issued = server.requests.length
  life.stopAfter(steps)
  const own = want(mortal).catch((error: unknown) => String(error))
  await clock.advance(3)
  const received = others.map(async (tokens) => ({ token: await want(tokens), at: clock.monotonicNow() }))
  const outcomes = Promise.all(received)
  outcomes.catch(() => {})
  await clock.advance(15 * SECOND)
  const { taken, lastAt } = life
  const where = `${situation.name}: after step ${steps}`
  const last = await outcomes
  // The killed one's own request and one more.
  expect(server.requests.length - issued, where).toBeLessThanOrEqual(2)
  // The lease lapses after 5 seconds; what comes on top is a look at the store, and the answer of the server.
  for (const { at } of last) expect(at - lastAt, where).toBeLessThan(5.5 * SECOND + (situation.answerMs ?? 100))
  const [token] = new Set(last.map((outcome) => outcome.token))
  expect(new Set(last.map((outcome) => outcome.token)), where).toEqual(new Set([token]))
  expect(number(token ?? ''), where).toBeGreaterThan(issued)

  if (isResumed) {
    life.resume()
    await clock.advance(20 * SECOND)
    // Late as it was, it has a token, or an error that says so.
    expect(await own, where).toMatch(/^token-|Error/)
  }
  const newcomer = all.join().getAccessToken()
  await clock.advance(6 * SECOND)
  expect(await newcomer, where).toBe(token)
  for (const tokens of others) expect(tokens.source().peek()?.reveal(), where).toBe(token)
  return taken
}

describe.each(SITUATIONS)('a process that requests a token for all, $name,', (situation) => {
  it.each([
    ['killed', false],
    ['stopped for a while', true],
  ])('may be %s at any step: the others have a new token within 7 s, by one request more', async (_, isResumed) => {
    const steps = await stopAfter(Number.POSITIVE_INFINITY, situation, isResumed)
    // To ask the store, to ask the server, to write: each sent and answered.
    expect(steps).toBeGreaterThanOrEqual(6)
    for (let step = 0; step < steps; step++) await stopAfter(step, situation, isResumed)
  })
})

/** The same of a refresh that nobody waits for. */
async function stopRefreshAfter(steps: number, isResumed: boolean): Promise<number> {
  const all = new Processes({ name: 'refresh due', before: async () => {} })
  const { fleet, life, mortal, others } = all
  const { clock, server } = fleet
  await all.allHaveAToken()
  await clock.advance(45 * MINUTE)
  life.stopAfter(steps)
  expect(await mortal.getAccessToken()).toBe('token-1')
  await clock.advance(3)
  const use = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      for (const tokens of others) expect(tokens.source().peek(), `after step ${steps}`).toBeDefined()
      await Promise.all(others.map((tokens) => tokens.getToken()))
      await clock.advance(SECOND)
    }
  }
  await use(60)
  const { taken } = life
  const now = () => others.map((tokens) => tokens.source().peek()?.reveal())
  const [token] = now()
  expect(now(), `after step ${steps}`).toEqual(others.map(() => token))
  expect(['token-2', 'token-3'], `after step ${steps}`).toContain(token)
  if (isResumed) life.resume()
  await use(60)
  expect(now(), `after step ${steps}`).toEqual(others.map(() => token))
  expect(server.requests.length, `after step ${steps}`).toBeLessThanOrEqual(isResumed ? 4 : 3)
  return taken
}

describe('a process that refreshes the token for all', () => {
  it.each([
    ['killed', false],
    ['stopped for a while', true],
  ])('may be %s at any step: nobody waits, and all have the next token soon', async (_, isResumed) => {
    const steps = await stopRefreshAfter(Number.POSITIVE_INFINITY, isResumed)
    expect(steps).toBeGreaterThanOrEqual(6)
    for (let step = 0; step < steps; step++) await stopRefreshAfter(step, isResumed)
  })
})
