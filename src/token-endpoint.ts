import type { AuthenticatedRequest } from './authenticated-request.ts'
import { type AttemptLimits, AuthorizationServer, type ExchangePlan } from './authorization-server.ts'
import type { TokenRequestDraft } from './client-authentication/client-authentication.ts'
import type { ReadCertificate } from './client-certificate.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, type Instant, instant } from './clock.ts'
import { type TokenError, TokenResponseError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { isCredentialError } from './failure-memory.ts'
import { fillGrant } from './grant/grant.ts'
import { callHook, describeRequest, type PartnerHooks } from './partner-hooks.ts'
import { rebuiltRequest } from './rebuilt-request.ts'
import { membersOf } from './received-token.ts'
import { spellings } from './redaction.ts'
import { retry } from './retry.ts'
import { revokeToken } from './revocation.ts'
import { abortable } from './single-flight.ts'
import type { TokenParameters } from './token-key.ts'
import { readReceivedToken, readTokenResponse, type TokenResponse } from './token-response.ts'
import type { HttpResponse } from './transport.ts'

/** What bounds one token request. */
export interface TokenRequestLimits extends AttemptLimits {
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
 * One client's way to a token: builds the request, sends it, reads the answer, retries.
 * @see RFC 6749 §4.4
 */
export class TokenEndpoint {
  readonly #server: AuthorizationServer
  readonly #settings: ClientSettings
  readonly #clock: Clock
  #failed: FailedCredentials = {}

  constructor(
    settings: ClientSettings,
    clock: Clock,
    events: TokenEventEmitter,
    isAttached: (axios: object) => boolean,
  ) {
    this.#server = new AuthorizationServer(settings, clock, events, isAttached)
    this.#settings = settings
    this.#clock = clock
  }

  /** Where the request goes, as far as it is configured: the token endpoint or the issuer. */
  get url(): string {
    return this.#settings.tokenEndpoint ?? this.#settings.issuer ?? ''
  }

  /** The certificate that connections show now. @throws TokenError `secret_unavailable` */
  async readCertificate(signal: AbortSignal): Promise<ReadCertificate | undefined> {
    return await this.#server.readCertificate(signal)
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
        if ((await this.#server.readCertificate(deadline))?.thumbprint !== thumbprint) return true
        return currentCredential !== undefined && (await currentCredential(name)) !== credential
      }
      try {
        return await this.#server.inTime(this.url, { signal }, (deadline) =>
          abortable(deadline, () => changed(deadline)),
        )
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
    const attempts = () => retry(() => this.#attempt(parameters, limits), { clock: this.#clock, ...limits })
    try {
      return await attempts()
    } catch (error) {
      if (!isCredentialError(error) || !(await this.credentialChanged?.())) throw error
      limits.onRetry(error as TokenError, 1, 0)
      return await attempts()
    }
  }

  /** Revokes a token, in one attempt. @throws like {@link revokeToken} @see RFC 7009 §2 */
  async revokeToken(token: string): Promise<void> {
    await revokeToken(this.#server, token)
  }

  // Retries wrap the building of the request, so that every attempt has the current secret and a new assertion.
  async #attempt(parameters: TokenParameters, limits: AttemptLimits): Promise<RequestedToken> {
    const { grant, tokenEndpoint, hooks, certificate, dpop } = this.#settings
    if (hooks.requestToken !== undefined) return await this.#requestByHook(hooks.requestToken, parameters, limits)
    const metadata = await this.#server.metadata(limits)
    const alias = certificate && metadata?.mtlsTokenEndpoint
    const url = tokenEndpoint ?? alias ?? metadata?.tokenEndpoint ?? ''
    return await this.#server.inTime(url, limits, async (deadline) => {
      const fill = (draft: TokenRequestDraft) => fillGrant(grant, draft, parameters)
      const rebuild = hooks.buildRequest && this.#rebuilder(hooks.buildRequest, parameters, deadline)
      const { background } = limits
      const plan = { url, metadata, background, signal: deadline, fill, rebuild, dpop }
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

  async #exchange(
    { background, ...plan }: ExchangePlan & AttemptLimits,
    parameters: TokenParameters,
  ): Promise<RequestedToken> {
    const built = await this.#build(plan)
    const requestedAt = instant(this.#clock)
    try {
      const answer = await this.#server.send({ ...built.request, background })
      plan.dpop?.noteNonce(built.request, answer.header('dpop-nonce'))
      const response = this.#read(answer, built, parameters, requestedAt)
      return { response, requestedAt, certificate: built.request.certificate }
    } catch (error) {
      const { credential, request } = built
      this.#failed = { credential, thumbprint: request.certificate?.thumbprint }
      if (isGone(error)) this.#server.doubtMetadata()
      throw error
    }
  }

  #rebuilder(
    build: NonNullable<PartnerHooks['buildRequest']>,
    parameters: TokenParameters,
    signal: AbortSignal,
  ): ExchangePlan['rebuild'] {
    return async (request, hide) =>
      await rebuiltRequest(build, request, describeRequest(this.#settings, parameters, signal, hide))
  }

  async #requestByHook(
    requestToken: NonNullable<PartnerHooks['requestToken']>,
    parameters: TokenParameters,
    limits: AttemptLimits,
  ): Promise<RequestedToken> {
    const { name: client, defaultLifetimeMs } = this.#settings
    return await this.#server.inTime('', limits, async (deadline) => {
      const secrets: string[] = []
      const hide = (secret: string) => secrets.push(...spellings(secret))
      const wanted = describeRequest(this.#settings, parameters, deadline, hide)
      const requestedAt = instant(this.#clock)
      const received = await abortable(deadline, () =>
        // Read in there, because what a hook returns may throw when it is read.
        callHook('requestToken', client, secrets, async () => membersOf(await requestToken(wanted), requestedAt.wall)),
      )
      const context = { client, defaultLifetimeMs, requestedAt: requestedAt.wall }
      return { response: readReceivedToken(received, context), requestedAt }
    })
  }

  async #build(plan: ExchangePlan): Promise<AuthenticatedRequest> {
    try {
      return await this.#server.build(plan)
    } catch (error) {
      this.#failed = {}
      throw error
    }
  }

  #read(
    answer: HttpResponse,
    { request, secrets, method, supportedMethods, credentialDoubt }: AuthenticatedRequest,
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
      credentialDoubt,
      parseResponse: hooks.parseResponse,
    })
  }
}

/** What the client authenticated with when a request failed; nothing if it could not be read. */
interface FailedCredentials {
  readonly credential?: string | undefined
  readonly thumbprint?: string | undefined
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
