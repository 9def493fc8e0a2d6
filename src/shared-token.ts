import type { AccessToken } from './access-token.ts'
import type { ClientShare, SharedPlace } from './client-share.ts'
import { elapsedMs, withTimeout } from './clock.ts'
import type { TokenError } from './errors.ts'
import type { RequestReason } from './events.ts'
import { concernsAll, deniedError, described, isUncacheable, keptError, UNCACHEABLE } from './shared-failure.ts'
import { SharedToken } from './store/record.ts'
import type { SharedLease } from './store/shared-lease.ts'
import type { FoundToken, FreeAnswer } from './store/token-share.ts'
import { cappedRetryAfterMs, classify } from './token-lifecycle.ts'
import { accessToken, type ClientContext, missingScopes, useCertificate } from './token-request.ts'
import type { Postponement } from './token-standing.ts'

/** What a flight wants of the store, and what it does where the store cannot help. */
export interface SharedTokenPlan {
  readonly key: string
  readonly scope: readonly string[]
  readonly reason: RequestReason
  readonly background: boolean
  readonly signal: AbortSignal
  /** The token that is to be replaced, usable or not. */
  readonly replaced: AccessToken | undefined
  /** Whether nobody should use that one any more. */
  readonly isRejected: boolean
  /** Whether a request is made that failed in another process a moment ago. */
  readonly isAnew: boolean
  /** How long the token must still be valid, asked when there is one. */
  readonly leastMs: () => number
  /** Why this process makes no request at the moment. */
  readonly refusal: TokenError | undefined
  /** Why it does not wait for long for another process that makes one. */
  readonly impatience: TokenError | undefined
  /** Requests a token. @throws TokenError, the `refusal` first of all */
  readonly request: () => Promise<AccessToken>
  /** Puts a refresh off that nobody waits for, and with it ends the flight; the token that there is meanwhile. */
  readonly postpone: (why: Postponement) => AccessToken | undefined
  /** How long requests pause after a failure. */
  readonly pauseMs: () => number
  /** Another process has requested this token. */
  readonly onFound: (token: AccessToken) => void
  /** Another process was denied the token. */
  readonly onDenied: () => void
}

// Other processes do not repeat at once a refresh that failed.
const FAILED_REFRESH_MS = 5000

// For so long other processes ask for no lease before they request a token that must not be cached.
const UNCACHEABLE_MS = 60_000

// A store that has one record under each of two encryption keys, or lies, could offer them in turn for ever.
const MOST_LOOKS = 5

/**
 * The token from the store, if another process has requested it or does so now; else from a request of this process, for
 * the whole fleet where the store gives the lease, or for itself where the store is of no use.
 * @throws TokenError and its subclasses, or the signal's reason
 */
export async function sharedToken(
  context: ClientContext & { readonly share: ClientShare },
  plan: SharedTokenPlan,
): Promise<AccessToken> {
  const place = await context.share.placeOf(plan.key, plan.signal)
  if (place === undefined) return await plan.request()
  const { share, identity } = place
  let known = plan.replaced && sharedOf(plan.replaced)
  const take = (found: FoundToken | undefined) => found && taken(found, place, plan, context)

  if (plan.refusal !== undefined) return take(await share.find(identity, known)) ?? (await plan.request())
  if (known !== undefined && plan.isRejected && (await share.remove(identity, known)) === 'kept') {
    const newer = take(await share.find(identity, known))
    if (newer !== undefined) return newer
    if (mayUseOn(plan.replaced, plan, context)) return usedOn(plan, context)
  }
  const asking = { otherwise: () => plan.postpone('busy'), patienceMs: patienceMs(plan, context) }
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const answer = await askInTime((signal) => share.askUntilFree(identity, known, signal, asking), plan, context)
    if (answer === 'absent') return plan.postpone('in step') ?? (await requestAlone(place, plan, context, known))
    if (answer === 'unavailable') return plan.postpone('in step') ?? (await requestAlone(place, plan, context))
    if ('instead' in answer) return answer.instead
    if ('lease' in answer) return await requestForAll(place, answer.lease, plan, context)
    if ('failed' in answer) {
      if (isUncacheable(answer.failed)) return await requestAlone(place, plan, context)
      if (plan.isAnew) {
        await share.remove(identity, answer.failed)
        continue
      }
      plan.onDenied()
      throw deniedError(answer.failed, context.settings)
    }
    const token = take(answer.found)
    if (token !== undefined) return token
    // What the store has is not enough: a newer one, then.
    known = answer.found.token
  }
  return await requestAlone(place, plan, context)
}

// A slow store is better than a token request of every process that starts.
function patienceMs({ reason }: SharedTokenPlan, { settings }: ClientContext): number {
  return reason === 'no token' || reason === 'expired' ? settings.attemptTimeoutMs / 5 : 0
}

// The probe of another process is waited for no longer than one of this process's own would take.
async function askInTime(
  ask: (signal: AbortSignal) => Promise<FreeAnswer<AccessToken>>,
  { signal, impatience }: SharedTokenPlan,
  { clock, settings }: ClientContext,
): Promise<FreeAnswer<AccessToken>> {
  if (impatience === undefined) return await ask(signal)
  return await withTimeout({ clock, ms: settings.attemptTimeoutMs, tooLate: () => impatience, signal }, ask)
}

async function requestForAll(
  place: SharedPlace,
  lease: SharedLease,
  plan: SharedTokenPlan,
  { clock, settings }: ClientContext,
): Promise<AccessToken> {
  try {
    const token = await lease.during(plan.request)
    if (token.lifetimeMs === 0) {
      place.writes(lease.putError(UNCACHEABLE, UNCACHEABLE_MS))
      return token
    }
    const leftMs = token.boundTo === place.certificate ? token.lifetimeMs - elapsedMs(token.requestedAt, clock) : 0
    place.writes(lease.put(sharedOf(token), leftMs))
    return token
  } catch (error) {
    // Whoever finds the error may have no token to use meanwhile.
    const pauseMs = cappedRetryAfterMs(plan.pauseMs(), false)
    const isShared = place.sharesErrors && concernsAll(error, settings) && pauseMs > 0
    if (isShared) place.writes(lease.putError(described(error), pauseMs))
    else place.writes(lease.release(plan.background ? Math.min(pauseMs, FAILED_REFRESH_MS) : 0))
    throw error
  }
}

/** @param obsolete what a store without leases has in the place of the new one */
async function requestAlone(
  { share, identity, certificate, writes }: SharedPlace,
  plan: SharedTokenPlan,
  { clock }: ClientContext,
  obsolete?: SharedToken,
): Promise<AccessToken> {
  const token = await plan.request()
  const leftMs = token.lifetimeMs - elapsedMs(token.requestedAt, clock)
  const put = async () => {
    if (token.boundTo !== certificate) return
    // With leases there is no need; and one removal in 30 seconds is all there is, for tokens that are rejected.
    if (obsolete !== undefined) await share.remove(identity, obsolete)
    await share.put(identity, sharedOf(token), leftMs)
  }
  writes(put())
  return token
}

// Whether the rejected token is used on where it is not replaced: not one that a caller forgot, or that is over.
function mayUseOn(
  replaced: AccessToken | undefined,
  { reason, background, leastMs }: SharedTokenPlan,
  { clock }: ClientContext,
): boolean {
  if (replaced === undefined || leastMs() > 0 || (reason !== 'rejected' && !background)) return false
  return classify(replaced, elapsedMs(replaced.requestedAt, clock)) !== 'expired'
}

// @throws TokenError `fresh_token_rejected`, for callers to use it on
function usedOn(plan: SharedTokenPlan, { settings }: ClientContext): AccessToken {
  const token = plan.postpone('busy')
  if (token === undefined) throw keptError(settings)
  return token
}

/** The token that was found, if it is what is wanted. */
function taken(
  { token: found, leftMs }: FoundToken,
  { certificate }: SharedPlace,
  plan: SharedTokenPlan,
  context: ClientContext,
): AccessToken | undefined {
  const { clock, settings } = context
  const ageMs = found.lifetimeMs - leftMs
  const requestedAt = { wall: clock.now() - ageMs, monotonic: clock.monotonicNow() - ageMs }
  const { tokenType, scope, authorizationDetails, lifetimeMs, refreshInMs } = found
  const obtained = { tokenType, scope, authorizationDetails, lifetimeMs, refreshInMs, requestedAt, certificate }
  // Without a key it is of no use. What is in the clear anybody may have written.
  if (tokenType === 'DPoP' && settings.dpop === undefined) return undefined
  const token = accessToken({ ...obtained, value: found.reveal() }, context)
  if (settings.requireScope && missingScopes(plan.scope, scope).length > 0) return undefined
  if (!isEnough(token, leftMs, plan, context)) return undefined
  RECORDS.set(token, found)
  useCertificate(certificate, context)
  plan.onFound(token)
  return token
}

function isEnough(token: AccessToken, leftMs: number, plan: SharedTokenPlan, { clock }: ClientContext): boolean {
  const { reason, replaced } = plan
  const state = classify(token, token.lifetimeMs - leftMs)
  if (reason === 'forced' || state === 'expired') return false
  const leastMs = plan.leastMs()
  // More than a token of this server lives cannot be had.
  if (leftMs < leastMs && !(token.lifetimeMs < leastMs && state === 'fresh')) return false
  if (reason !== 'refresh due' || replaced === undefined) return true
  return leftMs > replaced.lifetimeMs - elapsedMs(replaced.requestedAt, clock)
}

// Which record of the store a token is: a server may give the same token again, which then lives longer.
const RECORDS = new WeakMap<AccessToken, SharedToken>()

function sharedOf(token: AccessToken): SharedToken {
  const known = RECORDS.get(token)
  if (known !== undefined) return known
  const { tokenType, scope, authorizationDetails, lifetimeMs, refreshInMs } = token
  const about = { tokenType, scope, authorizationDetails, lifetimeMs, refreshInMs }
  const shared = new SharedToken({ ...about, value: token.reveal() })
  RECORDS.set(token, shared)
  return shared
}
