import type { AccessToken } from './access-token.ts'
import { TokenError } from './errors.ts'
import { aboutToken, type RequestReason } from './events.ts'
import { removedError } from './flight-errors.ts'
import type { Admission } from './request-gate.ts'
import type { ObservedRun } from './request-observer.ts'
import { RequestSpacing } from './request-spacing.ts'
import { Flight } from './single-flight.ts'
import { type FlightOwner, type RequestedKey, TokenFlight, type TokenSourceContext } from './token-flight.ts'
import type { TokenParameters } from './token-key.ts'
import { runDetached } from './token-request.ts'

/** The token requests of one key: one at a time. */
export class TokenFlights {
  readonly #requested: RequestedKey
  #latest: TokenFlight | undefined
  // Waits for the one under way to end.
  #forced: Flight<AccessToken> | undefined
  #ended: TokenError | undefined
  // Whether what other processes failed at does not count for the next flight.
  #isAnew = false

  constructor(context: TokenSourceContext, key: string, parameters: TokenParameters, owner: FlightOwner) {
    this.#requested = { context, key, parameters, owner, spacing: new RequestSpacing(context.clock) }
  }

  /** The request under way. */
  get present(): Flight<AccessToken> | undefined {
    return this.#running?.shared
  }

  /** Whether a request is under way or waits for its turn. */
  get isUnderWay(): boolean {
    return (this.#running ?? this.#forced) !== undefined
  }

  /** Whether one is, or the next has to wait. */
  get isBusy(): boolean {
    return this.#isAnew || this.isUnderWay || !this.#requested.spacing.isOver
  }

  /** How many callers wait. */
  get waiters(): number {
    return (this.#forced?.waiters ?? 0) + (this.#running?.waiters ?? 0)
  }

  /** Why the last request was made. */
  get lastReason(): RequestReason | undefined {
    return this.#latest?.reason
  }

  /** The request under way, begun again if it slept through a suspension; else a new one. @throws TokenError why not */
  join(reason: RequestReason, leastMs: number, refusal: () => TokenError | undefined): Flight<AccessToken> {
    const running = this.#running
    if (running?.isOutdated) return this.next(refusal)
    return (running ?? this.#begin(reason, refusal)).join(leastMs)
  }

  /**
   * A request that begins after this call. What one under way brings was asked for before, so that this one waits for
   * it to end; callers share the one that waits.
   */
  next(refusal: () => TokenError | undefined): Flight<AccessToken> {
    const running = this.#running
    if (!this.isUnderWay) return this.#begin('forced', refusal).shared
    const ended = this.#whyEnded()
    if (ended !== undefined) throw ended
    running?.watch()
    if (this.#forced === undefined) {
      const run = this.#observed('forced', false)
      this.#forced = runDetached(() => new Flight<AccessToken>((self) => this.#force(self, refusal, run)))
    }
    return this.#forced
  }

  /** Begins a request that nobody waits for; `undefined` if one is under way or something stands against it. */
  beginInBackground(reason: RequestReason): Flight<AccessToken> | undefined {
    const { context, spacing } = this.#requested
    if (this.#running !== undefined || this.#whyEnded() !== undefined || !spacing.mayBeginInBackground) return undefined
    const admission = context.gate.admitInBackground({ refresh: reason === 'refresh due' })
    if (admission instanceof TokenError) return undefined
    return this.#start(reason, true, admission, this.#observed(reason, true)).shared
  }

  /** Looks for a newer token that another process requested, now and then: this one may not ask, for this reason. */
  lookInBackground(refusal: TokenError): void {
    if (this.#requested.context.share === undefined || this.#running !== undefined) return
    if (this.#whyEnded() !== undefined || !this.#requested.spacing.mayLook()) return
    this.#start('refresh due', true, refusal, this.#observed('refresh due', true))
  }

  /** Ends the request under way for this reason if nobody waits for it. */
  abandonUnwatched(reason: TokenError): void {
    this.#running?.abandonUnwatched(reason)
  }

  /** What the request under way brings is out of date: its callers are served, it is not kept, and others wait for the next, which begins anew. */
  outdate(): void {
    this.#running?.outdate()
    this.#isAnew = this.#requested.context.share !== undefined
  }

  /** The client was removed: begins no request any more. The callers of one under way are served, and its token is not kept. */
  end(): void {
    this.#ended = removedError(this.#requested.context.settings.name)
    this.#running?.leave()
  }

  /** Resolves when no request is under way or waits for its turn. */
  async settled(): Promise<void> {
    const next = () => this.#forced ?? this.present
    for (let flight = next(); flight !== undefined; flight = next()) {
      await flight.promise.catch(() => {})
    }
    await this.#requested.context.share?.settled()
  }

  get #running(): TokenFlight | undefined {
    return this.#latest?.isOver ? undefined : this.#latest
  }

  #begin(reason: RequestReason, refusal: () => TokenError | undefined): TokenFlight {
    const { gate, share } = this.#requested.context
    const ended = this.#whyEnded()
    const admission = ended ?? refusal() ?? gate.admit()
    if (admission instanceof TokenError) {
      // Where this process may not ask, another may have asked.
      if (share === undefined || ended !== undefined || !this.#requested.spacing.mayLook()) throw admission
    }
    return this.#start(reason, false, admission, this.#observed(reason, false))
  }

  // Whoever waits for this is served even if the manager is closed meanwhile; for nobody it does not begin.
  async #force(
    self: Flight<AccessToken>,
    refusal: () => TokenError | undefined,
    run: ObservedRun | undefined,
  ): Promise<AccessToken> {
    const { gate, whyEnded } = this.#requested.context
    for (let before = this.present; before !== undefined; before = this.present) await before.promise.catch(() => {})
    this.#forced = undefined
    const against = this.#ended ?? (self.waiters === 0 ? whyEnded() : undefined) ?? refusal()
    const leave = against ?? gate.admit()
    if (leave instanceof TokenError) throw leave
    return await this.#start('forced', false, leave, run, () => self.waiters).shared.promise
  }

  #start(
    reason: RequestReason,
    background: boolean,
    admission: Admission | TokenError,
    run: ObservedRun | undefined,
    otherWaiters: () => number = () => 0,
  ): TokenFlight {
    const isAnew = this.#isAnew || reason === 'forced'
    this.#isAnew = false
    const plan = { reason, background, isAnew, admission, run, otherWaiters }
    this.#latest = new TokenFlight(this.#requested, plan)
    return this.#latest
  }

  // In the caller's async context, which the request itself leaves.
  #observed(reason: RequestReason, background: boolean): ObservedRun | undefined {
    const { context, parameters } = this.#requested
    const about = aboutToken(context.settings.name, parameters)
    return context.events.observer?.({ ...about, reason, background })
  }

  #whyEnded(): TokenError | undefined {
    return this.#ended ?? this.#requested.context.whyEnded()
  }
}
