import { type AuthenticatedRequest, authenticatedRequest, type RequestPlan } from './authenticated-request.ts'
import type { CredentialExpiry, TokenRequestDraft } from './client-authentication/client-authentication.ts'
import type { ReadCertificate } from './client-certificate.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, type Instant, instant, withTimeout } from './clock.ts'
import { CredentialExpiryNotices } from './credential-expiry.ts'
import { Discovery } from './discovery.ts'
import { shownUrl } from './endpoint-url.ts'
import { TokenError, TokenResponseError, TokenTransportError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { isCredentialError } from './failure-memory.ts'
import { fillGrant } from './grant/grant.ts'
import { callHook, describeRequest, type PartnerHooks } from './partner-hooks.ts'
import { rebuiltRequest } from './rebuilt-request.ts'
import { spellings } from './redaction.ts'
import { retry } from './retry.ts'
import { abortable } from './single-flight.ts'
import type { TokenParameters } from './token-key.ts'
import { readReceivedToken, readTokenResponse, type TokenResponse } from './token-response.ts'
import { createTransport, type HttpResponse, type Send } from './transport.ts'

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
  /** What the client showed on the connection. */
  readonly certificate?: ReadCertificate | undefined
}

/**
 * One client's way to its token endpoint: builds the request, authenticates, sends it, reads the answer, retries.
 * @see RFC 6749 §4.4
 */
export class TokenEndpoint {
  readonly #settings: ClientSettings
  readonly #clock: Clock
  readonly #send: Send
  readonly #events: TokenEventEmitter
  readonly #expiryNotices: CredentialExpiryNotices
  readonly #discovery: Discovery | undefined
  #failed: FailedCredentials = {}

  constructor(
    settings: ClientSettings,
    clock: Clock,
    events: TokenEventEmitter,
    isAttached: (axios: object) => boolean,
  ) {
    this.#settings = settings
    this.#clock = clock
    this.#events = events
    this.#expiryNotices = new CredentialExpiryNotices(settings.name, events, clock)
    this.#send = createTransport({ ...settings.transport, client: settings.name, isAttached })
    if (settings.tokenEndpoint === undefined && settings.issuer !== undefined) {
      const { name: client, issuer, expectedIssuer, endpointOrigins, allowInsecureLoopback } = settings
      this.#discovery = new Discovery({
        client,
        issuer,
        expectedIssuer,
        endpointOrigins,
        allowInsecureLoopback,
        clock,
        events,
        send: async (request) => this.#send({ ...request, certificate: await this.#readCertificate(request.signal) }),
      })
    }
  }

  /** Where the request goes, as far as it is configured: the token endpoint or the issuer. */
  get url(): string {
    return this.#settings.tokenEndpoint ?? this.#settings.issuer ?? ''
  }

  /** Whether the credential differs from that of the last request that failed; `undefined` where that cannot be told. */
  get credentialChanged(): (() => Promise<boolean>) | undefined {
    const { authentication, certificate, name } = this.#settings
    const { currentCredential } = authentication
    if (currentCredential === undefined && certificate === undefined) return undefined
    return async () => {
      const { signal } = new AbortController()
      const { credential, thumbprint } = this.#failed
      const changed = async (deadline: AbortSignal) => {
        if ((await this.#readCertificate(deadline))?.thumbprint !== thumbprint) return true
        return currentCredential !== undefined && (await currentCredential(name)) !== credential
      }
      try {
        return await this.#inTime(this.url, signal, (deadline) => abortable(deadline, () => changed(deadline)))
      } catch {
        // What cannot be read is no news: the failure that is remembered says more.
        return false
      }
    }
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
      limits.onRetry(error as TokenError, 1, 0)
      return await attempts()
    }
  }

  /**
   * Revokes a token, in one attempt.
   * @throws TokenError, TokenResponseError, TokenTransportError
   * @see RFC 7009 §2
   */
  async revokeToken(token: string): Promise<void> {
    const { name, revocationEndpoint, certificate } = this.#settings
    const { signal } = new AbortController()
    const metadata = await this.#discovery?.load(signal)
    const alias = certificate && metadata?.mtlsRevocationEndpoint
    const url = revocationEndpoint ?? alias ?? metadata?.revocationEndpoint
    if (url === undefined) throw revocationUnavailable(name)
    const { status } = await this.#inTime(url, signal, async (deadline) => {
      const { request } = await this.#build({
        url,
        metadata,
        signal: deadline,
        fill: ({ body }) => {
          body.set('token', token)
          body.set('token_type_hint', 'access_token')
        },
      })
      return await this.#send(request)
    })
    // 200 even for a token the server does not know.
    if (status >= 300) throw revocationError(name, url, status)
  }

  // Retries wrap the building of the request, so that every attempt has the current secret and a new assertion.
  async #attempt(parameters: TokenParameters, signal: AbortSignal): Promise<RequestedToken> {
    const { grant, tokenEndpoint, hooks, certificate, dpop } = this.#settings
    if (hooks.requestToken !== undefined) return await this.#requestByHook(hooks.requestToken, parameters, signal)
    const metadata = await this.#discovery?.load(signal)
    const alias = certificate && metadata?.mtlsTokenEndpoint
    const url = tokenEndpoint ?? alias ?? metadata?.tokenEndpoint ?? ''
    return await this.#inTime(url, signal, async (deadline) => {
      const fill = (draft: TokenRequestDraft) => fillGrant(grant, draft, parameters)
      const rebuild = hooks.buildRequest && this.#rebuilder(hooks.buildRequest, parameters, deadline)
      const plan = { url, metadata, signal: deadline, fill, rebuild, dpop }
      const nonce = dpop?.nonce({ url })
      try {
        return await this.#exchange(plan, parameters)
      } catch (error) {
        // Once in an attempt: a server may have another one each time.
        if (!isNonceWanted(error) || dpop?.nonce({ url }) === nonce) throw error
        return await this.#exchange(plan, parameters)
      }
    })
  }

  async #exchange(plan: TokenRequestPlan, parameters: TokenParameters): Promise<RequestedToken> {
    const built = await this.#build(plan)
    const requestedAt = instant(this.#clock)
    try {
      const answer = await this.#send(built.request)
      plan.dpop?.noteNonce(built.request, answer.header('dpop-nonce'))
      const response = this.#read(answer, built, parameters, requestedAt)
      return { response, requestedAt, certificate: built.request.certificate }
    } catch (error) {
      const { credential, request } = built
      this.#failed = { credential, thumbprint: request.certificate?.thumbprint }
      if (isGone(error)) this.#discovery?.doubt()
      throw error
    }
  }

  #rebuilder(
    build: NonNullable<PartnerHooks['buildRequest']>,
    parameters: TokenParameters,
    signal: AbortSignal,
  ): RequestPlan['rebuild'] {
    return async (request, hide) =>
      await rebuiltRequest(build, request, describeRequest(this.#settings, parameters, signal, hide))
  }

  async #requestByHook(
    requestToken: NonNullable<PartnerHooks['requestToken']>,
    parameters: TokenParameters,
    signal: AbortSignal,
  ): Promise<RequestedToken> {
    const { name: client, defaultLifetimeMs } = this.#settings
    return await this.#inTime('', signal, async (deadline) => {
      const secrets: string[] = []
      const hide = (secret: string) => secrets.push(...spellings(secret))
      const wanted = describeRequest(this.#settings, parameters, deadline, hide)
      const requestedAt = instant(this.#clock)
      const received = await abortable(deadline, () =>
        callHook('requestToken', client, secrets, () => requestToken(wanted)),
      )
      const context = { client, defaultLifetimeMs, requestedAt: requestedAt.wall }
      return { response: readReceivedToken(received, context), requestedAt }
    })
  }

  async #build(plan: TokenRequestPlan): Promise<AuthenticatedRequest> {
    try {
      const certificate = await this.#readCertificate(plan.signal)
      const built = await authenticatedRequest(this.#settings, { ...plan, certificate, now: this.#clock.now() })
      this.#expiryNotices.look(built.expiry)
      this.#expiryNotices.look(certificate && expiryOf(certificate))
      return built
    } catch (error) {
      this.#failed = {}
      throw error
    }
  }

  async #readCertificate(signal: AbortSignal): Promise<ReadCertificate | undefined> {
    const { name: client, certificate } = this.#settings
    const onKept = (error: TokenError) => this.#events.emit('certificateKept', () => ({ client, error }))
    return certificate && (await abortable(signal, () => certificate.read({ client, now: this.#clock.now(), onKept })))
  }

  #read(
    answer: HttpResponse,
    { request, secrets, method, supportedMethods }: AuthenticatedRequest,
    { scope: scopeRequested }: TokenParameters,
    requestedAt: Instant,
  ): TokenResponse {
    const { name: client, grant, strictTokenType, defaultLifetimeMs, hooks, dpop } = this.#settings
    return readTokenResponse(answer, {
      client,
      grant,
      endpoint: request.url,
      tokenType: dpop === undefined ? 'Bearer' : 'DPoP',
      strictTokenType,
      defaultLifetimeMs,
      scopeRequested,
      requestedAt: requestedAt.wall,
      now: this.#clock.now(),
      secrets,
      authenticationMethod: method,
      supportedMethods,
      parseResponse: hooks.parseResponse,
    })
  }

  /** Runs one attempt with a signal that aborts when the given one does or the attempt's own time is up. */
  async #inTime<T>(url: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { name, attemptTimeoutMs: ms } = this.#settings
    return await withTimeout({ clock: this.#clock, ms, tooLate: () => timeoutError(name, url, ms), signal }, work)
  }
}

/** What is known of a request before its attempt. */
type TokenRequestPlan = Omit<RequestPlan, 'now' | 'certificate'>

/** What the client authenticated with when a request failed; nothing if it could not be read. */
interface FailedCredentials {
  readonly credential?: string | undefined
  readonly thumbprint?: string | undefined
}

function expiryOf({ issuedAt, expiresAt }: ReadCertificate): CredentialExpiry {
  return { what: 'certificate', issuedAt, expiresAt }
}

// The endpoint may have moved since the metadata was loaded.
function isGone(error: unknown): boolean {
  if (!(error instanceof TokenResponseError)) return false
  return error.code === 'redirect_refused' || [404, 405, 410].includes(error.status)
}

// RFC 9449 §8
function isNonceWanted(error: unknown): boolean {
  return error instanceof TokenResponseError && error.error === 'use_dpop_nonce'
}

function revocationUnavailable(client: string): TokenError {
  return new TokenError({
    code: 'revocation_unavailable',
    client,
    message: `It is not known where tokens of client "${client}" are revoked; they stay valid until they expire.`,
    hint: 'Set `revocationEndpoint`, or an `issuer` whose metadata names it.',
  })
}

// The server's own words are left out: they may repeat the token.
function revocationError(client: string, url: string, status: number): TokenResponseError {
  return new TokenResponseError({
    code: status === 429 || status >= 500 ? 'server_unavailable' : 'request_denied',
    client,
    status,
    retryable: status === 429 || status >= 500,
    message: `Revoking a token of client "${client}" at ${shownUrl(url)} failed with HTTP ${status}; it stays valid until it expires.`,
  })
}

/** The error of a token request that ran out of time. */
export function timeoutError(client: string, url: string, timeoutMs: number): TokenTransportError {
  return new TokenTransportError({
    code: 'timeout',
    client,
    message: `No answer${url === '' ? '' : ` from ${shownUrl(url)}`} for client "${client}" within ${timeoutMs} ms.`,
    hint:
      'Is the authorization server slow, does a firewall drop the connection, or does a function that supplies the secret' +
      ' not answer? See `timeoutMs` and `attemptTimeoutMs`.',
  })
}
