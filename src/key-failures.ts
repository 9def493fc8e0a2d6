import type { AccessToken } from './access-token.ts'
import { type Clock, elapsedMs } from './clock.ts'
import { TokenError } from './errors.ts'
import { FailureMemory } from './failure-memory.ts'
import { denialPauseMs, refreshPauseMs, rejectionPauseMs } from './token-lifecycle.ts'

/** What failures of one key mean for its next request. There are three kinds, each with its own pause. */
export class KeyFailures {
  readonly #clock: Clock
  /** The server denies this token for good: callers get that. */
  readonly #denials: FailureMemory
  /** The refresh of a token that is still valid failed: nobody notices, and the next attempt waits. */
  readonly #refreshes: FailureMemory
  /** The API rejects fresh tokens too: more of them would not help. */
  readonly #rejections: FailureMemory

  constructor(clock: Clock) {
    this.#clock = clock
    this.#denials = new FailureMemory(clock)
    this.#refreshes = new FailureMemory(clock)
    this.#rejections = new FailureMemory(clock)
  }

  /** Whether nothing is remembered, not even how often something failed. */
  get isEmpty(): boolean {
    return this.#denials.inARow + this.#refreshes.inARow + this.#rejections.inARow === 0
  }

  /** The failure that callers without a valid token get at the moment. */
  forCallers(): TokenError | undefined {
    return this.#denials.recall()
  }

  /** The failure that holds back a refresh, or the replacement of a rejected token, at the moment. */
  forRefresh(): TokenError | undefined {
    return this.#denials.recall() ?? this.#refreshes.recall() ?? this.#rejections.recall()
  }

  /** Milliseconds until a refresh is no longer held back. */
  pauseMs(): number {
    return Math.max(...[this.#denials, this.#refreshes, this.#rejections].map((memory) => memory.remainingMs()))
  }

  denied(error: TokenError): void {
    this.#denials.remember(error, denialPauseMs)
  }

  /** @param token the token that is still valid. @returns the pause until the next refresh */
  refreshFailed(error: TokenError, token: AccessToken): number {
    const ageMs = elapsedMs(token.requestedAt, this.#clock)
    return this.#refreshes.remember(error, (failures) => refreshPauseMs(failures, token, ageMs, this.#clock.random()))
  }

  freshTokenRejected(client: string): void {
    this.#rejections.remember(freshTokenRejected(client), rejectionPauseMs)
  }

  /** A token was received. @param replacedRejected in place of one that an API rejected */
  succeeded(replacedRejected: boolean): void {
    this.#denials.clear()
    this.#refreshes.clear()
    if (!replacedRejected) this.#rejections.clear()
  }

  clear(): void {
    this.succeeded(false)
  }
}

function freshTokenRejected(client: string): TokenError {
  return new TokenError({
    code: 'fresh_token_rejected',
    client,
    message: `The API rejected a token of client "${client}" and at once its replacement.`,
    hint: 'The token is probably not meant for this API: check scope, audience, resource and the issuer the API trusts.',
  })
}
