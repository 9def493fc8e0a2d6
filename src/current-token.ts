import type { AccessToken } from './access-token.ts'
import { type Clock, elapsedMs } from './clock.ts'
import { classify, refreshPauseMs, type TokenAges, type TokenState } from './token-lifecycle.ts'

// A token of this age, or of a tenth of its lifetime, would not be bettered by another.
const NEW_MS = 10_000

// A token that replaced a rejected one and is rejected within this time was not the problem.
const FRESH_MS = 10_000

// The rest of the window is for the request.
const MOST_POSTPONED = 0.75

// Another process that is busy is left alone for as long as a server that has failed so often.
const LIKE_FAILURES = 3

/**
 * Why a refresh is put off: another process of the fleet is `busy` with it; or nothing keeps the fleet from refreshing
 * `in step`.
 */
export type Postponement = 'busy' | 'in step'

/** The token that one key has, and what became known of it since it was received. */
export class CurrentToken {
  readonly #clock: Clock
  #token: AccessToken | undefined
  // 'rejected': not used before a new one was asked for. 'suspect': that failed; used on, and due for a refresh.
  // 'expired': found to be so once, and not young again because a clock is set back.
  #mark: 'rejected' | 'suspect' | 'expired' | undefined
  #replacedRejected = false
  // The token's ages, or others once its refresh was put off or brought forward.
  #ages: TokenAges | undefined
  #isSpread = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The token, usable or not: ask {@link state} first. None once what it is bound to was replaced. */
  get(): AccessToken | undefined {
    return this.#token?.boundTo?.isReplaced ? undefined : this.#token
  }

  /** Where the token stands, by one reading of the clocks. */
  state(): TokenState | 'absent' | 'rejected' {
    const token = this.get()
    if (token === undefined) return 'absent'
    if (this.#mark === 'rejected' || this.#mark === 'expired') return this.#mark
    return classify(this.#ages ?? token, elapsedMs(token.requestedAt, this.#clock))
  }

  /** The token if it has not expired, even if it was rejected. */
  unexpired(): AccessToken | undefined {
    const token = this.get()
    if (token === undefined || this.#mark === 'expired') return undefined
    return classify(token, elapsedMs(token.requestedAt, this.#clock)) === 'expired' ? undefined : token
  }

  /**
   * Whether the token is still valid for this long. `not quite`: it is not, but it is as good as new, or fresh and of a
   * server whose tokens never live so long, and so the most that there is.
   */
  livesFor(ms: number): 'yes' | 'not quite' | 'no' {
    const token = this.get()
    if (token === undefined) return 'no'
    const ageMs = elapsedMs(token.requestedAt, this.#clock)
    if (token.lifetimeMs - ageMs >= ms) return 'yes'
    const isNew = ageMs < Math.min(token.lifetimeMs / 10, NEW_MS)
    return isNew || (token.lifetimeMs < ms && this.state() === 'fresh') ? 'not quite' : 'no'
  }

  /** Takes a new token. @returns whether it replaces one that was rejected */
  put(token: AccessToken): boolean {
    this.#replacedRejected = this.#mark === 'rejected' || this.#mark === 'suspect'
    this.#token = token
    this.#mark = undefined
    this.#ages = token
    this.#isSpread = false
    return this.#replacedRejected
  }

  /** An API rejected the token. @returns false when it has only just replaced another rejected one: it is used on */
  reject(): boolean {
    const token = this.get()
    if (token === undefined) return false
    if (this.#replacedRejected && elapsedMs(token.requestedAt, this.#clock) < FRESH_MS) return false
    this.#mark = 'rejected'
    return true
  }

  /** Age from which a refresh is due. */
  get dueAfterMs(): number {
    return this.#ages?.dueAfterMs ?? 0
  }

  /**
   * Puts a refresh that is due off: by 20 to 40 seconds, or up to half of what is left, where another process is busy with
   * it; else to a moment drawn from what is left of the window, once for each token.
   * @returns the token, if it is used until then
   */
  postponeRefresh(why: Postponement): AccessToken | undefined {
    const token = this.unexpired()
    if (token === undefined) return undefined
    const ageMs = elapsedMs(token.requestedAt, this.#clock)
    const { expiredAfterMs } = token
    const random = this.#clock.random()
    let pauseMs: number
    if (why === 'busy') {
      pauseMs = refreshPauseMs(LIKE_FAILURES, token, ageMs, random)
    } else {
      if (this.#mark !== undefined || this.#isSpread) return undefined
      this.#isSpread = true
      pauseMs = random * MOST_POSTPONED * (expiredAfterMs - ageMs)
    }
    this.#ages = { dueAfterMs: ageMs + pauseMs, expiredAfterMs }
    return token
  }

  /** A rejected token could not be replaced for now: better than none. */
  useOn(): void {
    if (this.#mark !== 'rejected' || this.#token === undefined) return
    this.#mark = 'suspect'
    this.#ages = { dueAfterMs: 0, expiredAfterMs: this.#token.expiredAfterMs }
  }

  /** The token was found to have expired. */
  expire(): void {
    this.#mark = 'expired'
  }

  clear(): void {
    this.#token = undefined
    this.#ages = undefined
    this.#mark = undefined
  }
}
