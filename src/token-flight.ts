import type { AccessToken } from './access-token.ts'
import type { ClientShare } from './client-share.ts'
import { elapsedMs } from './clock.ts'
import { TokenError } from './errors.ts'
import type { RequestReason } from './events.ts'
import { unexpectedError } from './flight-errors.ts'
import type { Admission, RequestGate } from './request-gate.ts'
import type { ObservedRun } from './request-observer.ts'
import type { RequestSpacing } from './request-spacing.ts'
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
  /** Puts a refresh that is due off; the token that there is meanwhile, if it is put off. */
  postponeRefresh(why: Postponement): AccessToken | undefined
  /** How long requests for this key pause after a failure. */
  pauseMs(): number
  onToken(token: AccessToken, reason: RequestReason): void
  /** Another process has requested the token. */
  onFound(token: AccessToken, reason: RequestReason): void
  onFailure(error: TokenError, reason: RequestReason, admission: Admission): void
}

/** The key whose token is requested. */
export interface RequestedKey {
  readonly context: TokenSourceContext
  readonly key: string
  readonly parameters: TokenParameters
  readonly owner: FlightOwner
  readonly spacing: RequestSpacing
}

/** Why and how a flight begins. */
export interface FlightPlan {
  readonly reason: RequestReason
  /** Whether nobody waits when it begins. */
  readonly background: boolean
  /** Whether what other processes failed at does not count. */
  readonly isAnew: boolean
  /** Leave to send a request, or what stands against it. */
  readonly admission: Admission | TokenError
  readonly run: ObservedRun | undefined
  /** How many callers wait beside those of the flight itself. */
  readonly otherWaiters: () => number
}

/** One token request from its beginning to its end, by way of the store where there is one. */
export class TokenFlight {
  /** What its callers wait for. */
  readonly shared: Flight<AccessToken>
  readonly #requested: RequestedKey
  readonly #plan: FlightPlan
  // There from the start: a request begins at once.
  #control!: RequestControl
  // The longest validity that a caller asked for.
  #leastMs = 0
  #isSent = false
  #isNoted = false
  #isOver = false
  #isOutdated = false
  #abandoned: TokenError | undefined

  /** Begins it, outside of its caller's async context. */
  constructor(requested: RequestedKey, plan: FlightPlan) {
    this.#requested = requested
    this.#plan = plan
    this.shared = runDetached(() => new Flight(() => this.#fly()))
  }

  /** Why it began. */
  get reason(): RequestReason {
    return this.#plan.reason
  }

  /** Whether nobody comes to it any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether what it brings is for its callers only. */
  get isOutdated(): boolean {
    return this.#isOutdated
  }

  /** How many callers wait. */
  get waiters(): number {
    return this.shared.waiters + this.#plan.otherWaiters()
  }

  /** A caller comes: it is begun again if it slept through a suspension. @param leastMs how long the token must be valid */
  join(leastMs: number): Flight<AccessToken> {
    this.watch()
    this.#leastMs = Math.max(this.#leastMs, leastMs)
    return this.shared
  }

  /** Somebody waits for it, or for its end. */
  watch(): void {
    this.#control.watch()
    this.#control.restartIfOverdue()
  }

  /** Ends it for this reason if nobody waits. */
  abandonUnwatched(reason: TokenError): void {
    if (this.waiters > 0) return
    this.#abandoned = reason
    this.#control.abandon(reason)
  }

  /** What it brings is out of date: its callers are served, and it is not kept. */
  outdate(): void {
    this.#isOutdated = true
  }

  /** Nobody comes to it any more: its callers are served, nothing is kept, and no failure is remembered. */
  leave(): void {
    this.#isOver = true
  }

  async #fly(): Promise<AccessToken> {
    const { context } = this.#requested
    const { background, admission } = this.#plan
    const onBegin = (control: RequestControl) => {
      this.#control = control
    }
    try {
      return await withinDeadline(context, background, onBegin, (deadline) => this.#obtain(deadline))
    } catch (cause) {
      throw this.#noted(cause)
    } finally {
      if (!(admission instanceof TokenError)) context.gate.release(admission)
      this.#isOver = true
    }
  }

  async #obtain(deadline: Deadline): Promise<AccessToken> {
    const { context, key, parameters, owner, spacing } = this.#requested
    const { gate, share, clock } = context
    const { reason, background, isAnew, admission } = this.#plan
    const { signal } = deadline
    const request = async () => {
      if (admission instanceof TokenError) throw admission
      return await gate.run(admission, signal, () => this.#send(admission, deadline))
    }
    // Tokens that must not be cached are of no use to others.
    if (share === undefined || spacing.isUncacheable) return await request()
    const { token: replaced, isRejected } = owner.replaced()
    const isRefused = admission instanceof TokenError
    return await sharedToken(
      { ...context, share },
      {
        ...{ key, scope: parameters.scope, reason, background, isAnew, signal, replaced, isRejected, request },
        leastMs: () => this.#leastMs,
        refusal: isRefused ? admission : undefined,
        impatience: !isRefused && admission.probe ? gate.refusal() : undefined,
        postpone: (why) => this.#postpone(why),
        pauseMs: () => Math.max(gate.pauseMs(), owner.pauseMs()),
        onFound: (token) => {
          spacing.found()
          gate.succeededElsewhere(elapsedMs(token.requestedAt, clock))
          if (this.#isKept()) owner.onFound(token, reason)
        },
        onDenied: () => {
          this.#isSent = true
        },
      },
    )
  }

  async #send(admission: Admission, deadline: Deadline): Promise<AccessToken> {
    const { context, parameters, owner, spacing } = this.#requested
    const { gate, settings } = context
    const { reason, background, run } = this.#plan
    const maxAttempts = () => (gate.failing || this.waiters === 0 ? 1 : settings.maxAttempts)
    this.#isSent = true
    try {
      await spacing.wait(deadline.signal)
      const request = () => requestAccessToken(context, parameters, { reason, background, maxAttempts }, deadline)
      const token = await (run === undefined ? request() : run(request))
      gate.succeeded(admission)
      spacing.received(token.lifetimeMs)
      if (this.#isKept()) owner.onToken(token, reason)
      return token
    } catch (cause) {
      // Before the next request has its turn, so that a wrong secret is one failed login.
      throw deadline.isRestarted() ? cause : this.#noted(cause)
    }
  }

  // Nobody waits, and nobody comes to it any more.
  #postpone(why: Postponement): AccessToken | undefined {
    if (!this.#plan.background || this.waiters > 0) return undefined
    const token = this.#requested.owner.postponeRefresh(why)
    if (token !== undefined) this.#isOver = true
    return token
  }

  #isKept(): boolean {
    return !this.#isOver && !this.#isOutdated
  }

  // A failure is news once, if it is of a request that was sent and that still matters.
  #noted(cause: unknown): TokenError {
    const { context, owner } = this.#requested
    const { reason, admission } = this.#plan
    const error = cause instanceof TokenError ? cause : unexpectedError(context.settings.name, cause)
    const isNews = this.#isSent && !this.#isNoted && !this.#isOver && error !== this.#abandoned
    if (isNews && !(admission instanceof TokenError)) {
      this.#isNoted = true
      owner.onFailure(error, reason, admission)
    }
    return error
  }
}
