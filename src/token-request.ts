import { AsyncLocalStorage } from 'node:async_hooks'
import { AccessToken } from './access-token.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, elapsedMs, instant } from './clock.ts'
import { TokenError } from './errors.ts'
import type { RequestReason, TokenEvent, TokenEventEmitter } from './events.ts'
import { type RequestedToken, type TokenEndpoint, timeoutError } from './token-endpoint.ts'
import type { TokenParameters } from './token-key.ts'
import { tokenAges } from './token-lifecycle.ts'

/** What the tokens of one client share. */
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

/** Runs a function outside of any caller's async context: a shared request belongs to no single trace or tenant. */
export const runDetached: <T>(work: () => T) => T = AsyncLocalStorage.snapshot()

/**
 * Requests one token within the client's `timeoutMs` and tells the listeners.
 * @throws TokenError and its subclasses; nothing else
 */
export async function requestAccessToken(
  context: ClientContext,
  parameters: TokenParameters,
  plan: TokenRequestPlan,
): Promise<AccessToken> {
  const { settings, clock, events } = context
  const { reason, background } = plan
  const about = { client: settings.name, scope: parameters.scope }
  events.emit('tokenRequested', () => ({ ...about, reason, background }))
  const startedAt = instant(clock)
  const requested = await withinDeadline(context, async (signal) => {
    const leftMs = () => settings.timeoutMs - elapsedMs(startedAt, clock)
    const onRetry = (error: TokenError, attempt: number, delayMs: number) =>
      events.emit('tokenRequestRetried', () => ({ ...about, error, attempt, delayMs }))
    return await context.endpoint.requestToken(parameters, { signal, leftMs, maxAttempts: plan.maxAttempts, onRetry })
  })
  const token = accessToken(requested, context, parameters)
  report(requested, token, about, context)
  events.emit('tokenReceived', () => ({
    ...{ ...about, reason, fingerprint: token.fingerprint, lifetimeMs: token.lifetimeMs, granted: token.scope },
    durationMs: elapsedMs(startedAt, clock),
  }))
  return token
}

async function withinDeadline<T>(context: ClientContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { settings, clock, endpoint } = context
  const deadline = new AbortController()
  const done = new AbortController()
  void clock.sleep(settings.timeoutMs, done.signal).then(
    () => deadline.abort(timeoutError(settings.name, endpoint.url, settings.timeoutMs)),
    () => {},
  )
  try {
    return await work(deadline.signal)
  } finally {
    done.abort()
  }
}

function accessToken(requested: RequestedToken, context: ClientContext, parameters: TokenParameters): AccessToken {
  const { response, requestedAt } = requested
  const { settings, clock } = context
  const token = new AccessToken({
    value: response.accessToken,
    tokenType: response.tokenType,
    scope: response.scope ?? parameters.scope,
    lifetimeMs: response.lifetimeMs,
    requestedAt,
    ...tokenAges(response.lifetimeMs, response.refreshInMs, clock.random(), settings.limits),
  })
  const ageMs = elapsedMs(requestedAt, clock)
  if (token.lifetimeMs === 0 || ageMs < token.lifetimeMs) return token
  throw new TokenError({
    code: 'invalid_response',
    client: settings.name,
    message: `The token for client "${settings.name}" had expired when it arrived: it lives ${token.lifetimeMs} ms and took ${Math.round(ageMs)} ms.`,
    hint: 'The authorization server is too slow for tokens that live so short.',
    retryable: true,
  })
}

function report({ response }: RequestedToken, token: AccessToken, about: TokenEvent, context: ClientContext): void {
  const { settings, events } = context
  for (const deviation of response.deviations) events.emit('responseDeviation', () => ({ ...about, deviation }))
  const missing = about.scope.filter((scope) => !token.scope.includes(scope))
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
