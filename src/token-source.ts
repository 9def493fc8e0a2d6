import { inspect } from 'node:util'
import type { AccessToken } from './access-token.ts'
import { elapsedMs, type Instant, instant } from './clock.ts'
import { TokenError } from './errors.ts'
import type { RequestReason, TokenEvent } from './events.ts'
import { failureScope } from './failure-memory.ts'
import { KeyFailures } from './key-failures.ts'
import type { Admission, RequestGate } from './request-gate.ts'
import { Flight } from './single-flight.ts'
import type { TokenParameters } from './token-key.ts'
import { classify, type TokenState } from './token-lifecycle.ts'
import { type ClientContext, type Deadline, type RequestControl, requestAccessToken, runDetached, withinDeadline } from './token-request.ts'
import { describeSource, type TokenSourceInspection } from './token-source-inspection.ts'

/** What the sources of one client share. */
export interface TokenSourceContext extends ClientContext {
  readonly gate: RequestGate
  /** Why no request may be made any more, once the manager is closed or the client removed. */
  readonly whyEnded: () => TokenError | undefined
  /** Told when a token was received. */
  readonly onToken: (source: TokenSource) => void
}

/** How one caller wants its token. */
export interface GetTokenOptions {
  /** Ends this caller's wait; the token request goes on for the others. */
  readonly signal?: AbortSignal | undefined
  /** The most milliseconds this caller waits; then `wait_timeout`. Default: as long as the token request takes. */
  readonly timeoutMs?: number | undefined
  /**
   * The least milliseconds the token must still be valid, for long calls and connections. More than a token lives
   * cannot be had: then a fresh one is given, with the event `validityNotMet`. Default: the safety margin.
   */
  readonly minValidityMs?: number | undefined
  /** Asks for a token that was requested after this call, whatever is cached or under way. Default `false`. */
  readonly forceRefresh?: boolean | undefined
}

// A token that replaced a rejected one and is rejected within this time was not the problem.
const FRESH_MS = 10_000

// A server whose tokens must not be cached is asked at most this often.
const UNCACHEABLE_PAUSE_MS = 1000

/**
 * A handle on one token: one client, one set of scopes and other parameters. There is one per key and manager,
 * it may be kept for as long as the manager, and any number of callers may use it at once.
 */
export class TokenSource {
  readonly #key: string
  readonly #parameters: TokenParameters
  readonly #context: TokenSourceContext
  readonly #failures: KeyFailures
  #token: AccessToken | undefined
  // 'rejected': not used before a new one was asked for. 'suspect': that failed; used on, and due for a refresh.
  // 'expired': found to be so once, and not young again because a clock is set back.
  #mark: 'rejected' | 'suspect' | 'expired' | undefined
  #replacedRejected = false
  #flight: Flight<AccessToken> | undefined
  #forced: Flight<AccessToken> | undefined
  #control: RequestControl | undefined
  #uncacheableAt: Instant | undefined
  #lastReason: RequestReason | undefined
  #hadToken = false

  /** @internal */
  constructor(context: TokenSourceContext, key: string, parameters: TokenParameters) {
    this.#context = context
    this.#key = key
    this.#parameters = parameters
    this.#failures = new KeyFailures(context.clock)
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
    return state === 'fresh' || state === 'refresh due' ? this.#token : undefined
  }

  /**
   * Reports that an API rejected this token: it is not used again before a new one was asked for.
   *
   * Does nothing if the current token is another one, so that any number of late reports cost one request; nor while
   * the pause after a failed replacement lasts. Without an argument forgets the token, whichever it is, and every
   * remembered failure.
   */
  invalidate(rejected?: AccessToken | string): void {
    if (rejected === undefined) {
      this.#token = undefined
      this.#mark = undefined
      this.#failures.clear()
      this.#context.gate.clear()
      return
    }
    const token = this.#token
    const text = typeof rejected === 'string' ? rejected : rejected.reveal()
    if (token === undefined || token.reveal() !== text) return
    if (this.#mark === 'rejected' || this.#failures.forRefresh() !== undefined) return
    this.#context.events.emit('tokenRejected', () => ({ ...this.#about(), fingerprint: token.fingerprint }))
    if (this.#replacedRejected && elapsedMs(token.requestedAt, this.#context.clock) < FRESH_MS) {
      this.#failures.freshTokenRejected(this.client)
    } else {
      this.#mark = 'rejected'
    }
  }

  /** Why the token is used or not, in words and as plain data without secrets. */
  inspect(): TokenSourceInspection {
    const state = this.state()
    return describeSource({
      ...this.#about(),
      state: state === 'absent' && this.#mark === 'rejected' ? 'rejected' : state,
      token: this.#token,
      requestInFlight: this.#flight !== undefined,
      lastReason: this.#lastReason,
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
  settings(): TokenSourceContext['settings'] {
    return this.#context.settings
  }

  /** @internal The current token, usable or not: ask {@link state} first. */
  current(): AccessToken | undefined {
    return this.#token
  }

  /** @internal Whether eviction would lose a request or a remembered failure. */
  busy(): boolean {
    return this.#flight !== undefined || this.#failures.forCallers() !== undefined
  }

  /** @internal Whether there ever was a token. */
  hadToken(): boolean {
    return this.#hadToken
  }

  /** @internal Milliseconds until a refresh is due without traffic; `undefined` where that is not asked for. */
  dueInMs(): number | undefined {
    const token = this.#token
    if (!this.#context.settings.keepWarm || !this.#hadToken) return undefined
    if (token === undefined || this.#mark !== undefined) return 0
    return Math.max(0, token.dueAfterMs - elapsedMs(token.requestedAt, this.#context.clock))
  }

  /** @internal Resolves when no request is under way; one that nobody waits for is abandoned. */
  async finish(): Promise<void> {
    if (this.#flight?.waiters === 0) this.#control?.abandon()
    while (this.#flight !== undefined) await this.#flight.promise.catch(() => {})
  }

  /** @internal Revokes the current token and forgets it. */
  async revoke(): Promise<void> {
    const token = this.#token
    if (token === undefined) return
    this.#token = undefined
    const { endpoint, events } = this.#context
    try {
      await endpoint.revokeToken(token.reveal())
    } catch (error) {
      events.emit('revocationFailed', () => ({ ...this.#about(), error: error as TokenError }))
    }
  }

  /** @internal Forgets the token for good: its client was removed. */
  drop(): void {
    this.#token = undefined
    this.#flight = undefined
  }

  /** @internal Where the token stands, by one reading of the clocks. */
  state(): TokenState | 'absent' {
    const token = this.#token
    if (token === undefined || this.#mark === 'rejected') return 'absent'
    if (this.#mark === 'expired') return 'expired'
    const state = classify(token, elapsedMs(token.requestedAt, this.#context.clock))
    return state === 'fresh' && this.#mark === 'suspect' ? 'refresh due' : state
  }

  /** @internal Like {@link getToken}, without a promise when the token is at hand. */
  tokenOrPromise(options: GetTokenOptions): AccessToken | Promise<AccessToken> {
    const { signal, timeoutMs, minValidityMs, forceRefresh } = options
    const state = this.state()
    const token = this.#token
    if (token !== undefined && !forceRefresh && (state === 'fresh' || state === 'refresh due')) {
      if (state === 'refresh due') this.refreshInBackground()
      if (minValidityMs === undefined || this.#livesFor(minValidityMs, token, state)) return token
    }
    const flight = forceRefresh ? this.#afterPresentFlight() : this.#joinOrStart(state)
    if (timeoutMs === undefined) return flight.wait(signal)
    return this.#waitWithin(timeoutMs, flight.wait(signal))
  }

  /** @internal Starts the refresh that is due, unless one is running or the pause after a failure lasts. */
  refreshInBackground(): void {
    if (this.#flight !== undefined || this.#failures.forRefresh() !== undefined) return
    if (this.#context.whyEnded() !== undefined) return
    const admission = this.#context.gate.admit()
    if (!(admission instanceof TokenError)) this.#start(this.peek() ? 'refresh due' : 'expired', true, admission)
  }

  #joinOrStart(state: TokenState | 'absent'): Flight<AccessToken> {
    if (this.#flight !== undefined) {
      this.#control?.restartIfOverdue()
      return this.#flight
    }
    if (state === 'expired') {
      this.#mark = 'expired'
      return this.#startForCallers('expired')
    }
    if (state !== 'absent') return this.#startForCallers('short validity')
    return this.#startForCallers(this.#mark === 'rejected' ? 'rejected' : 'no token')
  }

  // What a request under way brings was asked for before this call, so that it is not what this caller wants.
  #afterPresentFlight(): Flight<AccessToken> {
    if (this.#flight === undefined) return this.#startForCallers('forced')
    this.#control?.restartIfOverdue()
    this.#forced ??= runDetached(() => new Flight(() => this.#forceNext()))
    return this.#forced
  }

  async #forceNext(): Promise<AccessToken> {
    while (this.#flight !== undefined) await this.#flight.promise.catch(() => {})
    this.#forced = undefined
    return await this.#startForCallers('forced').wait()
  }

  #startForCallers(reason: RequestReason): Flight<AccessToken> {
    const refusal = this.#context.whyEnded() ?? this.#failures.forCallers()
    const admission = refusal ?? this.#context.gate.admit()
    if (admission instanceof TokenError) throw admission
    return this.#start(reason, false, admission)
  }

  #start(reason: RequestReason, background: boolean, admission: Admission): Flight<AccessToken> {
    this.#lastReason = reason
    const flight = runDetached(() => new Flight<AccessToken>((self) => this.#fly(self, { reason, background, admission })))
    this.#flight = flight
    return flight
  }

  async #fly(flight: Flight<AccessToken>, { reason, background, admission }: FlightPlan): Promise<AccessToken> {
    const { gate, settings } = this.#context
    const { failing } = gate
    const maxAttempts = () => (failing || flight.waiters === 0 ? 1 : settings.maxAttempts)
    let sent = false
    const send = (deadline: Deadline) => {
      sent = true
      return requestAccessToken(this.#context, this.#parameters, { reason, background, maxAttempts }, deadline)
    }
    try {
      await this.#spaceUncacheable()
      const token = await withinDeadline(this.#context, this.#onBegin, (deadline) =>
        gate.run(admission, deadline.signal, () => send(deadline)),
      )
      if (this.#flight === flight) this.#keep(token)
      this.#tellReceived(token, reason)
      return token
    } catch (error) {
      if (!sent || this.#flight !== flight) throw error
      return this.#usableDespite(error as TokenError, reason, admission)
    } finally {
      if (this.#flight === flight) this.#flight = undefined
    }
  }

  readonly #onBegin = (control: RequestControl): void => {
    this.#control = control
  }

  async #spaceUncacheable(): Promise<void> {
    const { clock } = this.#context
    const waitMs = this.#uncacheableAt === undefined ? 0 : UNCACHEABLE_PAUSE_MS - elapsedMs(this.#uncacheableAt, clock)
    if (waitMs > 0) await clock.sleep(waitMs)
  }

  #keep(token: AccessToken): void {
    this.#context.gate.succeeded()
    this.#hadToken = true
    if (token.lifetimeMs === 0) {
      this.#uncacheableAt = instant(this.#context.clock)
      return
    }
    this.#replacedRejected = this.#mark === 'rejected' || this.#mark === 'suspect'
    this.#failures.succeeded(this.#replacedRejected)
    this.#mark = undefined
    this.#token = token
    this.#context.onToken(this)
  }

  // After the token is in place, so that a listener finds it there.
  #tellReceived(token: AccessToken, reason: RequestReason): void {
    const { clock, events } = this.#context
    const { lifetimeMs, scope: granted } = token
    const durationMs = elapsedMs(token.requestedAt, clock)
    events.emit('tokenReceived', () => ({ ...this.#about(), reason, fingerprint: token.fingerprint, lifetimeMs, granted, durationMs }))
  }

  // A failure is remembered in the scope of its cause, and never takes away a token that is still valid.
  #usableDespite(error: TokenError, reason: RequestReason, admission: Admission): AccessToken {
    const { clock, events, gate } = this.#context
    const token = this.#token
    const ageMs = token === undefined ? 0 : elapsedMs(token.requestedAt, clock)
    const valid = token !== undefined && this.#mark !== 'expired' && classify(token, ageMs) !== 'expired'
    events.emit('tokenRequestFailed', () => ({ ...this.#about(), error, reason, tokenStillValid: valid }))
    if (valid) this.#failures.refreshFailed(error, token)
    if (failureScope(error) === 'client') gate.failed(error, admission)
    else this.#failures.denied(error)
    if (!valid || !error.retryable || reason === 'forced' || reason === 'short validity') throw error
    if (this.#mark === 'rejected') this.#mark = 'suspect'
    return token
  }

  #livesFor(minValidityMs: number, token: AccessToken, state: TokenState): boolean {
    const { clock, events } = this.#context
    if (token.lifetimeMs - elapsedMs(token.requestedAt, clock) >= minValidityMs) return true
    if (token.lifetimeMs >= minValidityMs || state !== 'fresh') return false
    events.emit('validityNotMet', () => ({ ...this.#about(), minValidityMs, lifetimeMs: token.lifetimeMs }))
    return true
  }

  #waitWithin(timeoutMs: number, waiting: Promise<AccessToken>): Promise<AccessToken> {
    return new Promise((resolve, reject) => {
      const done = new AbortController()
      this.#context.clock.sleep(timeoutMs, done.signal).then(
        () => reject(waitTimeoutError(this.client, timeoutMs)),
        () => {},
      )
      waiting.then(resolve, reject).finally(() => done.abort())
    })
  }

  #about(): TokenEvent {
    return { client: this.client, scope: this.#parameters.scope }
  }
}

interface FlightPlan {
  readonly reason: RequestReason
  readonly background: boolean
  readonly admission: Admission
}

function waitTimeoutError(client: string, timeoutMs: number): TokenError {
  return new TokenError({
    code: 'wait_timeout',
    client,
    message: `No token for client "${client}" within the caller's ${timeoutMs} ms; the token request goes on.`,
    hint: 'Give the call more time than a token request needs.',
    retryable: true,
  })
}
