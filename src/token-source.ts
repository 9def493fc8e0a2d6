import { inspect } from 'node:util'
import type { AccessToken } from './access-token.ts'
import { elapsedMs, withTimeout } from './clock.ts'
import { CurrentToken } from './current-token.ts'
import { optionError, TokenError } from './errors.ts'
import { aboutToken, type RequestReason, type TokenEvent } from './events.ts'
import { failureScope } from './failure-memory.ts'
import { checkGetTokenOptions, type GetTokenOptions, waitTimeoutError } from './get-token-options.ts'
import { KeyFailures } from './key-failures.ts'
import type { Admission } from './request-gate.ts'
import type { Flight } from './single-flight.ts'
import { type FlightOwner, TokenFlights, type TokenSourceContext } from './token-flights.ts'
import type { TokenParameters } from './token-key.ts'
import { describeSource, type TokenSourceInspection } from './token-source-inspection.ts'

/**
 * A handle on one token: one client, one set of scopes and other parameters. There is one per key and manager,
 * it may be kept for as long as the manager, and any number of callers may use it at once.
 */
export class TokenSource {
  readonly #key: string
  readonly #parameters: TokenParameters
  readonly #context: TokenSourceContext
  readonly #current: CurrentToken
  readonly #failures: KeyFailures
  readonly #flights: TokenFlights
  readonly #onToken: (source: TokenSource) => void
  #hadToken = false
  #isFromStore = false
  // What a caller did not want any more, whoever has it.
  #forgotten: AccessToken | undefined

  /** @internal */
  constructor(
    context: TokenSourceContext,
    key: string,
    parameters: TokenParameters,
    onToken: (source: TokenSource) => void = () => {},
  ) {
    this.#context = context
    this.#key = key
    this.#parameters = parameters
    this.#onToken = onToken
    this.#current = new CurrentToken(context.clock)
    this.#failures = new KeyFailures(context.clock)
    this.#flights = new TokenFlights(context, key, parameters, {
      replaced: () => this.#replaced(),
      postponeRefresh: (why) => this.#current.postponeRefresh(why),
      pauseMs: () => this.#failures.pauseMs(),
      onFound: (token, reason) => this.#keepFound(token, reason),
      onToken: (token, reason) => this.#keep(token, reason),
      onFailure: (error, reason, admission) => this.#rememberFailure(error, reason, admission),
    })
  }

  /** The client's name in the manager. */
  get client(): string {
    return this.#context.settings.name
  }

  /**
   * A usable token: at once while the cached one is valid, else after the one request that all callers share.
   * @throws TokenError when no token can be had; the signal's reason when it aborts
   */
  async getToken(options: GetTokenOptions = {}): Promise<AccessToken> {
    return await this.tokenOrPromise(options)
  }

  /**
   * The text of a usable token. Bound, and blind to arguments, to hand to generated clients as a bare function.
   * @throws like {@link TokenSource.getToken}
   */
  readonly getAccessToken = async (): Promise<string> => (await this.tokenOrPromise({})).reveal()

  /** The cached token if it is usable, without waiting or requesting anything. */
  peek(): AccessToken | undefined {
    const state = this.state()
    return state === 'fresh' || state === 'refresh due' ? this.#current.get() : undefined
  }

  /**
   * Reports that an API rejected this token: it is not used again before a new one was asked for.
   *
   * Does nothing if the current token is another one, so that any number of late reports cost one request; nor while
   * the pause after a failed replacement lasts. Without an argument forgets the token, whichever it is, and every
   * failure that this process remembers; a refusal in a shared store is found for its minute all the same.
   * @throws TypeError for something that is no token
   */
  invalidate(rejected?: AccessToken | string): void {
    if (rejected === undefined) {
      this.#forgotten = this.#current.get() ?? this.#forgotten
      this.#current.clear()
      this.#flights.outdate()
      this.#failures.clear()
      this.#context.gate.clear()
      return
    }
    const token = this.#current.get()
    const text = typeof rejected === 'string' ? rejected : rejected?.reveal?.()
    if (typeof text !== 'string') throw optionError('rejected', 'must be a token or its text')
    if (token === undefined || token.reveal() !== text) return
    if (this.state() === 'rejected' || this.#failures.forRefresh() !== undefined) return
    const isReplaced = this.#current.reject()
    if (!isReplaced) this.#failures.freshTokenRejected(this.client)
    const { fingerprint } = token
    this.#context.events.emit(isReplaced ? 'tokenRejected' : 'freshTokenRejected', () => ({
      ...this.#about(),
      fingerprint,
    }))
  }

  /** Why the token is used or not, in words and as plain data without secrets. */
  inspect(): TokenSourceInspection {
    return describeSource({
      ...this.#about(),
      state: this.state(),
      token: this.#current.get(),
      isFromStore: this.#isFromStore,
      dueAfterMs: this.#current.dueAfterMs,
      requestInFlight: this.#flights.present !== undefined,
      lastReason: this.#flights.lastReason,
      failure: this.#failures.forCallers() ?? this.#context.gate.refusal() ?? this.#failures.forRefresh(),
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
    return this.#parameters
  }

  /** @internal */
  settings(): TokenSourceContext['settings'] {
    return this.#context.settings
  }

  /** @internal Wall-clock time, epoch milliseconds. */
  now(): number {
    return this.#context.clock.now()
  }

  /** @internal The current token, usable or not: ask {@link state} first. */
  current(): AccessToken | undefined {
    return this.#current.get()
  }

  /** @internal Where the token stands, by one reading of the clocks. */
  state(): TokenSourceInspection['state'] {
    return this.#current.state()
  }

  /** @internal Like {@link getToken}, without a promise when the token is at hand. */
  tokenOrPromise(options: GetTokenOptions): AccessToken | Promise<AccessToken> {
    checkGetTokenOptions(options)
    const { minValidityMs, forceRefresh } = options
    const state = this.state()
    const token = this.#current.get()
    if (token !== undefined && !forceRefresh && (state === 'fresh' || state === 'refresh due')) {
      if (state === 'refresh due') this.refreshInBackground()
      if (minValidityMs === undefined || this.#livesFor(minValidityMs, token)) return token
    }
    options.signal?.throwIfAborted()
    if (state === 'expired') this.#current.expire()
    const mustBeNew = forceRefresh || minValidityMs !== undefined
    return state === 'rejected' && !mustBeNew ? this.#replaceRejected(options) : this.#wait(state, options)
  }

  /** @internal Starts the refresh that is due, unless one is running or the pause after a failure lasts. */
  refreshInBackground(): void {
    if (this.#failures.forRefresh() !== undefined) return
    this.#flights.beginInBackground(this.state() === 'expired' ? 'expired' : 'refresh due')
  }

  /** @internal Whether eviction would lose a request or a remembered failure. */
  busy(): boolean {
    return this.#flights.present !== undefined || this.#failures.forCallers() !== undefined
  }

  /** @internal Whether there ever was a token. */
  hadToken(): boolean {
    return this.#hadToken
  }

  /** @internal Milliseconds until a refresh is due without traffic; `undefined` where that is not asked for. */
  dueInMs(): number | undefined {
    const token = this.#current.get()
    if (!this.#context.settings.keepWarm || token === undefined) return undefined
    const pauseMs = Math.max(this.#failures.pauseMs(), this.#context.gate.pauseMs())
    if (this.state() !== 'fresh') return pauseMs
    return Math.max(0, this.#current.dueAfterMs - elapsedMs(token.requestedAt, this.#context.clock))
  }

  /** @internal Resolves when no request is under way; one that nobody waits for is abandoned. */
  async finish(): Promise<void> {
    this.#flights.abandonUnwatched(this.#context.whyEnded() as TokenError)
    await this.#flights.settled()
  }

  /** @internal Revokes the current token and forgets it. */
  async revoke(): Promise<void> {
    const token = this.#current.get()
    if (token === undefined) return
    this.#current.clear()
    const { endpoint, events, gate } = this.#context
    try {
      await gate.enqueue(() => endpoint.revokeToken(token.reveal()))
    } catch (error) {
      events.emit('revocationFailed', () => ({ ...this.#about(), error: error as TokenError }))
    }
  }

  /** @internal Forgets the token for good: its client was removed. */
  drop(): void {
    this.#current.clear()
    this.#flights.end()
  }

  #wait(state: TokenSourceInspection['state'], options: GetTokenOptions): Promise<AccessToken> {
    const flight = options.forceRefresh
      ? this.#flights.next(this.#refusal)
      : this.#flights.join(REASON[state], options.minValidityMs ?? 0, this.#refusal)
    // Most callers get the very promise that all share.
    if (options.timeoutMs === undefined && options.minValidityMs === undefined) return flight.wait(options.signal)
    return this.#waitOnTerms(flight, options)
  }

  async #waitOnTerms(flight: Flight<AccessToken>, options: GetTokenOptions): Promise<AccessToken> {
    const { signal, timeoutMs: ms, minValidityMs = 0 } = options
    const { clock } = this.#context
    // The caller's time detaches it from the request like its signal does.
    const tooLate = () => waitTimeoutError(this.client, ms)
    const token = await (ms === undefined
      ? flight.wait(signal)
      : withTimeout({ clock, ms, tooLate, signal }, (inTime) => flight.wait(inTime)))
    if (token.lifetimeMs - elapsedMs(token.requestedAt, clock) < minValidityMs) this.#tellShort(minValidityMs, token)
    return token
  }

  readonly #refusal = (): TokenError | undefined => this.#failures.forCallers()

  #replaced(): ReturnType<FlightOwner['replaced']> {
    const token = this.#current.get()
    return token === undefined
      ? { token: this.#forgotten, isRejected: this.#forgotten !== undefined }
      : { token, isRejected: this.state() === 'rejected' }
  }

  #put(token: AccessToken, isFromStore: boolean): void {
    this.#hadToken = true
    this.#isFromStore = isFromStore
    this.#forgotten = undefined
    if (token.lifetimeMs > 0) this.#failures.succeeded(this.#current.put(token))
  }

  #keepFound(token: AccessToken, reason: RequestReason): void {
    this.#put(token, true)
    const { fingerprint, lifetimeMs, scope: granted } = token
    const leftMs = lifetimeMs - elapsedMs(token.requestedAt, this.#context.clock)
    const about = { reason, fingerprint, lifetimeMs, leftMs, granted }
    this.#context.events.emit('tokenFound', () => ({ ...this.#about(), ...about }))
    this.#onToken(this)
  }

  #keep(token: AccessToken, reason: RequestReason): void {
    this.#put(token, false)
    // After the token is in place, so that a listener finds it there.
    const { clock, events } = this.#context
    events.emit('tokenReceived', () => ({
      ...this.#about(),
      reason,
      fingerprint: token.fingerprint,
      lifetimeMs: token.lifetimeMs,
      granted: token.scope,
      durationMs: elapsedMs(token.requestedAt, clock),
    }))
    this.#onToken(this)
  }

  // A failure is remembered in the scope of its cause, and never takes away a token that is still valid.
  #rememberFailure(error: TokenError, reason: RequestReason, admission: Admission): void {
    const { events, gate } = this.#context
    const token = this.#current.unexpired()
    events.emit('tokenRequestFailed', () => ({ ...this.#about(), error, reason, tokenStillValid: token !== undefined }))
    const pauseMs = token && this.#failures.refreshFailed(error, token)
    if (failureScope(error, this.#parameters.subject !== undefined) === 'client') {
      gate.failed(error, admission, pauseMs)
    } else {
      this.#failures.denied(error)
      gate.succeeded(admission)
    }
  }

  // One misbehaving API node and an outage of the authorization server must not add up to a total outage: a rejected
  // token that cannot be replaced for now is used on.
  async #replaceRejected(options: GetTokenOptions): Promise<AccessToken> {
    try {
      return await this.#wait('rejected', options)
    } catch (error) {
      const token = this.#current.unexpired()
      const mayPass = error instanceof TokenError && error.retryable && error.code !== 'wait_timeout'
      if (token === undefined || !mayPass) throw error
      if (this.#failures.forRefresh() === undefined) this.#failures.refreshFailed(error, token)
      this.#current.useOn()
      return token
    }
  }

  #livesFor(minValidityMs: number, token: AccessToken): boolean {
    const answer = this.#current.livesFor(minValidityMs)
    if (answer === 'not quite') this.#tellShort(minValidityMs, token)
    return answer !== 'no'
  }

  #tellShort(minValidityMs: number, { lifetimeMs }: AccessToken): void {
    this.#context.events.emit('validityNotMet', () => ({ ...this.#about(), minValidityMs, lifetimeMs }))
  }

  #about(): TokenEvent {
    return aboutToken(this.client, this.#parameters)
  }
}

const REASON: Readonly<Record<TokenSourceInspection['state'], RequestReason>> = {
  absent: 'no token',
  expired: 'expired',
  rejected: 'rejected',
  fresh: 'short validity',
  'refresh due': 'short validity',
}
