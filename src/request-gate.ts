import pLimit from 'p-limit'
import { type Clock, elapsedMs, type Instant, instant } from './clock.ts'
import { TokenError, TokenResponseError } from './errors.ts'
import { FailureMemory } from './failure-memory.ts'
import { RefreshLine } from './refresh-line.ts'
import { abortable } from './single-flight.ts'
import { cappedRetryAfterMs, denialPauseMs, outagePauseMs } from './token-lifecycle.ts'

const MOST_RUNNING = 32
const MOST_WAITING = 1000
// The rest is for callers.
const MOST_BESIDE_REFRESHES = 500

/** Leave to send a request; `probe`: the one that finds out whether things work again. */
export interface Admission {
  readonly probe: boolean
  /** How many requests had failed, and how many succeeded, when it was given. */
  readonly afterFailures: number
  readonly afterSuccesses: number
}

/**
 * Decides whether one client may send a token request now.
 *
 * Remembers what is wrong with the client's credentials or its token endpoint for all keys alike, so that ten thousand
 * keys make one failed login. While a failure's pause lasts, callers get the failure; after it one request goes
 * first, and the others get the failure until that one is back. At most 32 requests run at once, and one until the
 * first success; 1,000 keys may wait for their turn. What nobody waits for takes half of that room at the most.
 */
export class RequestGate {
  /** Refreshes that are due without traffic, and begin in turn. */
  readonly refreshes: RefreshLine = new RefreshLine(MOST_RUNNING / 2)
  readonly #client: string
  readonly #clock: Clock
  readonly #credentialChanged: (() => Promise<boolean>) | undefined
  readonly #failures: FailureMemory
  // A longer pause, for refreshes of tokens that are still valid, where the server named one.
  readonly #throttling: FailureMemory
  // One at a time until the credentials have proved good: a wrong secret is then one failed login, not 32.
  readonly #limit = pLimit(1)
  #crowded: TokenError | undefined
  #lastError: TokenError | undefined
  #recheckedAt: Instant | undefined
  // How often in a row the credentials had changed: where they are others each time, that promises nothing.
  #changes = 0
  #probing = false
  #underWay = 0
  #knownFailures = 0
  #knownSuccesses = 0

  /** @param credentialChanged whether the credentials differ from those last sent, where that can be told */
  constructor(client: string, clock: Clock, credentialChanged: (() => Promise<boolean>) | undefined) {
    this.#client = client
    this.#clock = clock
    this.#credentialChanged = credentialChanged
    this.#failures = new FailureMemory(clock)
    this.#throttling = new FailureMemory(clock)
  }

  /** The failure that callers get at the moment. */
  refusal(): TokenError | undefined {
    return this.#failures.recall() ?? (this.#probing ? this.#lastError : undefined)
  }

  /** Whether the last request failed, so that the next is an attempt and no more. */
  get failing(): boolean {
    return this.#failures.inARow > 0
  }

  /** Milliseconds until requests are no longer held back; until refreshes of valid tokens are not. */
  pauseMs({ refresh = false }: { readonly refresh?: boolean } = {}): number {
    return Math.max(this.#failures.remainingMs(), refresh ? this.#throttling.remainingMs() : 0)
  }

  /** Leave to send a request, to be given back by {@link release}; or the failure that stands against it. */
  admit(): Admission | TokenError {
    if (!this.failing) return this.#admission(false)
    if (this.#probing) return this.#lastError as TokenError
    const remembered = this.#failures.recall()
    if (remembered !== undefined && !this.#mayRecheck(remembered)) return remembered
    this.#probing = true
    return this.#admission(true)
  }

  /** Gives leave back, whatever became of the request. */
  release({ probe }: Admission): void {
    if (probe) this.#probing = false
    this.#underWay -= 1
  }

  /**
   * Like {@link admit}, for a request that nobody waits for: it is put off while many requests wait, and, as the `refresh`
   * of a token that is still valid, obeys a long `Retry-After` for longer.
   */
  admitInBackground({ refresh }: { readonly refresh: boolean }): Admission | TokenError {
    if (this.#underWay < MOST_BESIDE_REFRESHES) return (refresh ? this.#throttling.recall() : undefined) ?? this.admit()
    // One for all: each would have a stack of its own.
    this.#crowded ??= this.#tooMany(MOST_BESIDE_REFRESHES)
    return this.#crowded
  }

  /**
   * Runs an admitted request as soon as it is its turn.
   * @throws TokenError `too_many_requests` when too many wait; the failure that became known while it waited
   */
  async run<T>({ probe }: Admission, signal: AbortSignal, request: () => Promise<T>): Promise<T> {
    if (probe) await this.#recheck()
    if (this.#limit.pendingCount >= MOST_WAITING) throw this.#tooMany(MOST_WAITING)
    const turn = async () => {
      signal.throwIfAborted()
      if (this.failing && !probe) throw this.#lastError
      return await request()
    }
    return await abortable(signal, () => this.#limit(turn))
  }

  /** A request succeeded: credentials and endpoint are good, unless it was sent before the last failure. */
  succeeded({ probe, afterFailures }: Admission): void {
    this.#knownSuccesses += 1
    if (probe || afterFailures === this.#knownFailures) this.clear()
    this.#limit.concurrency = MOST_RUNNING
  }

  /** Another process with these credentials requested a token this long ago, and got it: what failed before is over. */
  succeededElsewhere(agoMs: number): void {
    const failedAgoMs = this.#failures.ageMs()
    if (failedAgoMs === undefined || failedAgoMs <= agoMs) return
    this.clear()
    this.#limit.concurrency = MOST_RUNNING
  }

  /**
   * A request failed for a reason that concerns every key of the client.
   * @param mostMs the longest pause after an outage that the failed key can bear, if its token is still valid
   */
  failed(error: TokenError, admission: Admission, mostMs: number = Number.POSITIVE_INFINITY): void {
    const { probe, afterSuccesses } = admission
    const retryAfterMs = (error instanceof TokenResponseError && error.retryAfterMs) || 0
    const askedMs = cappedRetryAfterMs(retryAfterMs, false)
    // Newer requests have succeeded: this one was slow, and says nothing about now.
    if (error.retryable && askedMs === 0 && afterSuccesses < this.#knownSuccesses) return
    this.#knownFailures += 1
    this.#throttling.prolong(error, cappedRetryAfterMs(retryAfterMs, true))
    // What was under way when the trouble began says little new: one outage is one failure.
    if (!probe && this.#failures.recall() !== undefined) {
      this.#failures.prolong(error, askedMs)
      return
    }
    this.#lastError = error
    this.#recheckedAt = instant(this.#clock)
    if (!error.retryable) this.#limit.concurrency = 1
    this.#failures.remember(error, (failures) =>
      error.retryable
        ? Math.max(Math.min(outagePauseMs(failures, this.#clock.random()), mostMs), askedMs)
        : denialPauseMs(failures + this.#changes),
    )
  }

  /** Runs something else that is sent to the authorization server when it is its turn. */
  async enqueue<T>(work: () => Promise<T>): Promise<T> {
    return await this.#limit(work)
  }

  /** Forgets every failure. */
  clear(): void {
    this.#failures.clear()
    this.#throttling.clear()
    this.#lastError = undefined
    this.#changes = 0
  }

  #admission(probe: boolean): Admission {
    this.#underWay += 1
    return { probe, afterFailures: this.#knownFailures, afterSuccesses: this.#knownSuccesses }
  }

  // A rotated secret ends a remembered denial at once; it is looked for at most once per second, and the more rarely the
  // more often it did not help.
  #mayRecheck(remembered: TokenError): boolean {
    const since = this.#recheckedAt
    if (remembered.retryable || since === undefined || this.#credentialChanged === undefined) return false
    return elapsedMs(since, this.#clock) >= denialPauseMs(1 + this.#changes)
  }

  async #recheck(): Promise<void> {
    const remembered = this.#failures.recall()
    if (remembered === undefined) return
    this.#recheckedAt = instant(this.#clock)
    const hasChanged = await this.#credentialChanged?.()
    this.#changes = hasChanged ? this.#changes + 1 : 0
    if (!hasChanged) throw remembered
    this.#failures.clear()
  }

  #tooMany(waiting: number): TokenError {
    return new TokenError({
      code: 'too_many_requests',
      client: this.#client,
      message: `${waiting} token requests of client "${this.#client}" wait for their turn already.`,
      hint: 'Is a scope or parameter different for every call? Tokens can then not be shared.',
      retryable: true,
    })
  }
}
