/**
 * The rules of a token's life, without clock, network or state: when a refresh is due, when a token is no longer used,
 * and how long to pause after a failure. All durations are milliseconds.
 */

const SECOND = 1000
const MINUTE = 60 * SECOND

/** The caps on the two windows; both windows are proportional to the lifetime, so that short tokens are cached too. */
export interface LifecycleLimits {
  /** Cap on the refresh window. Default 20 minutes. */
  readonly refreshWindowMs: number
  /** Cap on the safety margin. Default 10 seconds. */
  readonly safetyMarginMs: number
}

/** The defaults of {@link LifecycleLimits}. */
export const DEFAULT_LIMITS: LifecycleLimits = { refreshWindowMs: 20 * MINUTE, safetyMarginMs: 10 * SECOND }

/** Where a token stands. */
export type TokenState = 'fresh' | 'refresh due' | 'expired'

/** The two ages at which a token changes its state. */
export interface TokenAges {
  /** Age from which a refresh is due. */
  readonly dueAfterMs: number
  /** Age from which the token is no longer used. */
  readonly expiredAfterMs: number
}

/**
 * The ages at which a token of this lifetime falls due and expires.
 *
 * Expired: less than `min(lifetime / 10, safetyMarginMs)` is left. Refresh due: less than
 * `min(lifetime / 3, refreshWindowMs)` is left, or the server's own `refresh_in` (taken for a second at least) has
 * passed; brought forward by `jitter` (in `[0, 1)`) times `min(lifetime / 10, 2 minutes)`, so that a fleet does not
 * refresh in step, but by half at the most: a token that is due when it arrives would be refreshed without end.
 */
export function tokenAges(
  lifetimeMs: number,
  refreshInMs: number | undefined,
  jitter: number,
  limits: LifecycleLimits,
): TokenAges {
  const expiredAfterMs = lifetimeMs - Math.min(lifetimeMs / 10, limits.safetyMarginMs)
  const windowMs = Math.min(lifetimeMs / 3, limits.refreshWindowMs)
  const wantedMs = refreshInMs === undefined ? lifetimeMs - windowMs : Math.max(refreshInMs, SECOND)
  const latestMs = Math.min(wantedMs, expiredAfterMs)
  const broughtForwardMs = jitter * Math.min(lifetimeMs / 10, latestMs / 2, 2 * MINUTE)
  return { dueAfterMs: latestMs - broughtForwardMs, expiredAfterMs }
}

/** Where a token of this age stands. */
export function classify(token: TokenAges, ageMs: number): TokenState {
  if (ageMs >= token.expiredAfterMs) return 'expired'
  return ageMs >= token.dueAfterMs ? 'refresh due' : 'fresh'
}

/**
 * The pause after the `failures`-th refresh in a row that failed while the token is still valid.
 *
 * Drawn from the upper half of a bound that doubles from 10 seconds to 5 minutes, is at most half of what is left
 * until the token is no longer used, and at least a tenth of the refresh window (10 seconds at the most).
 */
export function refreshPauseMs(failures: number, token: TokenAges, ageMs: number, random: number): number {
  const growing = Math.min(10 * SECOND * 2 ** (failures - 1), 5 * MINUTE)
  const left = token.expiredAfterMs - ageMs
  const window = token.expiredAfterMs - token.dueAfterMs
  return upperHalf(Math.max(Math.min(growing, left / 2), Math.min(10 * SECOND, window / 10)), random)
}

/** The pause after the `failures`-th transient failure in a row with no valid token: the bound doubles from 0.5 to 10 seconds. */
export function outagePauseMs(failures: number, random: number): number {
  return upperHalf(Math.min(0.5 * SECOND * 2 ** (failures - 1), 10 * SECOND), random)
}

/** How long the `failures`-th permanent failure in a row is remembered: 1 second, doubling to 60. */
export function denialPauseMs(failures: number): number {
  return Math.min(SECOND * 2 ** (failures - 1), MINUTE)
}

/** The pause after the `times`-th fresh token in a row that was rejected: 10 seconds, doubling to 5 minutes. */
export function rejectionPauseMs(times: number): number {
  return Math.min(10 * SECOND * 2 ** (times - 1), 5 * MINUTE)
}

/** A server's `Retry-After`, capped: at one hour while a token is valid, at five minutes when none is. */
export function cappedRetryAfterMs(retryAfterMs: number, tokenIsValid: boolean): number {
  return Math.min(retryAfterMs, tokenIsValid ? 60 * MINUTE : 5 * MINUTE)
}

/** A duration from the upper half of a bound. @param random in `[0, 1)` */
export function upperHalf(bound: number, random: number): number {
  return bound * (0.5 + random / 2)
}
