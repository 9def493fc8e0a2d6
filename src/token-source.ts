import { inspect } from 'node:util'
import type { AccessToken } from './access-token.ts'
import type { ClientSettings } from './client-options.ts'
import { elapsedMs, type Instant, instant } from './clock.ts'
import { TokenError, TokenResponseError } from './errors.ts'
import type { RequestReason, TokenEvent, TokenEventEmitter } from './events.ts'
import { FailureMemory, failureScope } from './failure-memory.ts'
import { Flight } from './single-flight.ts'
import type { TokenParameters } from './token-key.ts'
import {
  cappedRetryAfterMs,
  classify,
  denialPauseMs,
  outagePauseMs,
  refreshPauseMs,
  rejectionPauseMs,
  type TokenState,
} from './token-lifecycle.ts'
import { type ClientContext, requestAccessToken, runDetached } from './token-request.ts'

/** What the sources of one client share beyond its context. */
export interface TokenSourceContext extends ClientContext {
  /** What is wrong with the client's credentials or its token endpoint. */
  readonly clientFailures: FailureMemory
  /** Why no request may be made any more, once the manager is closed or the client removed. */
  readonly whyEnded: () => TokenError | undefined
}

/** How one caller wants its token. */
export interface GetTokenOptions {
  /** Ends this caller's wait; the token request goes on for the others. */
  readonly signal?: AbortSignal | undefined
  /** The most milliseconds this caller waits; then `wait_timeout`. Default: as long as the token request takes. */
  readonly timeoutMs?: number | undefined
}

/** What {@link TokenSource.inspect} tells. Holds no secret. */
export interface TokenSourceInspection {
  readonly client: string
  readonly scope: readonly string[]
  /** `rejected`: an API refused the token, a new one is asked for before it is used again. */
  readonly state: TokenState | 'absent' | 'rejected'
  /** The token without the token: fingerprint, granted scope, lifetime, expiry. */
  readonly token: Record<string, unknown> | undefined
  readonly requestInFlight: boolean
  /** The failure that callers get at the moment instead of a request. */
  readonly failure: TokenError | undefined
}

// A token that replaced a rejected one and is rejected within this time was not the problem.
const FRESH_MS = 10_000

/**
 * A handle on one token: one client, one set of scopes and other parameters. There is one per key and manager,
 * it may be kept for as long as the manager, and any number of callers may use it at once.
 */
export class TokenSource {
  readonly #key: string
  readonly #parameters: TokenParameters
  readonly #context: TokenSourceContext
  // Three reasons to pause: what is wrong with this key, the refresh of a valid token that failed, fresh tokens rejected.
  readonly #keyFailures: FailureMemory
  readonly #refreshFailures: FailureMemory
  readonly #freshRejections: FailureMemory
  #token: AccessToken | undefined
  // 'rejected': not used before a new one was asked for. 'suspect': that failed; used on, and due for a refresh.
  #mark: 'rejected' | 'suspect' | undefined
  #flight: Flight<AccessToken> | undefined
  #replacedRejected = false
  #lastUncacheable: Instant | undefined

  /** @internal */
  constructor(context: TokenSourceContext, key: string, parameters: TokenParameters) {
    this.#context = context
    this.#key = key
    this.#parameters = parameters
    this.#keyFailures = new FailureMemory(context.clock)
    this.#refreshFailures = new FailureMemory(context.clock)
    this.#freshRejections = new FailureMemory(context.clock)
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
   * Does nothing if the current token is another one, so that any number of late reports cost one request.
   * Without an argument forgets the current token, whichever it is, and every remembered failure.
   */
  invalidate(rejected?: AccessToken | string): void {
    if (rejected === undefined) {
      this.#token = undefined
      this.#forgetFailures()
      this.#freshRejections.clear()
      this.#context.clientFailures.clear()
      return
    }
    const token = this.#token
    const text = typeof rejected === 'string' ? rejected : rejected.reveal()
    if (token === undefined || token.reveal() !== text || this.#mark === 'rejected') return
    if (this.#mayNotRefresh()) return
    this.#context.events.emit('tokenRejected', () => ({ ...this.#about(), fingerprint: token.fingerprint }))
    if (this.#replacedRejected && elapsedMs(token.requestedAt, this.#context.clock) < FRESH_MS) {
      this.#freshRejections.remember(freshRejectedError(this.client), rejectionPauseMs)
    } else {
      this.#mark = 'rejected'
    }
  }

  /** Why the token is used or not, as plain data without secrets. */
  inspect(): TokenSourceInspection {
    const state = this.state()
    return {
      ...this.#about(),
      state: state === 'absent' && this.#mark === 'rejected' ? 'rejected' : state,
      token: this.#token?.toJSON(),
      requestInFlight: this.#flight !== undefined,
      failure: this.#remembered() ?? this.#refreshFailures.recall() ?? this.#freshRejections.recall(),
    }
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
  settings(): ClientSettings {
    return this.#context.settings
  }

  /** @internal */
  events(): TokenEventEmitter {
    return this.#context.events
  }

  /** @internal The current token, usable or not: ask {@link state} first. */
  current(): AccessToken | undefined {
    return this.#token
  }

  /** @internal */
  busy(): boolean {
    return this.#flight !== undefined || this.#keyFailures.recall() !== undefined
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
    const state = classify(token, elapsedMs(token.requestedAt, this.#context.clock))
    return state === 'fresh' && this.#mark === 'suspect' ? 'refresh due' : state
  }

  /** @internal Like {@link getToken}, without a promise when the token is at hand. */
  tokenOrPromise({ signal, timeoutMs }: GetTokenOptions): AccessToken | Promise<AccessToken> {
    const state = this.state()
    if (state === 'refresh due') this.refreshInBackground()
    if (state === 'fresh' || state === 'refresh due') return this.#token as AccessToken
    const flight = this.#flight ?? this.#startForCallers(state)
    return timeoutMs === undefined ? flight.wait(signal) : this.#waitWithin(timeoutMs, flight, signal)
  }

  /** @internal Starts the refresh that is due, unless one is running or the pause after a failure lasts. */
  refreshInBackground(): void {
    if (this.#flight !== undefined || this.#mayNotRefresh()) return
    if (this.#remembered() !== undefined || this.#context.whyEnded() !== undefined) return
    this.#start('refresh due', true)
  }

  #waitWithin(timeoutMs: number, flight: Flight<AccessToken>, signal: AbortSignal | undefined): Promise<AccessToken> {
    return new Promise((resolve, reject) => {
      const done = new AbortController()
      this.#context.clock.sleep(timeoutMs, done.signal).then(
        () => reject(waitTimeoutError(this.client, timeoutMs)),
        () => {},
      )
      flight
        .wait(signal)
        .then(resolve, reject)
        .finally(() => done.abort())
    })
  }

  #startForCallers(state: TokenState | 'absent'): Flight<AccessToken> {
    const error = this.#context.whyEnded() ?? this.#remembered()
    if (error !== undefined) throw error
    const reason = state === 'expired' ? 'expired' : this.#mark === 'rejected' ? 'rejected' : 'no token'
    return this.#start(reason, false)
  }

  #start(reason: RequestReason, background: boolean): Flight<AccessToken> {
    const flight = runDetached(() => new Flight<AccessToken>((self) => this.#fly(self, reason, background)))
    this.#flight = flight
    return flight
  }

  async #fly(flight: Flight<AccessToken>, reason: RequestReason, background: boolean): Promise<AccessToken> {
    const failing = this.#context.clientFailures.inARow > 0
    const maxAttempts = () => (failing || flight.waiters === 0 ? 1 : this.#context.settings.maxAttempts)
    try {
      await this.#spaceUncacheable()
      const token = await requestAccessToken(this.#context, this.#parameters, { reason, background, maxAttempts })
      if (this.#flight === flight) this.#keep(token)
      return token
    } catch (error) {
      if (this.#flight !== flight) throw error
      return this.#usableDespite(error as TokenError, reason)
    } finally {
      if (this.#flight === flight) this.#flight = undefined
    }
  }

  // A server whose tokens must not be cached is asked at most once per second.
  async #spaceUncacheable(): Promise<void> {
    const { clock } = this.#context
    const waitMs = this.#lastUncacheable === undefined ? 0 : 1000 - elapsedMs(this.#lastUncacheable, clock)
    if (waitMs > 0) await clock.sleep(waitMs)
  }

  #keep(token: AccessToken): void {
    this.#context.clientFailures.clear()
    if (token.lifetimeMs === 0) {
      this.#lastUncacheable = instant(this.#context.clock)
      return
    }
    this.#replacedRejected = this.#mark !== undefined
    if (!this.#replacedRejected) this.#freshRejections.clear()
    this.#token = token
    this.#forgetFailures()
  }

  // A failure is remembered in the scope of its cause, and never takes away a token that is still valid.
  #usableDespite(error: TokenError, reason: RequestReason): AccessToken {
    const { clock, events, clientFailures } = this.#context
    const token = this.#token
    const ageMs = token === undefined ? 0 : elapsedMs(token.requestedAt, clock)
    const valid = token !== undefined && classify(token, ageMs) !== 'expired'
    events.emit('tokenRequestFailed', () => ({ ...this.#about(), error, reason, tokenStillValid: valid }))
    const retryAfterMs = error instanceof TokenResponseError ? (error.retryAfterMs ?? 0) : 0
    if (valid) {
      const askedMs = cappedRetryAfterMs(retryAfterMs, true)
      this.#refreshFailures.remember(error, (n) => Math.max(refreshPauseMs(n, token, ageMs, clock.random()), askedMs))
    }
    if (!error.retryable) {
      const memory = failureScope(error) === 'client' ? clientFailures : this.#keyFailures
      memory.remember(error, denialPauseMs)
    } else if (!valid || retryAfterMs > 0) {
      const askedMs = cappedRetryAfterMs(retryAfterMs, false)
      clientFailures.remember(error, (n) => Math.max(outagePauseMs(n, clock.random()), askedMs))
    }
    if (!valid || !error.retryable) throw error
    if (this.#mark === 'rejected') this.#mark = 'suspect'
    return token
  }

  #mayNotRefresh(): boolean {
    return this.#refreshFailures.recall() !== undefined || this.#freshRejections.recall() !== undefined
  }

  #remembered(): TokenError | undefined {
    return this.#context.clientFailures.recall() ?? this.#keyFailures.recall()
  }

  #forgetFailures(): void {
    this.#mark = undefined
    this.#refreshFailures.clear()
    this.#keyFailures.clear()
  }

  #about(): TokenEvent {
    return { client: this.client, scope: this.#parameters.scope }
  }
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

function freshRejectedError(client: string): TokenError {
  return new TokenError({
    code: 'fresh_token_rejected',
    client,
    message: `The API rejected a token of client "${client}" and at once its replacement.`,
    hint: 'The token is probably not meant for this API: check scope, audience, resource and the issuer the API trusts.',
  })
}
