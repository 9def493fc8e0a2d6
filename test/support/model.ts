import { type AccessToken, TokenError, TokenManager } from '../../src/index.ts'
import type { FetchLike } from '../../src/transport.ts'
import { fc } from './fast-check.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

/** One thing that happens to a manager. Numbers pick, modulo what there is. */
export type Step =
  | { do: 'call'; key: number; minValidityMs?: number; forceRefresh?: boolean; timeoutMs?: number }
  | { do: 'abort'; caller: number }
  | { do: 'answer'; request: number; with: Answer }
  | { do: 'advance'; ms: number }
  | { do: 'moveWall'; ms: number }
  | { do: 'suspend'; ms: number }
  | { do: 'reject'; key: number; token: number }
  | { do: 'forget'; key: number }

/** How the server answers one request. */
type Answer = { token: number } | { status: number; error?: string; retryAfter?: number } | { broken: true }

const KEYS = 3
const LIFETIMES_S = [1, 2, 5, 60, 600, 3600, 86_400, 0]

const key = fc.nat(KEYS - 1)
const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ token: fc.constantFrom(...LIFETIMES_S) }) },
  { weight: 2, arbitrary: fc.constantFrom<Answer>({ status: 503 }, { status: 429, retryAfter: 20 }, { status: 500 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Answer>(
      { status: 401, error: 'invalid_client' },
      { status: 400, error: 'invalid_scope' },
    ),
  },
  { weight: 1, arbitrary: fc.constant<Answer>({ broken: true }) },
)

/** Any step, the common ones more often. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('call' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('call' as const), key, minValidityMs: fc.constantFrom(1000, 30_000, 1e7) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('call' as const), key, forceRefresh: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('call' as const), key, timeoutMs: fc.constantFrom(10, 5000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), caller: fc.nat(50) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('answer' as const), request: fc.nat(5), with: answer }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 50, 400, 1000, 4000, 20_000, 600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('moveWall' as const),
      ms: fc.constantFrom(-3_600_000, -5000, 5000, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('suspend' as const), ms: fc.constantFrom(1000, 60_000, 7_200_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reject' as const), key, token: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), key }) },
)

interface Pending {
  readonly key: number
  settle(answer: Answer): void
}

interface Caller {
  readonly abort: AbortController
  settled: boolean
}

/** What the model knows of one key. It is simpler than the code: it only says what must never be. */
class KeyModel {
  /** Tokens received, newest last. */
  readonly tokens: AccessToken[] = []
  /** The newest token may be replaced whatever its age. */
  mayReplace = true
  /** How many requests callers may still have forced. */
  forced = 0
  /** Such a request is under way; it may begin again after a suspension. */
  forcing = false
}

/**
 * Runs steps against a real manager and checks after every one what must always hold.
 * @returns how many token requests there were
 */
export async function runAgainstModel(steps: readonly Step[], seed: number): Promise<number> {
  const world = new World(seed)
  for (const step of steps) await world.take(step)
  await world.end()
  return world.requests
}

class World {
  requests = 0
  readonly #clock: VirtualClock
  readonly #manager: TokenManager
  readonly #keys = Array.from({ length: KEYS }, () => new KeyModel())
  readonly #pending = new Set<Pending>()
  readonly #callers: Caller[] = []
  // Collected, because an error thrown inside the transport would be taken for a failed request.
  readonly #violations: string[] = []
  // The greatest age at which each token was seen: one seen to be expired stays so when a clock is set back.
  readonly #oldest = new WeakMap<AccessToken, number>()
  #issued = 0

  constructor(seed: number) {
    this.#clock = new VirtualClock({ random: seededRandom(seed) })
    this.#manager = new TokenManager({
      tokenEndpoint: 'https://auth.example.com/token',
      clientId: 'id',
      clientSecret: 'secret',
      clock: this.#clock,
      transport: this.#serve,
    })
    this.#manager.on('tokenRequested', ({ scope, reason }) => {
      const model = this.#model(scope)
      if (reason !== 'forced') return
      if (model.forced === 0 && !model.forcing) this.#violations.push('a forced request that nobody asked for')
      if (!model.forcing) model.forced -= 1
      model.forcing = true
      model.mayReplace = true
    })
    this.#manager.on('tokenReceived', ({ scope, lifetimeMs }) => {
      const model = this.#model(scope)
      model.forcing = false
      const token = this.#manager.sourceOf({ scope }).current()
      if (lifetimeMs === 0 || token === undefined) return
      model.mayReplace = false
      model.tokens.push(token)
    })
    this.#manager.on('tokenRequestFailed', ({ scope }) => {
      const model = this.#model(scope)
      model.forcing = false
      model.mayReplace = true
    })
  }

  readonly #serve: FetchLike = (_url, init) => {
    const index = Number(new URLSearchParams(init.body ?? '').get('scope')?.slice(1))
    const model = this.#keys[index] as KeyModel
    this.#mustBeAllowed(index, model)
    this.requests += 1
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        key: index,
        settle: (answer) => {
          this.#pending.delete(pending)
          if ('broken' in answer)
            reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } }))
          else resolve(this.#response(index, answer))
        },
      }
      this.#pending.add(pending)
      init.signal.addEventListener('abort', () => {
        this.#pending.delete(pending)
        reject(init.signal.reason)
      })
    })
  }

  // A request for a key that has a token is allowed only if that is due, expired, rejected, forgotten or refused by a caller.
  #mustBeAllowed(index: number, model: KeyModel): void {
    for (const { key } of this.#pending)
      if (key === index) this.#violations.push(`two token requests at once for key ${index}`)
    const newest = model.tokens.at(-1)
    if (newest === undefined || model.mayReplace) return
    if ((this.#oldest.get(newest) ?? 0) >= newest.dueAfterMs || this.#ageMs(newest) >= newest.dueAfterMs) return
    this.#violations.push(`a token request for key ${index}, whose token is fresh`)
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'call':
        this.#call(step)
        break
      case 'abort':
        this.#callers[step.caller % Math.max(1, this.#callers.length)]?.abort.abort()
        break
      case 'answer':
        ;[...this.#pending][step.request % Math.max(1, this.#pending.size)]?.settle(step.with)
        break
      case 'advance':
        await this.#clock.advance(step.ms)
        break
      case 'moveWall':
        this.#clock.moveWall(step.ms)
        break
      case 'suspend':
        this.#clock.suspend(step.ms)
        break
      case 'reject':
        this.#reject(step.key, step.token)
        break
      case 'forget':
        this.#keys[step.key]!.mayReplace = true
        // Callers after this do not join a request under way.
        this.#keys[step.key]!.forced += 1
        this.#manager.invalidate({ scope: `s${step.key}` })
    }
    await flush()
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'))
  }

  // Everyone who waits is answered: by the answers to come, or by the deadline.
  async end(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      await this.#clock.advance(16_000)
      await flush()
    }
    const waiting = this.#callers.filter((caller) => !caller.settled)
    if (waiting.length > 0) throw new Error(`${waiting.length} callers were never answered`)
  }

  #call({ key: index, minValidityMs, forceRefresh, timeoutMs }: Step & { do: 'call' }): void {
    const model = this.#keys[index] as KeyModel
    const newest = model.tokens.at(-1)
    if (newest) this.#oldest.set(newest, Math.max(this.#oldest.get(newest) ?? 0, this.#ageMs(newest)))
    const abort = new AbortController()
    const caller: Caller = { abort, settled: false }
    this.#callers.push(caller)
    if (forceRefresh) model.forced += 1
    if (minValidityMs !== undefined) model.mayReplace = true
    const known = model.tokens.length
    const request = { scope: `s${index}`, signal: abort.signal, minValidityMs, forceRefresh, timeoutMs }
    void this.#manager.getToken(request).then(
      (token) => {
        caller.settled = true
        this.#received(index, token, known)
      },
      (error: unknown) => {
        caller.settled = true
        if (!(error instanceof TokenError) && !abort.signal.aborted)
          this.#violations.push(`a caller got ${String(error)}`)
      },
    )
  }

  #received(index: number, token: AccessToken, knownAtCall: number): void {
    if (!token.reveal().startsWith(`s${index}-`)) this.#violations.push(`key ${index} was given ${token.reveal()}`)
    const { tokens } = this.#keys[index] as KeyModel
    // A token that came slowly may be within its margin already; one from the cache may not.
    const cached = tokens.slice(0, knownAtCall).includes(token)
    const usableMs = cached ? token.expiredAfterMs : token.lifetimeMs
    if (token.lifetimeMs > 0 && this.#ageMs(token) >= usableMs) {
      this.#violations.push(`key ${index} was given an expired token`)
    }
  }

  #reject(index: number, which: number): void {
    const { tokens } = this.#keys[index] as KeyModel
    const rejected = tokens.at(-1 - which)
    if (rejected === undefined) return
    if (which === 0) this.#keys[index]!.mayReplace = true
    this.#manager.invalidate({ scope: `s${index}` }, rejected)
  }

  #response(index: number, answer: Exclude<Answer, { broken: true }>): Response {
    if ('token' in answer) {
      this.#issued += 1
      const token = { access_token: `s${index}-${this.#issued}`, token_type: 'Bearer', expires_in: answer.token }
      return Response.json(token)
    }
    const headers = answer.retryAfter === undefined ? {} : { 'retry-after': String(answer.retryAfter) }
    return Response.json(answer.error === undefined ? {} : { error: answer.error }, { status: answer.status, headers })
  }

  #ageMs(token: AccessToken): number {
    return Math.max(
      this.#clock.now() - token.requestedAt.wall,
      this.#clock.monotonicNow() - token.requestedAt.monotonic,
    )
  }

  #model(scope: readonly string[]): KeyModel {
    return this.#keys[Number(scope[0]?.slice(1))] as KeyModel
  }
}

async function flush(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
