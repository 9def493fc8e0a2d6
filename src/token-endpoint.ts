import type { TokenRequestDraft } from './client-authentication/client-authentication.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, type Instant, instant } from './clock.ts'
import { Discovery, type ServerMetadata } from './discovery.ts'
import { TokenError, TokenResponseError, TokenTransportError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { spellings } from './redaction.ts'
import { isCredentialError } from './failure-memory.ts'
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
  #sentCredential: string | undefined

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

  /** Whether the credential differs from the one sent last; `undefined` where that cannot be told. */
  get credentialChanged(): (() => Promise<boolean>) | undefined {
    const { authentication, name } = this.#settings
    const { currentCredential } = authentication
    return currentCredential && (async () => (await currentCredential(name)) !== this.#sentCredential)
  }

  /**
   * Requests a token, always over the network.
   *
   * When the server refuses the credentials and they have changed since they were read, requests once more.
   * @throws TokenError, TokenResponseError, TokenTransportError
   */
  async requestToken(parameters: TokenParameters, limits: TokenRequestLimits): Promise<RequestedToken> {
    const attempts = () => retry(() => this.#attempt(parameters, limits.signal), { clock: this.#clock, ...limits })
    try {
      return await attempts()
    } catch (error) {
      if (!isCredentialError(error) || !(await this.credentialChanged?.())) throw error
      return await attempts()
    }
  }

  /**
   * Revokes a token, in one attempt, if the server has a revocation endpoint.
   * @throws TokenError, TokenResponseError, TokenTransportError
   * @see RFC 7009 §2
   */
  async revokeToken(token: string): Promise<void> {
    const { signal } = new AbortController()
    const metadata = await this.#discovery?.load(signal)
    const url = this.#settings.revocationEndpoint ?? metadata?.revocationEndpoint
    if (url === undefined) return
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' })
    const { answer } = await this.#exchange(url, body, metadata, signal)
    // 200 even for a token the server does not know.
    if (answer.status >= 300) throw revocationError(this.#settings.name, url, answer.status)
  }

  // Retries wrap the building of the request, so that every attempt has the current secret and a new assertion.
  async #attempt(parameters: TokenParameters, signal: AbortSignal): Promise<RequestedToken> {
    const metadata = await this.#discovery?.load(signal)
    const url = this.#settings.tokenEndpoint ?? metadata?.tokenEndpoint ?? ''
    const { answer, context, requestedAt } = await this.#exchange(url, grantBody(parameters), metadata, signal)
    return { response: readTokenResponse(answer, { ...context, scopeRequested: parameters.scope }), requestedAt }
  }

  /** Sends a form to an endpoint of the server as this client, and gives back the answer with what is needed to read it. */
  async #exchange(url: string, body: URLSearchParams, metadata: ServerMetadata | undefined, signal: AbortSignal) {
    const settings = this.#settings
    const secrets = spellings(settings.clientId)
    const draft: TokenRequestDraft = {
      ...{ client: settings.name, clientId: settings.clientId, tokenEndpoint: url, issuer: settings.issuer, body },
      supportedMethods: metadata?.tokenEndpointAuthMethods,
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      hide: (secret) => secrets.push(secret),
    }
    try {
      await settings.authentication(draft)
    } catch (cause) {
      throw cause instanceof TokenError ? cause : authenticationError(settings.name, cause, secrets)
    }
    this.#sentCredential = draft.credential
    const request: HttpRequest = { method: 'POST', url, headers: draft.headers, body: body.toString(), signal }
    const requestedAt = instant(this.#clock)
    const answer = await this.#sendWithin(request, settings.attemptTimeoutMs)
    const context = {
      ...{ client: settings.name, endpoint: url, requestedAt: requestedAt.wall, now: this.#clock.now(), secrets },
      authenticationMethod: draft.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic',
      strictTokenType: settings.strictTokenType,
      defaultLifetimeMs: settings.defaultLifetimeMs,
      scopeRequested: undefined,
    }
    return { answer, context, requestedAt }
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

// RFC 6749 §4.4.2, RFC 8707 §2
function grantBody({ scope, resource, audience, parameters }: TokenParameters): URLSearchParams {
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope.length > 0) body.set('scope', scope.join(' '))
  for (const uri of resource) body.append('resource', uri)
  for (const name of audience) body.append('audience', name)
  for (const [name, value] of Object.entries(parameters)) body.append(name, value)
  return body
}

// The server's own words are left out: they may repeat the token.
function revocationError(client: string, url: string, status: number): TokenResponseError {
  const { origin, pathname } = new URL(url)
  return new TokenResponseError({
    code: status === 429 || status >= 500 ? 'server_unavailable' : 'request_denied',
    ...{ client, status, retryable: status === 429 || status >= 500 },
    message: `Revoking a token of client "${client}" at ${origin}${pathname} failed with HTTP ${status}; it stays valid until it expires.`,
  })
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
