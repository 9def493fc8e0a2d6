import { boundTo } from './clients.ts'
import { type Holding, lossesOf, prolonged, type Span, type Timeline, touches } from './timeline.ts'

/** How the API met one sending of a request. */
export interface ApiMeeting {
  readonly status: number | undefined
  /** What went wrong on purpose. */
  readonly fault: string | undefined
  /** Why it was turned away. */
  readonly refusal: string | undefined
}

/** A request of a worker that failed, and by what. */
export interface FailedRequest extends Span {
  readonly worker: number
  readonly client: string
  /** The code of a TokenError; `undefined` for any other failure. */
  readonly tokenError: string | undefined
  readonly retryable: boolean
  /** In few words, without secrets. */
  readonly what: string
  /** In the order of arrival. */
  readonly meetings: readonly ApiMeeting[]
  /** Fingerprints of tokens that the worker knew to be rejected. */
  readonly rejected: readonly string[]
}

/** Why a request failed; `hadTo` is false if a valid token could have served. */
export interface Judgement {
  readonly hadTo: boolean
  readonly why: string
}

const had = (why: string): Judgement => ({ hadTo: true, why })
const neednt = (why: string): Judgement => ({ hadTo: false, why })

// A worker may take this long to notice that a server works again: an attempt of 5 seconds, and a pause of 10.
const RECOVERY_MS = 15_000
// A store that was away is left alone for 10 seconds at a time.
const STORE_RECOVERY_MS = 11_000
// After an API rejected a fresh token, its 401s are the caller's for 10 seconds, and longer each time.
const REJECTION_PAUSE_MS = 30_000
// A token request has two sendings: if the nonce changes just when it has learned one, it is denied, which is remembered.
const NONCE_PAUSE_MS = 3000
// What is reported and what is measured are not of the same instant.
const SLACK_MS = 500

/**
 * Whether a request had to fail: it is a mistake of the library if the worker had a valid token, if the store had one for it,
 * or if nothing stood in the way of getting one.
 */
export function judge(failure: FailedRequest, timeline: Timeline): Judgement {
  const last = failure.meetings.at(-1)
  if (failure.tokenError === undefined) {
    if (last === undefined && touches(timeline.stalls, failure)) return had('its connection ended meanwhile')
    if (last === undefined) return neednt('failed before it reached the API, and not for want of a token')
    if (last.fault !== undefined) return had('the API failed')
    if (last.refusal === 'nonce' && isNonceRenewed(failure, timeline)) return had('the API wants yet another nonce')
    if (last.refusal === 'expired' && touches(timeline.stalls, failure)) return had('it was under way for too long')
    if (last.refusal !== 'revoked') return neednt(`the API met it with ${last.refusal ?? `status ${last.status}`}`)
  }
  const { worker, client } = failure
  const mine = timeline.holdings.filter((held) => held.worker === worker && held.client === client)
  // The latest one replaces those before.
  const latest = mine.filter((held) => held.at <= failure.from - SLACK_MS).at(-1)
  const isUseless = latest !== undefined && failure.rejected.includes(latest.fingerprint) && !failure.retryable
  if (latest !== undefined && !isUseless && isValid(latest, failure, timeline)) return neednt('it had a valid token')
  if (touches(prolonged(timeline.stalls, RECOVERY_MS), failure)) return had('the machine kept it waiting')
  if (canBeFound(failure, timeline)) return neednt('the store had a valid token')
  const isDenied = failure.tokenError === 'request_denied' && boundTo('key').includes(client)
  if (isDenied && timeline.tokenNonces.some((at) => at >= failure.from - NONCE_PAUSE_MS && at <= failure.to))
    return had('the token endpoint wants yet another nonce')
  if (touches(prolonged(timeline.withoutTokens, RECOVERY_MS), failure)) return had('no token could be had')
  if (failure.tokenError === undefined && areFreshRejected(failure, timeline))
    return had('the API rejects fresh tokens')
  return neednt('nothing stood in the way of a token')
}

/** Whether a request learned a nonce which was not wanted any more when it was sent the second time. */
function isNonceRenewed({ meetings, from, to }: FailedRequest, { apiNonces }: Timeline): boolean {
  return (
    meetings.filter(({ refusal }) => refusal === 'nonce').length > 1 && apiNonces.some((at) => at >= from && at <= to)
  )
}

/**
 * Whether the API may have rejected a token and then its replacement, so that the worker does not ask for more for a while:
 * both were revoked, or the store had one for it that was.
 */
function areFreshRejected(failure: FailedRequest, { wrongRejections, revocations, holdings }: Timeline): boolean {
  const before = { from: failure.from - REJECTION_PAUSE_MS, to: failure.to }
  const found = holdings.filter(({ worker, client }) => worker === failure.worker && client === failure.client)
  const wasRevoked = found.some(({ at, lifetimeMs, leftMs }) =>
    revocations.some((revokedAt) => revokedAt > at - (lifetimeMs - leftMs) && revokedAt <= at && at >= before.from),
  )
  return wasRevoked || touches(wrongRejections, before) || hasTwo(revocations, before)
}

function hasTwo(times: readonly number[], { from, to }: Span): boolean {
  return times.filter((at) => at >= from && at <= to).length > 1
}

/** Whether a token can be used from the beginning of a request to its end, as far as its worker can know. */
function isValid({ worker, at, lifetimeMs, leftMs }: Holding, during: Span, timeline: Timeline): boolean {
  const { revocations, jumps } = timeline
  const ahead = jumps.filter((jump) => jump.worker === worker && jump.at >= at && jump.at <= during.to && jump.byMs > 0)
  const agedMs = ahead.reduce((sum, { byMs }) => sum + byMs, 0)
  const usedUntil = at + leftMs - agedMs - Math.min(lifetimeMs / 10, 10_000)
  // One that was found is older, and may be of before a revocation.
  const requestedAt = at - (lifetimeMs - leftMs)
  const isRevoked = revocations.some((revokedAt) => revokedAt >= requestedAt - SLACK_MS && revokedAt <= during.to)
  return !isRevoked && during.to < usedUntil - SLACK_MS
}

/** Whether the store had a token all the time, and the worker a clock to read it by. */
function canBeFound(failure: FailedRequest, timeline: Timeline): boolean {
  const { withoutStore, wrongRejections, jumps, holdings } = timeline
  const losses = lossesOf(failure.client, timeline)
  const isSkewed = (worker: number, at: number) =>
    jumps.filter((jump) => jump.worker === worker && jump.at <= at).reduce((sum, { byMs }) => sum + byMs, 0) !== 0
  // While a failure is remembered the store is asked now and then: the last time may have been by the clock of before.
  const looks = [failure.from - SLACK_MS, failure.from, failure.to]
  if (looks.some((at) => isSkewed(failure.worker, at))) return false
  return holdings.some((held) => {
    const since = { from: held.at - SLACK_MS, to: failure.to }
    const isWritten = held.at < failure.from - 1000 && !isSkewed(held.worker, held.at)
    const isThere = isWritten && held.client === failure.client && !failure.rejected.includes(held.fingerprint)
    if (!isThere || !isValid(held, failure, timeline) || touches(wrongRejections, since)) return false
    return !touches(prolonged(withoutStore, STORE_RECOVERY_MS), since) && !losses.some((at) => at >= since.from)
  })
}
