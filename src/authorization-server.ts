import { type AuthenticatedRequest, authenticatedRequest, type RequestPlan } from './authenticated-request.ts'
import type { CredentialExpiry } from './client-authentication/client-authentication.ts'
import type { ReadCertificate } from './client-certificate.ts'
import type { ClientSettings } from './client-options.ts'
import { type Clock, withTimeout } from './clock.ts'
import { CredentialExpiryNotices } from './credential-expiry.ts'
import { Discovery, type ServerMetadata } from './discovery.ts'
import { shownUrl } from './endpoint-url.ts'
import { type TokenError, TokenTransportError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { abortable } from './single-flight.ts'
import { createTransport, type HttpRequest, type HttpResponse, type Send } from './transport.ts'

/** What is to be sent, as far as the client's connection to its server does not know it. */
export type ExchangePlan = Omit<RequestPlan, 'now' | 'certificate'>

/** What bounds an attempt beside its own time. */
export interface AttemptLimits {
  /** Ends the attempt; its reason is what the attempt fails with. */
  readonly signal: AbortSignal
  /** Whether nobody waited when the request began: it alone then does not keep the process alive. Default false. */
  readonly background?: boolean | undefined
}

/**
 * One client's connection to its authorization server: metadata, client certificate, authenticated requests, and the time
 * that one attempt may take.
 */
export class AuthorizationServer {
  readonly settings: ClientSettings
  readonly clock: Clock
  readonly #events: TokenEventEmitter
  readonly #expiryNotices: CredentialExpiryNotices
  readonly #send: Send
  readonly #discovery: Discovery | undefined

  constructor(
    settings: ClientSettings,
    clock: Clock,
    events: TokenEventEmitter,
    isAttached: (axios: object) => boolean,
  ) {
    this.settings = settings
    this.clock = clock
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
        send: async (request) => {
          const certificate = await this.readCertificate(request.signal)
          // Whoever waits for it keeps the process alive: it goes on when nobody does.
          return await this.#send({ ...request, certificate, background: true })
        },
      })
    }
  }

  /** The metadata, if the client is configured with an issuer only. @throws TokenError `discovery_failed`, `issuer_mismatch` */
  async metadata({ signal }: Pick<AttemptLimits, 'signal'>): Promise<ServerMetadata | undefined> {
    return await this.#discovery?.load(signal)
  }

  /** Lets the metadata be loaded anew: an endpoint is not where it says. */
  doubtMetadata(): void {
    this.#discovery?.doubt()
  }

  /** Builds a request that authenticates the client. @throws TokenError `secret_unavailable`, `hook_failed` */
  async build(plan: ExchangePlan): Promise<AuthenticatedRequest> {
    const certificate = await this.readCertificate(plan.signal)
    const built = await authenticatedRequest(this.settings, { ...plan, certificate, now: this.clock.now() })
    this.#expiryNotices.look(built.expiry)
    this.#expiryNotices.look(certificate && expiryOf(certificate))
    return built
  }

  /** Sends a request once. @throws TokenTransportError, TokenError */
  async send(request: HttpRequest): Promise<HttpResponse> {
    return await this.#send(request)
  }

  /** The certificate that connections show now. @throws TokenError `secret_unavailable` */
  async readCertificate(signal: AbortSignal): Promise<ReadCertificate | undefined> {
    const { name: client, certificate } = this.settings
    const onKept = (error: TokenError) => this.#events.emit('certificateKept', () => ({ client, error }))
    return certificate && (await abortable(signal, () => certificate.read({ client, now: this.clock.now(), onKept })))
  }

  /** Runs one attempt with a signal that aborts when the given one does or the attempt's own time is up. */
  async inTime<T>(
    url: string,
    { signal, background }: AttemptLimits,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { name, attemptTimeoutMs: ms } = this.settings
    const tooLate = () => timeoutError(name, url, ms)
    return await withTimeout({ clock: this.clock, ms, tooLate, signal, ref: !background }, work)
  }
}

function expiryOf({ issuedAt, expiresAt }: ReadCertificate): CredentialExpiry {
  return { what: 'certificate', issuedAt, expiresAt }
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
