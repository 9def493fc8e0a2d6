import type { AccessToken } from './access-token.ts'
import { classify, refreshPauseMs, type TokenAges, type TokenState, upperHalf } from './token-lifecycle.ts'

// A token of this age, or of a tenth of its lifetime, would not be bettered by another.
const NEW_MS = 10_000

// A token that replaced a rejected one and is rejected within this time was not the problem.
const FRESH_MS = 10_000

// The rest of the window is for the request.
const MOST_POSTPONED = 0.75

// Another process that is busy is left alone for as long as a server that has failed so often,
const LIKE_FAILURES = 3

// or when nobody could use the token, and nobody waits, for so long.
const USELESS_MS = 10_000

/**
 * Why a refresh is put off: another process of the fleet is `busy` with it; or nothing keeps the fleet from refreshing
 * `in step`.
 */
export type Postponement = 'busy' | 'in step'

/** Where a key stands: what becomes of its token, or that there is none. */
export type Standing = TokenState | 'absent' | 'rejected'

/** What became known of a key's token since it was received. */
export class TokenStanding {
  // 'rejected': not used before a new one was asked for. 'suspect': that failed; used on, and due for a refresh.
  // 'in vain': rejected when another would not help, or cannot be had; used on.
  // 'expired': found to be so once, and not young again because a clock is set back.
  #mark: 'rejected' | 'suspect' | 'in vain' | 'expired' | undefined
  #replacedRejected = false
  // The token's ages once its refresh was put off or brought forward.
  #ages: TokenAges | undefined
  #isSpread = false

  /** Whether there is nothing that its age does not tell. */
  get isPlain(): boolean {
    return this.#mark === undefined && this.#ages === undefined && !this.#replacedRejected
  }

  /** Where a token of this age stands. */
  of(token: AccessToken, ageMs: number): TokenState | 'rejected' {
    if (this.#mark === 'rejected' || this.#mark === 'expired') return this.#mark
    return classify(this.#ages ?? token, ageMs)
  }

  /** Whether a token of this age has expired, even if it was rejected too. */
  hasExpired(token: AccessToken, ageMs: number): boolean {
    return this.#mark === 'expired' || classify(token, ageMs) === 'expired'
  }

  /** Age from which a refresh is due. */
  dueAfterMs(token: AccessToken): number {
    return (this.#ages ?? token).dueAfterMs
  }

  /** Milliseconds for which the refresh of a token of this age, wanted as it is, is put off. */
  putOffMs(ageMs: number): number {
    return Math.max(0, (this.#ages?.dueAfterMs ?? 0) - ageMs)
  }

  /** There is a new token. @returns whether it replaces one that was rejected */
  replace(): boolean {
    this.#replacedRejected = this.#mark !== undefined && this.#mark !== 'expired'
    this.#mark = undefined
    this.#ages = undefined
    this.#isSpread = false
    return this.#replacedRejected
  }

  /** An API rejected the token. @returns false when it has only just replaced another rejected one: it is used on */
  reject(ageMs: number): boolean {
    const isInVain = this.#replacedRejected && ageMs < FRESH_MS
    this.#mark = isInVain ? 'in vain' : 'rejected'
    // It was put off for a good token.
    if (!isInVain) this.#ages = undefined
    return !isInVain
  }

  /** An API rejected the token while none may be requested: it is used on. */
  rejectInVain(): void {
    this.#mark ??= 'in vain'
  }

  /**
   * Puts a refresh that is due off: by 20 to 40 seconds, or up to half of what is left, where another process is busy with
   * it, and by 5 to 10 if nobody could use the token; else to a moment drawn from what is left of the window, once for each
   * token.
   * @param random in `[0, 1)`
   * @returns whether it is put off
   */
  postponeRefresh(why: Postponement, token: AccessToken, ageMs: number, random: number): boolean {
    const { expiredAfterMs, lifetimeMs } = token
    const isExpired = this.hasExpired(token, ageMs)
    if (why === 'busy') {
      const isUseless = isExpired || this.#mark === 'rejected'
      const pauseMs = isUseless
        ? upperHalf(Math.min(lifetimeMs, USELESS_MS), random)
        : refreshPauseMs(LIKE_FAILURES, token, ageMs, random)
      this.#ages = { dueAfterMs: ageMs + pauseMs, expiredAfterMs }
      return true
    }
    if (isExpired || this.#mark === 'rejected' || this.#mark === 'suspect' || this.#isSpread) return false
    this.#isSpread = true
    this.#ages = { dueAfterMs: ageMs + random * MOST_POSTPONED * (expiredAfterMs - ageMs), expiredAfterMs }
    return true
  }

  /** A rejected token could not be replaced for now: better than none. */
  useOn({ expiredAfterMs }: AccessToken): void {
    if (this.#mark !== 'rejected') return
    this.#mark = 'suspect'
    this.#ages = { dueAfterMs: 0, expiredAfterMs }
  }

  /** The token was found to have expired. */
  expire(): void {
    this.#mark = 'expired'
  }

  /** There is no token any more. */
  clear(): void {
    this.#mark = undefined
  }
}

/**
 * Whether a token of this age is still valid for this long. `not quite`: it is not, but it is as good as new, or fresh and
 * of a server whose tokens never live so long, and so the most that there is.
 */
export function livesFor(
  ms: number,
  { lifetimeMs }: AccessToken,
  ageMs: number,
  standing: Standing,
): 'yes' | 'not quite' | 'no' {
  if (lifetimeMs - ageMs >= ms) return 'yes'
  const isNew = ageMs < Math.min(lifetimeMs / 10, NEW_MS)
  return isNew || (lifetimeMs < ms && standing === 'fresh') ? 'not quite' : 'no'
}
