import type { AccessToken } from './access-token.ts'
import { withTimeout } from './clock.ts'
import { TokenError } from './errors.ts'
import type { RequestReason } from './events.ts'
import { failureScope } from './failure-memory.ts'
import { type GetTokenOptions, waitTimeoutError } from './get-token-options.ts'
import { aboutKey, tellFound, tellReceived, tellRejected, tellShort } from './key-events.ts'
import { KeyFailures } from './key-failures.ts'
import type { Admission } from './request-gate.ts'
import type { Flight } from './single-flight.ts'
import type { FlightOwner, TokenSourceContext } from './token-flight.ts'
import { TokenFlights } from './token-flights.ts'
import { type TokenParameters, tokenKey } from './token-key.ts'
import { type Postponement, type Standing, TokenStanding } from './token-standing.ts'

/** What the sources of one client share, and what they tell. */
export interface SourceContext extends TokenSourceContext {
  /** The client's part of its tokens' identities. */
  readonly keyPart: string
  /** There is a new token. */
  readonly onToken: () => void
}

/** Whose token is renewed. */
export interface RenewedSource {
  parameters(): TokenParameters
  context(): SourceContext
  /** The current token, usable or not. */
  current(): AccessToken | undefined
  state(): Standing
  /** Takes a new token. */
  put(token: AccessToken, isFromStore: boolean): void
  /** A request has ended, for whatever reason it was made. */
  onEnd(): void
}

/**
 * The renewal of one key's token: the requests for it, and what they and the callers make known. A source has one only
 * while there is something to know, and most have none.
 */
export class TokenRenewal implements FlightOwner {
  readonly standing: TokenStanding = new TokenStanding()
  readonly failures: KeyFailures
  readonly #source: RenewedSource
  readonly #context: SourceContext
  readonly #flights: TokenFlights
  // What a caller did not want any more, whoever has it.
  #forgotten: AccessToken | undefined
  #watched: Flight<AccessToken> | undefined
  #isEnded = false

  constructor(source: RenewedSource) {
    this.#source = source
    this.#context = source.context()
    this.failures = new KeyFailures(this.#context.clock)
    const parameters = source.parameters()
    this.#flights = new TokenFlights(this.#context, tokenKey(this.#context.keyPart, parameters), parameters, this)
  }

  /** Whether a request is under way or waits for its turn. */
  get isUnderWay(): boolean {
    return this.#flights.isUnderWay
  }

  /** How many callers wait for a request. */
  get waiters(): number {
    return this.#flights.waiters
  }

  /** Why the last request was made. */
  get lastReason(): RequestReason | undefined {
    return this.#flights.lastReason
  }

  /** Whether nothing is lost with it. */
  get isOver(): boolean {
    const isIdle = !this.#flights.isBusy && !this.#isEnded && this.#forgotten === undefined
    return isIdle && this.standing.isPlain && this.failures.isEmpty
  }

  /** The token that callers get who cannot have the current one. @throws TokenError, or what the signal aborts with */
  obtain(state: Standing, options: GetTokenOptions): Promise<AccessToken> {
    if (state === 'expired') this.standing.expire()
    const mustBeNew = options.forceRefresh || options.minValidityMs !== undefined
    return state === 'rejected' && !mustBeNew ? this.#replaceRejected(options) : this.#wait(state, options)
  }

  /** Starts the refresh that is due; `undefined` if one is running or the pause after a failure lasts. */
  refreshInBackground(state: Standing): Flight<AccessToken> | undefined {
    if (this.failures.forRefresh() !== undefined) return undefined
    const begun = this.#flights.beginInBackground(state === 'expired' ? 'expired' : 'refresh due')
    this.#watch(begun)
    return begun
  }

  /** An API rejected the token: it is not used again before a new one was asked for, unless the pause after a failure lasts. */
  reject(token: AccessToken): void {
    const refusal = this.failures.forRefresh()
    if (refusal !== undefined) {
      // It is used on for now; another process may have a newer one.
      this.standing.rejectInVain()
      this.#flights.lookInBackground(refusal)
      this.#watch(this.#flights.present)
      return
    }
    const { clock, settings } = this.#context
    const isReplaced = this.standing.reject(token.ageMs(clock))
    if (!isReplaced) this.failures.freshTokenRejected(settings.name)
    tellRejected(this.#source, token, isReplaced)
  }

  /** Forgets every failure; what is under way brings the token of before. @param token that is not wanted any more */
  forget(token: AccessToken | undefined): void {
    // Others that share tokens may have it still.
    if (this.#context.share !== undefined) this.#forgotten = token ?? this.#forgotten
    this.standing.clear()
    this.#flights.outdate()
    this.failures.clear()
  }

  /** The client was removed: callers that wait are served, and nothing is kept. */
  end(): void {
    this.#isEnded = true
    this.#flights.end()
  }

  /** Ends a request that nobody waits for. */
  abandonUnwatched(): void {
    this.#flights.abandonUnwatched(this.#context.whyEnded() as TokenError)
  }

  /** Resolves when no request is under way. */
  async settled(): Promise<void> {
    await this.#flights.settled()
  }

  /** Whether a request runs, or callers get a remembered failure. */
  busy(): boolean {
    return this.isUnderWay || this.failures.forCallers() !== undefined
  }

  replaced(): ReturnType<FlightOwner['replaced']> {
    const token = this.#source.current()
    return token === undefined
      ? { token: this.#forgotten, isRejected: this.#forgotten !== undefined }
      : { token, isRejected: this.#source.state() === 'rejected' }
  }

  postponeRefresh(why: Postponement): AccessToken | undefined {
    const { clock } = this.#context
    const token = this.#source.current()
    const isPutOff = token && this.standing.postponeRefresh(why, token, token.ageMs(clock), clock.random())
    return isPutOff ? token : undefined
  }

  pauseMs(): number {
    return this.failures.pauseMs()
  }

  onFound(token: AccessToken, reason: RequestReason): void {
    this.#put(token, true)
    tellFound(this.#source, token, reason)
    this.#context.onToken()
  }

  onToken(token: AccessToken, reason: RequestReason): void {
    this.#put(token, false)
    // After the token is in place, so that a listener finds it there.
    tellReceived(this.#source, token, reason)
    this.#context.onToken()
  }

  // A failure is remembered in the scope of its cause, and never takes away a token that is still valid.
  onFailure(error: TokenError, reason: RequestReason, admission: Admission): void {
    const { events, gate } = this.#context
    const token = this.#unexpired()
    const tokenStillValid = token !== undefined
    events.emit('tokenRequestFailed', () => ({ ...aboutKey(this.#source), error, reason, tokenStillValid }))
    const pauseMs = token && this.failures.refreshFailed(error, token)
    if (failureScope(error, this.#source.parameters().subject !== undefined) === 'client') {
      gate.failed(error, admission, pauseMs)
    } else {
      this.failures.denied(error)
      gate.succeeded(admission)
    }
  }

  #wait(state: Standing, options: GetTokenOptions): Promise<AccessToken> {
    const flight = options.forceRefresh
      ? this.#flights.next(this.#refusal)
      : this.#flights.join(REASON[state], options.minValidityMs ?? 0, this.#refusal)
    this.#watch(flight)
    // Most callers get the very promise that all share.
    if (options.timeoutMs === undefined && options.minValidityMs === undefined) return flight.wait(options.signal)
    return this.#waitOnTerms(flight, options)
  }

  async #waitOnTerms(flight: Flight<AccessToken>, options: GetTokenOptions): Promise<AccessToken> {
    const { signal, timeoutMs: ms, minValidityMs = 0 } = options
    const { clock, settings } = this.#context
    // The caller's time detaches it from the request like its signal does.
    const tooLate = () => waitTimeoutError(settings.name, ms)
    const token = await (ms === undefined
      ? flight.wait(signal)
      : withTimeout({ clock, ms, tooLate, signal }, (inTime) => flight.wait(inTime)))
    if (token.lifetimeMs - token.ageMs(clock) < minValidityMs) tellShort(this.#source, token, minValidityMs)
    return token
  }

  // One misbehaving API node and an outage of the authorization server must not add up to a total outage: a rejected
  // token that cannot be replaced for now is used on.
  async #replaceRejected(options: GetTokenOptions): Promise<AccessToken> {
    try {
      return await this.#wait('rejected', options)
    } catch (error) {
      const token = this.#unexpired()
      const mayPass = error instanceof TokenError && error.retryable && error.code !== 'wait_timeout'
      if (token === undefined || !mayPass) throw error
      if (this.failures.forRefresh() === undefined) this.failures.refreshFailed(error, token)
      this.standing.useOn(token)
      return token
    }
  }

  readonly #refusal = (): TokenError | undefined => this.failures.forCallers()

  #watch(flight: Flight<AccessToken> | undefined): void {
    if (flight === undefined || flight === this.#watched) return
    this.#watched = flight
    const onEnd = () => this.#source.onEnd()
    flight.promise.then(onEnd, onEnd)
  }

  #put(token: AccessToken, isFromStore: boolean): void {
    this.#forgotten = undefined
    this.#source.put(token, isFromStore)
    if (token.lifetimeMs > 0) this.failures.succeeded(this.standing.replace())
  }

  #unexpired(): AccessToken | undefined {
    const token = this.#source.current()
    return token === undefined || this.standing.hasExpired(token, token.ageMs(this.#context.clock)) ? undefined : token
  }
}

const REASON: Readonly<Record<Standing, RequestReason>> = {
  absent: 'no token',
  expired: 'expired',
  rejected: 'rejected',
  fresh: 'short validity',
  'refresh due': 'short validity',
}
