import { inspect } from 'node:util'
import type { AccessToken } from './access-token.ts'
import { optionError, type TokenError } from './errors.ts'
import type { RequestReason } from './events.ts'
import { checkGetTokenOptions, type GetTokenOptions } from './get-token-options.ts'
import { aboutKey, tellCall, tellShort, tellUsed } from './key-events.ts'
import type { Flight } from './single-flight.ts'
import type { TokenParameters } from './token-key.ts'
import { classify } from './token-lifecycle.ts'
import { type SourceContext, TokenRenewal } from './token-renewal.ts'
import { describeSource, type TokenSourceInspection } from './token-source-inspection.ts'
import { livesFor, type Standing } from './token-standing.ts'

const NOTHING_ASKED: GetTokenOptions = {}

/**
 * A handle on one token: one client, one set of scopes and other parameters. There is one per key and manager,
 * it may be kept for as long as the manager, and any number of callers may use it at once.
 */
export class TokenSource {
  // There may be a million of these: what a key needs only at times is in its renewal.
  readonly #context: SourceContext
  #token: AccessToken | undefined
  #renewal: TokenRenewal | undefined
  readonly #key: string
  readonly #scope: readonly string[]
  // Mostly those of the client.
  readonly #others: TokenParameters
  #origin: 'store' | 'server' | undefined
  #lastReason: RequestReason | undefined

  /** @internal @param others the parameters beside the scope */
  constructor(context: SourceContext, key: string, scope: readonly string[], others: TokenParameters) {
    this.#context = context
    this.#key = key
    this.#scope = scope
    this.#others = others
  }

  /** The client's name in the manager. */
  get client(): string {
    return this.#context.settings.name
  }

  /**
   * A usable token: at once while the cached one is valid, else after the one request that all callers share.
   * @throws TypeError for a wrong option
   * @throws TokenError why no token can be had, or `wait_timeout` after `timeoutMs`; the signal's reason when it aborts
   */
  getToken(options: GetTokenOptions = NOTHING_ASKED): Promise<AccessToken> {
    // Not an async function: it would make a promise of its own for each of many callers, and wait for the one they share.
    try {
      const token = this.tokenOrPromise(options)
      return token instanceof Promise ? token : Promise.resolve(token)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * The text of a usable token. Bound, and blind to arguments, to hand to generated clients as a bare function.
   * @throws like {@link TokenSource.getToken}
   */
  get getAccessToken(): () => Promise<string> {
    return async () => (await this.tokenOrPromise(NOTHING_ASKED)).reveal()
  }

  /** The cached token if it is usable, without waiting or requesting anything. */
  peek(): AccessToken | undefined {
    const token = this.current()
    return isUsable(this.#stateOf(token)) ? token : undefined
  }

  /**
   * Reports that an API rejected this token: it is not used again before a new one was asked for.
   *
   * Does nothing if the current token is another one, so that any number of late reports cost one request; nor while
   * the pause after a failed replacement lasts. Without an argument forgets the token, whichever it is, and every
   * failure: the next call requests a token, whatever another process failed at.
   * @throws TypeError for something that is no token
   */
  invalidate(rejected?: AccessToken | string): void {
    if (rejected === undefined) {
      this.#forget()
      return
    }
    const token = this.current()
    const text = typeof rejected === 'string' ? rejected : rejected?.reveal?.()
    if (typeof text !== 'string') throw optionError('rejected', 'must be a token or its text')
    if (token !== undefined && token.reveal() === text && this.state() !== 'rejected') this.#renew().reject(token)
  }

  /** Why the token is used or not, in words and as plain data without secrets. */
  inspect(): TokenSourceInspection {
    return describeSource({
      ...aboutKey(this),
      state: this.state(),
      token: this.current(),
      isFromStore: this.#origin === 'store',
      dueAfterMs: this.#dueAfterMs(),
      requestInFlight: this.#renewal?.isUnderWay ?? false,
      lastReason: this.#renewal?.lastReason ?? this.#lastReason,
      failure: this.#refusal() ?? this.#renewal?.failures.forRefresh(),
      clock: this.#context.clock,
    })
  }

  /** @internal */
  [inspect.custom](): string {
    return `TokenSource ${inspect(this.inspect())}`
  }

  // What follows is for evertoken itself. Methods and no getters, because printing an object may evaluate its getters.

  /** @internal */
  key(): string {
    return this.#key
  }

  /** @internal */
  parameters(): TokenParameters {
    return { ...this.#others, scope: this.#scope }
  }

  /** @internal */
  context(): SourceContext {
    return this.#context
  }

  /** @internal */
  settings(): SourceContext['settings'] {
    return this.#context.settings
  }

  /** @internal Wall-clock time, epoch milliseconds. */
  now(): number {
    return this.#context.clock.now()
  }

  /** @internal The current token, usable or not: ask {@link state} first. None once what it is bound to was replaced. */
  current(): AccessToken | undefined {
    const token = this.#token
    return token?.boundTo?.isReplaced ? undefined : token
  }

  /** @internal Where the token stands, by one reading of the clocks. */
  state(): Standing {
    return this.#stateOf(this.current())
  }

  /** @internal Like {@link getToken}, without a promise when the token is at hand. */
  tokenOrPromise(options: GetTokenOptions): AccessToken | Promise<AccessToken> {
    if (options !== NOTHING_ASKED) checkGetTokenOptions(options)
    const token = this.current()
    const state = this.#stateOf(token)
    if (token !== undefined && isUsable(state) && !options.forceRefresh) {
      if (state === 'refresh due') this.refreshInBackground()
      if (options.minValidityMs === undefined || this.#livesFor(options.minValidityMs, token, state)) {
        this.used(token)
        return token
      }
    }
    // Signals that axios takes too, of packages from before Node had its own, have no `throwIfAborted`.
    if (options.signal?.aborted) throw options.signal.reason
    const obtain = () => this.#renew().obtain(state, options)
    if (!this.#context.events.hearsCalls) return obtain()
    return tellCall(this, { had: token, known: this.#refusal(), origin: () => this.#origin ?? 'server' }, obtain)
  }

  /** @internal Tells that the token at hand is used; a glance where nobody listens. */
  used(token: AccessToken): void {
    if (this.#context.events.hearsCalls) tellUsed(this, token, 'process', 0)
  }

  /** @internal How many callers wait for a token. */
  waiters(): number {
    return this.#renewal?.waiters ?? 0
  }

  /** @internal Starts the refresh that is due; `undefined` if one is running or the pause after a failure lasts. */
  refreshInBackground(): Flight<AccessToken> | undefined {
    return this.#renew().refreshInBackground(this.state())
  }

  /** @internal Whether eviction would lose a request or a remembered failure. */
  busy(): boolean {
    return this.#renewal?.busy() ?? false
  }

  /** @internal Whether there ever was a token. */
  hadToken(): boolean {
    return this.#origin !== undefined
  }

  /** @internal Milliseconds until a refresh is due without traffic; `undefined` where that is not asked for. */
  dueInMs(): number | undefined {
    const { settings, gate, clock } = this.#context
    const token = this.current()
    if (!settings.keepWarm || token === undefined) return undefined
    const ageMs = token.ageMs(clock)
    if (this.state() === 'fresh') return Math.max(0, this.#dueAfterMs() - ageMs)
    const validMs = token.expiredAfterMs - ageMs
    const isValid = validMs > 0
    // A server that asks for a long pause is obeyed for longer while the token is valid.
    const pauseMs = Math.max(
      this.#renewal?.pauseMs() ?? 0,
      this.#renewal?.standing.putOffMs(ageMs) ?? 0,
      gate.pauseMs({ refresh: isValid }),
    )
    return isValid ? Math.min(pauseMs, validMs) : pauseMs
  }

  /** @internal Resolves when no request is under way; one that nobody waits for is abandoned. */
  async finish(): Promise<void> {
    this.#renewal?.abandonUnwatched()
    await (this.#renewal?.settled() ?? this.#context.share?.settled())
  }

  /** @internal Revokes the current token and forgets it. */
  async revoke(): Promise<void> {
    const token = this.current()
    if (token === undefined) return
    this.#token = undefined
    const { endpoint, events, gate } = this.#context
    try {
      await gate.enqueue(() => endpoint.revokeToken(token.reveal()))
    } catch (error) {
      events.emit('revocationFailed', () => ({ ...aboutKey(this), error: error as TokenError }))
    }
  }

  /** @internal Forgets the token for good: its client was removed. */
  drop(): void {
    this.#token = undefined
    this.#renewal?.end()
  }

  /** @internal */
  put(token: AccessToken, isFromStore: boolean): void {
    this.#origin = isFromStore ? 'store' : 'server'
    if (token.lifetimeMs > 0) this.#token = token
  }

  /** @internal */
  onEnd(): void {
    if (!this.#renewal?.isOver) return
    this.#lastReason = this.#renewal.lastReason
    this.#renewal = undefined
  }

  #renew(): TokenRenewal {
    this.#renewal ??= new TokenRenewal(this)
    return this.#renewal
  }

  #stateOf(token: AccessToken | undefined): Standing {
    if (token === undefined) return 'absent'
    const ageMs = token.ageMs(this.#context.clock)
    return this.#renewal === undefined ? classify(token, ageMs) : this.#renewal.standing.of(token, ageMs)
  }

  #dueAfterMs(): number {
    const token = this.current()
    return token === undefined ? 0 : (this.#renewal?.standing.dueAfterMs(token) ?? token.dueAfterMs)
  }

  #forget(): void {
    const token = this.current()
    this.#token = undefined
    if (this.#context.share !== undefined) this.#renew()
    this.#renewal?.forget(token)
    this.#context.gate.clear()
  }

  // What callers without a usable token get at the moment.
  #refusal(): TokenError | undefined {
    return this.#renewal?.failures.forCallers() ?? this.#context.gate.refusal()
  }

  #livesFor(minValidityMs: number, token: AccessToken, state: Standing): boolean {
    const answer = livesFor(minValidityMs, token, token.ageMs(this.#context.clock), state)
    if (answer === 'not quite') tellShort(this, token, minValidityMs)
    return answer !== 'no'
  }
}

function isUsable(state: Standing): boolean {
  return state === 'fresh' || state === 'refresh due'
}
