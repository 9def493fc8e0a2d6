import type { TokenRequestDraft } from './client-authentication/client-authentication.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, type Instant, instant } from './clock.ts'
import { Discovery, type ServerMetadata } from './discovery.ts'
import { TokenError, TokenTransportError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { spellings } from './redaction.ts'
import { retry } from './retry.ts'
import type { TokenParameters } from './token-key.ts'
import { readTokenResponse, type TokenResponse } from './token-response.ts'
import { createTransport, type HttpRequest, type Send } from './transport.ts'

/** What bounds one token request. */
export interface TokenRequestLimits {
  /** Ends the request; its reason is what the request fails with. */
  readonly signal: AbortSignal
  /** Milliseconds until the deadline. */
  readonly leftMs: () => number
  /** How many attempts may be made; asked after each failure. */
  readonly maxAttempts: () => number
  readonly onRetry: (error: TokenError, attempt: number, delayMs: number) => void
}

/** A token response and when the request for it was about to be sent. */
export interface RequestedToken {
  readonly response: TokenResponse
  readonly requestedAt: Instant
}

/**
 * One client's way to its token endpoint: builds the request, authenticates, sends it, reads the answer, retries.
 * @see RFC 6749 §4.4
 */
export class TokenEndpoint {
  readonly #settings: ClientSettings
  readonly #clock: Clock
  readonly #send: Send
  readonly #discovery: Discovery | undefined

  constructor(settings: ClientSettings, clock: Clock, events: TokenEventEmitter, isAttached: (axios: object) => boolean) {
    this.#settings = settings
    this.#clock = clock
    this.#send = createTransport({ ...settings.transport, client: settings.name, isAttached })
    if (settings.tokenEndpoint === undefined && settings.issuer !== undefined) {
      const { name: client, issuer, expectedIssuer, endpointOrigins, allowInsecureLoopback } = settings
      this.#discovery = new Discovery({
        ...{ client, issuer, expectedIssuer, endpointOrigins, allowInsecureLoopback, clock, events },
        send: this.#send,
      })
    }
  }

  /** Where the request goes, as far as it is configured: the token endpoint or the issuer. */
  get url(): string {
    return this.#settings.tokenEndpoint ?? this.#settings.issuer ?? ''
  }

  /**
   * Requests a token, always over the network.
   * @throws TokenError, TokenResponseError, TokenTransportError
   */
  async requestToken(parameters: TokenParameters, limits: TokenRequestLimits): Promise<RequestedToken> {
    return await retry(() => this.#attempt(parameters, limits.signal), { clock: this.#clock, ...limits })
  }

  // Retries wrap the building of the request, so that every attempt has the current secret and a new assertion.
  async #attempt(parameters: TokenParameters, signal: AbortSignal): Promise<RequestedToken> {
    const settings = this.#settings
    const metadata = await this.#discovery?.load(signal)
    const secrets = new Set<string>()
    const draft = await this.#build(parameters, metadata, secrets)
    const request: HttpRequest = {
      method: 'POST',
      url: draft.tokenEndpoint,
      headers: draft.headers,
      body: draft.body.toString(),
      signal,
    }
    const requestedAt = instant(this.#clock)
    const answer = await this.#sendWithin(request, settings.attemptTimeoutMs)
    const response = readTokenResponse(answer, {
      client: settings.name,
      endpoint: draft.tokenEndpoint,
      requestedAt: requestedAt.wall,
      now: this.#clock.now(),
      secrets: [...secrets],
      authenticationMethod: draft.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic',
      strictTokenType: settings.strictTokenType,
      defaultLifetimeMs: settings.defaultLifetimeMs,
      scopeRequested: parameters.scope,
    })
    return { response, requestedAt }
  }

  async #build(
    { scope, resource, audience, parameters }: TokenParameters,
    metadata: ServerMetadata | undefined,
    secrets: Set<string>,
  ): Promise<TokenRequestDraft> {
    const { name: client, clientId, issuer, authentication, tokenEndpoint = metadata?.tokenEndpoint ?? '' } = this.#settings
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    if (scope.length > 0) body.set('scope', scope.join(' '))
    for (const uri of resource) body.append('resource', uri)
    for (const name of audience) body.append('audience', name)
    for (const [name, value] of Object.entries(parameters)) body.append(name, value)
    for (const spelling of spellings(clientId)) secrets.add(spelling)
    const draft: TokenRequestDraft = {
      ...{ client, clientId, tokenEndpoint, issuer, body },
      supportedMethods: metadata?.tokenEndpointAuthMethods,
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      hide: (secret) => secrets.add(secret),
    }
    try {
      await authentication(draft)
    } catch (cause) {
      throw cause instanceof TokenError ? cause : authenticationError(client, cause, secrets)
    }
    return draft
  }

  async #sendWithin(request: HttpRequest, timeoutMs: number): ReturnType<Send> {
    const attempt = new AbortController()
    const deadline = new AbortController()
    const onAbort = () => attempt.abort(request.signal.reason)
    request.signal.addEventListener('abort', onAbort, { once: true })
    void this.#clock.sleep(timeoutMs, deadline.signal).then(
      () => attempt.abort(timeoutError(this.#settings.name, request.url, timeoutMs)),
      () => {},
    )
    try {
      return await this.#send({ ...request, signal: attempt.signal })
    } finally {
      deadline.abort()
      request.signal.removeEventListener('abort', onAbort)
    }
  }
}

function authenticationError(client: string, cause: unknown, secrets: Iterable<string>): TokenError {
  return new TokenError({
    code: 'secret_unavailable',
    client,
    message: `The function given as \`clientAuthentication\` failed for client "${client}".`,
    hint: 'Look at `cause`.',
    retryable: true,
    ...{ cause, secrets },
  })
}

/** The error of a token request that ran out of time. */
export function timeoutError(client: string, url: string, timeoutMs: number): TokenTransportError {
  const { origin, pathname } = new URL(url)
  return new TokenTransportError({
    code: 'timeout',
    client,
    message: `No answer from ${origin}${pathname} for client "${client}" within ${timeoutMs} ms.`,
    hint: 'Is the authorization server slow, or does a firewall drop the connection? See `timeoutMs` and `attemptTimeoutMs`.',
  })
}
