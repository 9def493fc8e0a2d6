import type { AccessToken } from './access-token.ts'
import type { ClientShare } from './client-share.ts'
import { elapsedMs, type Instant, instant } from './clock.ts'
import { TokenError } from './errors.ts'
import { aboutToken, type RequestReason } from './events.ts'
import { removedError, unexpectedError } from './flight-errors.ts'
import type { Admission, RequestGate } from './request-gate.ts'
import type { ObservedRun } from './request-observer.ts'
import { sharedToken } from './shared-token.ts'
import { Flight } from './single-flight.ts'
import type { TokenParameters } from './token-key.ts'
import {
  type ClientContext,
  type Deadline,
  type RequestControl,
  requestAccessToken,
  runDetached,
  withinDeadline,
} from './token-request.ts'
import type { Postponement } from './token-standing.ts'

/** What the sources of one client share. */
export interface TokenSourceContext extends ClientContext {
  readonly gate: RequestGate
  /** What the client shares with its other processes. */
  readonly share: ClientShare | undefined
  /** Why no request may be made any more, once the manager is closed. */
  readonly whyEnded: () => TokenError | undefined
}

/** Whom the requests are for: what there is already, and what is done with the outcome. */
export interface FlightOwner {
  /** The token that is to be replaced, and whether it was rejected. */
  replaced(): { readonly token: AccessToken | undefined; readonly isRejected: boolean }
  /** Puts a refresh that is due off; the token that is used meanwhile, if there is one. */
  postponeRefresh(why: Postponement): AccessToken | undefined
  /** How long requests for this key pause after a failure. */
  pauseMs(): number
  onToken(token: AccessToken, reason: RequestReason): void
  /** Another process has requested the token. */
  onFound(token: AccessToken, reason: RequestReason): void
  onFailure(error: TokenError, reason: RequestReason, admission: Admission): void
}

// While a failure is remembered, the store is asked for what others have at most this often.
const LOOK_PAUSE_MS = 200

// A server whose tokens must not be cached is asked at most this often.
const UNCACHEABLE_PAUSE_MS = 1000

/** The token requests of one key: one at a time. */
export class TokenFlights {
  readonly #context: TokenSourceContext
  readonly #key: string
  readonly #parameters: TokenParameters
  readonly #owner: FlightOwner
  #present: Flight<AccessToken> | undefined
  #forced: Flight<AccessToken> | undefined
  #control: RequestControl | undefined
  #uncacheableAt: Instant | undefined
  #ended: TokenError | undefined
  #abandoned: TokenError | undefined
  #outdated: Flight<AccessToken> | undefined
  // When the store was asked last while this process may not request a token.
  #lookedAt: Instant | undefined
  // Whether what other processes failed at does not count for the next flight.
  #isAnew = false
  #moreWaiters = (): number => 0
  #lastReason: RequestReason | undefined
  // The longest validity that a caller of the present flight asked for.
  #leastMs = 0

  constructor(context: TokenSourceContext, key: string, parameters: TokenParameters, owner: FlightOwner) {
    this.#context = context
    this.#key = key
    this.#parameters = parameters
    this.#owner = owner
  }

  /** The request under way. */
  get present(): Flight<AccessToken> | undefined {
    return this.#present
  }

  /** Whether a request is under way or waits for its turn, or the next has to wait. */
  get isBusy(): boolean {
    return this.#isAnew || (this.#present ?? this.#forced ?? this.#uncacheableAt ?? this.#lookedAt) !== undefined
  }

  /** How many callers wait. */
  get waiters(): number {
    const next = this.#forced?.waiters ?? 0
    return this.#present === undefined ? next : next + this.#present.waiters + this.#moreWaiters()
  }

  /** Why the last request was made. */
  get lastReason(): RequestReason | undefined {
    return this.#lastReason
  }

  /** The request under way, begun again if it slept through a suspension; else a new one. @throws TokenError why not */
  join(reason: RequestReason, leastMs: number, refusal: () => TokenError | undefined): Flight<AccessToken> {
    if (this.#present !== undefined && this.#present === this.#outdated) return this.next(refusal)
    if (this.#present === undefined) this.#begin(reason, refusal)
    else this.#watch()
    this.#leastMs = Math.max(this.#leastMs, leastMs)
    return this.#present as Flight<AccessToken>
  }

  /**
   * A request that begins after this call. What one under way brings was asked for before, so that this one waits for
   * it to end; callers share the one that waits.
   */
  next(refusal: () => TokenError | undefined): Flight<AccessToken> {
    if (this.#present === undefined) return this.#begin('forced', refusal)
    const ended = this.#whyEnded()
    if (ended !== undefined) throw ended
    this.#watch()
    if (this.#forced === undefined) {
      const run = this.#observed('forced', false)
      this.#forced = runDetached(() => new Flight<AccessToken>((self) => this.#force(self, refusal, run)))
    }
    return this.#forced
  }

  // Whoever waits for this is served even if the manager is closed meanwhile; for nobody it does not begin.
  async #force(
    self: Flight<AccessToken>,
    refusal: () => TokenError | undefined,
    run: ObservedRun | undefined,
  ): Promise<AccessToken> {
    while (this.#present !== undefined) await this.#present.promise.catch(() => {})
    this.#forced = undefined
    const against = this.#ended ?? (self.waiters === 0 ? this.#context.whyEnded() : undefined) ?? refusal()
    const leave = against ?? this.#context.gate.admit()
    if (leave instanceof TokenError) throw leave
    return await this.#start('forced', false, leave, run, () => self.waiters).promise
  }

  /** Begins a request that nobody waits for, if none is under way and nothing stands against it. */
  beginInBackground(reason: RequestReason): void {
    if (this.#present !== undefined || this.#whyEnded() !== undefined) return
    const { gate } = this.#context
    const admission = reason === 'refresh due' ? gate.admitRefresh() : gate.admit()
    if (!(admission instanceof TokenError)) this.#start(reason, true, admission, this.#observed(reason, true))
  }

  /** Looks for a newer token that another process requested, now and then: this one may not ask, for this reason. */
  lookInBackground(refusal: TokenError): void {
    const { share } = this.#context
    if (share === undefined || this.#present !== undefined || this.#whyEnded() !== undefined || !this.#mayLook()) return
    this.#start('refresh due', true, refusal, this.#observed('refresh due', true))
  }

  /** Ends the request under way for this reason if nobody waits for it. */
  abandonUnwatched(reason: TokenError): void {
    if (this.#present === undefined || this.#present.waiters + this.#moreWaiters() > 0) return
    this.#abandoned = reason
    this.#control?.abandon(reason)
  }

  /** What the request under way brings is out of date: its callers are served, it is not kept, and others wait for the next, which begins anew. */
  outdate(): void {
    this.#outdated = this.#present
    this.#isAnew = this.#context.share !== undefined
  }

  /** The client was removed: begins no request any more. The callers of one under way are served, and its token is not kept. */
  end(): void {
    this.#ended = removedError(this.#context.settings.name)
    this.#present = undefined
  }

  /** Resolves when no request is under way or waits for its turn. */
  async settled(): Promise<void> {
    for (let next = this.#present; next !== undefined; next = this.#forced ?? this.#present) {
      await next.promise.catch(() => {})
    }
    await this.#context.share?.settled()
  }

  #begin(reason: RequestReason, refusal: () => TokenError | undefined): Flight<AccessToken> {
    const { gate, share } = this.#context
    const ended = this.#whyEnded()
    const admission = ended ?? refusal() ?? gate.admit()
    if (admission instanceof TokenError) {
      // Where this process may not ask, another may have asked.
      if (share === undefined || ended !== undefined || !this.#mayLook()) throw admission
    }
    return this.#start(reason, false, admission, this.#observed(reason, false))
  }

  #mayLook(): boolean {
    const { clock } = this.#context
    if (this.#lookedAt !== undefined && elapsedMs(this.#lookedAt, clock) < LOOK_PAUSE_MS) return false
    this.#lookedAt = instant(clock)
    return true
  }

  #start(
    reason: RequestReason,
    background: boolean,
    admission: Admission | TokenError,
    run: ObservedRun | undefined,
    waiters: () => number = () => 0,
  ): Flight<AccessToken> {
    this.#lastReason = reason
    this.#leastMs = 0
    const isAnew = this.#isAnew || reason === 'forced'
    this.#isAnew = false
    const plan = { reason, background, isAnew, admission, run, waiters, isSent: false, isNoted: false }
    this.#moreWaiters = waiters
    this.#present = runDetached(() => new Flight<AccessToken>((self) => this.#fly(self, plan)))
    return this.#present
  }

  async #fly(flight: Flight<AccessToken>, plan: FlightPlan): Promise<AccessToken> {
    const { gate } = this.#context
    try {
      return await withinDeadline(this.#context, plan.background, this.#onBegin, (deadline) =>
        this.#obtain(flight, plan, deadline),
      )
    } catch (cause) {
      throw this.#noted(cause, flight, plan)
    } finally {
      if (!(plan.admission instanceof TokenError)) gate.release(plan.admission)
      if (this.#present === flight) this.#present = undefined
    }
  }

  async #obtain(flight: Flight<AccessToken>, plan: FlightPlan, deadline: Deadline): Promise<AccessToken> {
    const { gate, share } = this.#context
    const { admission } = plan
    const { signal } = deadline
    const request = async () => {
      if (admission instanceof TokenError) throw admission
      return await gate.run(admission, signal, () => this.#send(flight, plan, admission, deadline))
    }
    // Tokens that must not be cached are of no use to others.
    if (share === undefined || this.#uncacheableAt !== undefined) return await request()
    const { token: replaced, isRejected } = this.#owner.replaced()
    const isRefused = admission instanceof TokenError
    return await sharedToken(
      { ...this.#context, share },
      {
        ...{ ...plan, key: this.#key, scope: this.#parameters.scope, signal, replaced, isRejected, request },
        leastMs: () => this.#leastMs,
        refusal: isRefused ? admission : undefined,
        impatience: !isRefused && admission.probe ? gate.refusal() : undefined,
        postpone: (why) => this.#postpone(flight, plan, why),
        pauseMs: () => Math.max(gate.pauseMs(), this.#owner.pauseMs()),
        onFound: (token) => {
          this.#lookedAt = undefined
          gate.succeededElsewhere(elapsedMs(token.requestedAt, this.#context.clock))
          if (this.#isWanted(flight)) this.#owner.onFound(token, plan.reason)
        },
        onDenied: () => {
          plan.isSent = true
        },
      },
    )
  }

  async #send(
    flight: Flight<AccessToken>,
    plan: FlightPlan,
    admission: Admission,
    deadline: Deadline,
  ): Promise<AccessToken> {
    const { gate, settings, clock } = this.#context
    const { reason, background } = plan
    const maxAttempts = () => (gate.failing || this.#isAlone(flight, plan) ? 1 : settings.maxAttempts)
    plan.isSent = true
    try {
      await this.#spaceUncacheable(deadline.signal)
      const how = { reason, background, maxAttempts }
      const request = () => requestAccessToken(this.#context, this.#parameters, how, deadline)
      const token = await (plan.run === undefined ? request() : plan.run(request))
      gate.succeeded(admission)
      this.#lookedAt = undefined
      this.#uncacheableAt = token.lifetimeMs === 0 ? instant(clock) : undefined
      if (this.#isWanted(flight)) this.#owner.onToken(token, reason)
      return token
    } catch (cause) {
      // Before the next request has its turn, so that a wrong secret is one failed login.
      throw deadline.isRestarted() ? cause : this.#noted(cause, flight, plan)
    }
  }

  // In the caller's async context, which the request itself leaves.
  #observed(reason: RequestReason, background: boolean): ObservedRun | undefined {
    const { settings, events } = this.#context
    return events.observer?.({ ...aboutToken(settings.name, this.#parameters), reason, background })
  }

  // Nobody waits for the flight, and nobody comes to it any more.
  #postpone(flight: Flight<AccessToken>, plan: FlightPlan, why: Postponement): AccessToken | undefined {
    if (!plan.background || !this.#isAlone(flight, plan)) return undefined
    const token = this.#owner.postponeRefresh(why)
    if (token !== undefined && this.#present === flight) this.#present = undefined
    return token
  }

  #isAlone(flight: Flight<AccessToken>, { waiters }: FlightPlan): boolean {
    return flight.waiters + waiters() === 0
  }

  // Whether what it brings is to be kept.
  #isWanted(flight: Flight<AccessToken>): boolean {
    return this.#present === flight && this.#outdated !== flight
  }

  // A failure is news once, if it is of a request that was sent and that still matters.
  #noted(cause: unknown, flight: Flight<AccessToken>, plan: FlightPlan): TokenError {
    const error = this.#errorOf(cause)
    const { isSent, isNoted, admission, reason } = plan
    const isNews = isSent && !isNoted && this.#present === flight && error !== this.#abandoned
    if (isNews && !(admission instanceof TokenError)) {
      plan.isNoted = true
      this.#owner.onFailure(error, reason, admission)
    }
    return error
  }

  #errorOf(cause: unknown): TokenError {
    return cause instanceof TokenError ? cause : unexpectedError(this.#context.settings.name, cause)
  }

  // A caller comes to a request that is under way.
  #watch(): void {
    this.#control?.watch()
    this.#control?.restartIfOverdue()
  }

  #whyEnded(): TokenError | undefined {
    return this.#ended ?? this.#context.whyEnded()
  }

  readonly #onBegin = (control: RequestControl): void => {
    this.#control = control
  }

  async #spaceUncacheable(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context
    const waitMs = this.#uncacheableAt === undefined ? 0 : UNCACHEABLE_PAUSE_MS - elapsedMs(this.#uncacheableAt, clock)
    if (waitMs > 0) await clock.sleep(waitMs, signal)
  }
}

interface FlightPlan {
  /** Callers that wait beside those of the flight itself. */
  readonly waiters: () => number
  readonly reason: RequestReason
  readonly background: boolean
  /** Whether what other processes failed at does not count. */
  readonly isAnew: boolean
  /** Leave to send a request, or what stands against it. */
  readonly admission: Admission | TokenError
  readonly run: ObservedRun | undefined
  isSent: boolean
  isNoted: boolean
}
