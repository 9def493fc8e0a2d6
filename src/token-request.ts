import { AsyncLocalStorage } from 'node:async_hooks'
import { AccessToken, type AccessTokenInit } from './access-token.ts'
import { timeoutError } from './authorization-server.ts'
import type { ReadCertificate } from './client-certificate.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, elapsedMs, instant } from './clock.ts'
import { TokenError } from './errors.ts'
import { aboutToken, type RequestReason, type TokenEvent, type TokenEventEmitter } from './events.ts'
import { appliedHeaders } from './partner-hooks.ts'
import { abortable } from './single-flight.ts'
import type { RequestedToken, TokenEndpoint } from './token-endpoint.ts'
import type { TokenParameters } from './token-key.ts'
import { tokenAges } from './token-lifecycle.ts'

/** What the token requests of one client share. */
export interface ClientContext {
  readonly settings: ClientSettings
  readonly endpoint: TokenEndpoint
  readonly clock: Clock
  readonly events: TokenEventEmitter
}

/** Why and how a token is requested. */
export interface TokenRequestPlan {
  readonly reason: RequestReason
  /** Whether nobody waited when the request began. */
  readonly background: boolean
  /** How many attempts may be made; asked after each failure. */
  readonly maxAttempts: () => number
}

/**
 * Runs a function outside of its caller's async context: a shared request belongs to no single trace or tenant.
 * It runs in the context in which this module was loaded, so that the package is best imported at start-up.
 */
export const runDetached: <T>(work: () => T) => T = AsyncLocalStorage.snapshot()

/**
 * Requests one token and tells the listeners.
 * @throws TokenError and its subclasses, or the signal's reason
 */
export async function requestAccessToken(
  context: ClientContext,
  parameters: TokenParameters,
  plan: TokenRequestPlan,
  deadline: Deadline,
): Promise<AccessToken> {
  const { settings, events, endpoint } = context
  const { reason, background, maxAttempts } = plan
  const about = aboutToken(settings.name, parameters)
  events.emit('tokenRequested', () => ({ ...about, reason, background }))
  const requested = await endpoint.requestToken(parameters, {
    signal: deadline.signal,
    background,
    leftMs: () => deadline.leftMs(),
    maxAttempts,
    onRetry: (error, attempt, delayMs) => {
      events.emit('tokenRequestRetried', () => ({ ...about, error, attempt, delayMs }))
    },
  })
  const { response, requestedAt, certificate } = requested
  const scope = response.scope ?? parameters.scope
  const token = accessToken({ ...response, value: response.accessToken, scope, requestedAt, certificate }, context)
  refuseExpired(token, context)
  report(requested, token, about, context)
  useCertificate(certificate, context)
  return token
}

/** A token as it came from the authorization server, or out of a store. */
export type ObtainedToken = Pick<
  AccessTokenInit,
  'value' | 'tokenType' | 'scope' | 'authorizationDetails' | 'lifetimeMs' | 'refreshInMs' | 'requestedAt'
> & { readonly certificate: ReadCertificate | undefined }

/** Makes a token of what is known of it. @throws TokenError `hook_failed` */
export function accessToken(
  { certificate, ...obtained }: ObtainedToken,
  { settings, clock }: Pick<ClientContext, 'settings' | 'clock'>,
): AccessToken {
  const { applyToken } = settings.hooks
  return new AccessToken({
    ...obtained,
    boundTo: certificate,
    headersOf: applyToken && ((own) => appliedHeaders(applyToken, own, settings.name)),
    ...tokenAges(obtained.lifetimeMs, obtained.refreshInMs, clock.random(), settings.limits),
  })
}

/** From now on tokens bound to an earlier certificate are not used any more. */
export function useCertificate(
  certificate: ReadCertificate | undefined,
  { settings, events }: Pick<ClientContext, 'settings' | 'events'>,
): void {
  if (certificate === undefined || settings.certificate?.use(certificate) !== true) return
  const { thumbprint, expiresAt } = certificate
  events.emit('certificateChanged', () => ({ client: settings.name, thumbprint, expiresAt }))
}

/** The scopes that were asked for and not granted. */
export function missingScopes(requested: readonly string[], granted: readonly string[]): readonly string[] {
  // `<resource>/.default` is how Microsoft Entra spells "whatever is registered", and never granted by that name.
  return requested.filter((scope) => !granted.includes(scope) && !scope.endsWith('/.default'))
}

/** The end that one token request has of its own, whatever its callers do. */
export interface Deadline {
  readonly signal: AbortSignal
  leftMs(): number
  /** Whether the request ended only to be begun again. */
  isRestarted(): boolean
}

/** What can be done to a token request from outside while it runs. */
export interface RequestControl {
  /** Begins it again if it slept through a suspension of the machine or a frozen serverless function. */
  restartIfOverdue(): void
  /** Somebody waits for it now: it keeps the process alive. */
  watch(): void
  /** Ends it for this reason. */
  abandon(reason: TokenError): void
}

/**
 * Runs a token request within the client's `timeoutMs`; `onBegin` is handed the control of each beginning. One that begins
 * in the `background` does not keep the process alive until it is watched.
 */
export async function withinDeadline<T>(
  { settings, clock, endpoint }: ClientContext,
  background: boolean,
  onBegin: (control: RequestControl) => void,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  let isWatched = !background
  for (;;) {
    const begun = instant(clock)
    const abort = new AbortController()
    const done = new AbortController()
    const leftMs = () => settings.timeoutMs - elapsedMs(begun, clock)
    const end = () => abort.abort(timeoutError(settings.name, endpoint.url, settings.timeoutMs))
    const endAfter = (ms: number, ref: boolean) => void clock.sleep(ms, done.signal, { ref }).then(end, () => {})
    let restart = false
    onBegin({
      restartIfOverdue: () => {
        restart ||= leftMs() < -OVERDUE_MS
        if (restart) end()
      },
      watch: () => {
        if (!isWatched) endAfter(leftMs(), true)
        isWatched = true
      },
      abandon: (reason) => abort.abort(reason),
    })
    endAfter(settings.timeoutMs, isWatched)
    try {
      // Raced, and not left to the work, because a supplier of secrets may hang and know nothing of signals.
      const deadline = { signal: abort.signal, leftMs, isRestarted: () => restart }
      return await abortable(abort.signal, () => work(deadline))
    } catch (error) {
      if (!restart) throw error
    } finally {
      done.abort('over')
    }
  }
}

// Timers are late on a busy machine, but not by this much.
const OVERDUE_MS = 1000

function refuseExpired(token: AccessToken, { settings, clock }: ClientContext): void {
  const ageMs = elapsedMs(token.requestedAt, clock)
  if (token.lifetimeMs === 0 || ageMs < token.lifetimeMs) return
  throw new TokenError({
    code: 'expired_on_arrival',
    client: settings.name,
    message: `The token for client "${settings.name}" had expired when it arrived: it lives ${token.lifetimeMs} ms and took ${Math.round(ageMs)} ms.`,
    hint: 'The authorization server is too slow for tokens that live so short.',
    retryable: true,
  })
}

function report({ response }: RequestedToken, token: AccessToken, about: TokenEvent, context: ClientContext): void {
  const { settings, events } = context
  for (const deviation of response.deviations) events.emit('responseDeviation', () => ({ ...about, deviation }))
  const missing = missingScopes(about.scope, token.scope)
  if (missing.length === 0) return
  events.emit('scopeNarrowed', () => ({ ...about, granted: token.scope }))
  if (!settings.requireScope) return
  throw new TokenError({
    code: 'scope_not_granted',
    client: settings.name,
    message: `The authorization server did not grant client "${settings.name}" the scope "${missing.join(' ')}".`,
    hint: 'Allow the client this scope at the authorization server, or do not ask for it; `requireScope: false` accepts less.',
  })
}
