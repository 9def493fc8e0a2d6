import { DpopCheck } from './dpop-check.ts'
import { type Answer, type Fault, type OAuthError, oauthError } from './fault.ts'
import { type IssuedToken, IssuedTokens } from './issued-tokens.ts'
import type { ReceivedRequest, ServerEndpoint } from './received-request.ts'
import { type Authentication, RegisteredClients, type TestClient } from './registered-clients.ts'
import { ScriptedServer, type ScriptedServerOptions } from './scripted-server.ts'

/** Options of {@link startAuthorizationServer}. */
export interface TestAuthorizationServerOptions extends ScriptedServerOptions {
  /** Clients by their ids: the secret alone, or more. Default: `test-client` with a secret that is made up. */
  readonly clients?: Readonly<Record<string, string | TestClient>> | undefined
  /** How long tokens live. Default: an hour. */
  readonly lifetimeMs?: number | undefined
  /** Wants a nonce in DPoP proofs, which then tells the time in place of `iat`. Default `false`. @see RFC 9449 §8 */
  readonly dpopNonce?: boolean | undefined
  /** Members of successful token responses, beside or instead of the usual ones; `undefined` leaves one out. */
  readonly tokenResponse?: Readonly<Record<string, unknown>> | undefined
  /** Members of the metadata document, beside or instead of the usual ones; `undefined` leaves one out. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What a client needs to know of the server: to be spread into the options of a `TokenManager`. Beside a `transport` set
 * `proxy` and `ca` to `undefined`, which it brings itself.
 */
export interface TestClientOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
  readonly allowInsecureLoopback: true
  /** The proxy that the environment names has no way to this server. */
  readonly proxy: false
  readonly ca?: string
}

const HOUR_MS = 3_600_000
const GRANTS = {
  client_credentials: [],
  'urn:ietf:params:oauth:grant-type:token-exchange': ['subject_token', 'subject_token_type'],
  'urn:ietf:params:oauth:grant-type:jwt-bearer': ['assertion'],
} as const
const ENDPOINTS: Readonly<Record<string, ServerEndpoint>> = {
  '/token': 'token',
  '/revoke': 'revocation',
  '/.well-known/oauth-authorization-server': 'metadata',
  '/.well-known/openid-configuration': 'metadata',
}

/** An authorization server on this machine, for tests; {@link startAuthorizationServer} starts one. */
export class TestAuthorizationServer extends ScriptedServer {
  /** How long the tokens live that are issued from now on; they expire by the server's clock. */
  lifetimeMs: number
  /** Members of successful token responses, beside or instead of the usual ones; `undefined` leaves one out. */
  tokenResponse: Readonly<Record<string, unknown>>
  readonly #clients: RegisteredClients
  readonly #tokens = new IssuedTokens()
  readonly #dpop: DpopCheck
  readonly #metadata: Readonly<Record<string, unknown>>
  #refused = 0
  #revoked = 0

  /** @internal */
  constructor(options: TestAuthorizationServerOptions) {
    super(options)
    const { clients = { 'test-client': 'a-test-secret-of-32-bytes-or-more' }, lifetimeMs = HOUR_MS } = options
    this.#clients = new RegisteredClients(clients)
    this.lifetimeMs = lifetimeMs
    this.tokenResponse = options.tokenResponse ?? {}
    this.#metadata = options.metadata ?? {}
    this.#dpop = new DpopCheck(options.tls === undefined ? 'http' : 'https', options.dpopNonce ?? false)
  }

  /** The issuer identifier: the server's origin. */
  get issuer(): string {
    return this.origin
  }

  get tokenEndpoint(): string {
    return `${this.origin}/token`
  }

  get revocationEndpoint(): string {
    return `${this.origin}/revoke`
  }

  /** How many tokens were issued, token requests refused (faults not counted), and tokens revoked. */
  get counts(): { readonly issued: number; readonly refused: number; readonly revoked: number } {
    return { issued: this.#tokens.issued, refused: this.#refused, revoked: this.#revoked }
  }

  /**
   * Where the server is, and the credentials of a client: `new TokenManager({ ...server.clientOptions(), scope })`.
   * @param clientId default: the first client
   * @throws RangeError for a client that is not known
   */
  clientOptions(clientId?: string): TestClientOptions {
    const { clientId: id, secret } = this.#clients.find(clientId)
    return {
      ...{ issuer: this.issuer, clientId: id, allowInsecureLoopback: true, proxy: false },
      ...(secret !== undefined && { clientSecret: secret }),
      ...(this.ca !== undefined && { ca: this.ca }),
    }
  }

  /** Scripts what goes wrong with the next token requests, one fault each; then it is as before. */
  next(...faults: readonly Fault[]): void {
    this.script('token', faults)
  }

  /** The same for requests to another endpoint. */
  nextAt(endpoint: 'token' | 'metadata' | 'revocation', ...faults: readonly Fault[]): void {
    this.script(endpoint, faults)
  }

  /**
   * Gives a client another secret.
   * @param oldHoldsForMs how long the earlier one is accepted beside it. Default 0
   * @throws RangeError for a client that is not known
   */
  rotateSecret(
    clientId: string,
    secret: string,
    { oldHoldsForMs = 0 }: { readonly oldHoldsForMs?: number } = {},
  ): void {
    this.#clients.rotateSecret(clientId, secret, this.clock.now() + oldHoldsForMs)
  }

  /** Wants another nonce in DPoP proofs from now on, and any at all if it did not before. */
  rotateDpopNonce(): void {
    this.#dpop.rotateNonce()
  }

  /** Issues a token without a request, to try an API with. @throws RangeError for a client that is not known */
  issueToken({ clientId, scope = '', lifetimeMs = this.lifetimeMs }: TokenOrder = {}): string {
    const now = this.clock.now()
    const issued = { clientId: this.#clients.find(clientId).clientId, scope, expiresAt: now + lifetimeMs }
    return this.#tokens.issue(issued, now)
  }

  /** What is known of a token; `undefined` if this server did not issue it. */
  findToken(token: string): IssuedToken | undefined {
    return this.#tokens.find(token)
  }

  /** Revokes one token, or all that there are. APIs refuse them from now on. */
  revoke(token?: string): void {
    if (token === undefined) this.#revoked += this.#tokens.revokeAll()
    else if (this.#tokens.revoke(token)) this.#revoked += 1
  }

  /** @internal */
  protected override endpointOf(pathname: string): ServerEndpoint {
    return ENDPOINTS[pathname] ?? 'other'
  }

  /** @internal */
  protected override answer(request: ReceivedRequest): Answer {
    if (request.endpoint === 'metadata') return { status: 200, body: this.#document() }
    if (request.endpoint === 'other') return { status: 404, body: { error: 'not_found' } }
    const audiences = [this.issuer, this.tokenEndpoint, this.revocationEndpoint]
    const authentication: Authentication =
      request.method === 'POST'
        ? this.#clients.authenticate(request, audiences, this.clock.now())
        : { error: 'invalid_request', problem: 'not a POST request' }
    request.clientId = authentication.clientId
    if ('error' in authentication) return this.#refuse(request, authentication.error, authentication.problem)
    if (request.endpoint === 'token') return this.#grant(request, authentication)
    this.revoke(request.form.get('token') ?? '')
    return { status: 200, body: '' }
  }

  #grant(request: ReceivedRequest, { clientId, client }: Extract<Authentication, { client: TestClient }>): Answer {
    const { form } = request
    const needed = Object.entries(GRANTS).find(([name]) => name === form.get('grant_type'))?.[1]
    if (needed === undefined) return this.#refuse(request, 'unsupported_grant_type')
    const missing = needed.find((name) => !form.get(name))
    if (missing !== undefined) return this.#refuse(request, 'invalid_request', `no ${missing}`)
    const scope = form.get('scope') ?? client.scope ?? ''
    const allowed = client.scope?.split(' ')
    if (allowed && !words(scope).every((one) => allowed.includes(one))) return this.#refuse(request, 'invalid_scope')
    const now = this.clock.now()
    const nonce = this.#dpop.nonce === undefined ? {} : { 'dpop-nonce': this.#dpop.nonce }
    const proof = request.headers.dpop === undefined ? undefined : this.#dpop.check(request, now)
    if (proof === undefined && client.dpop) return this.#refuse(request, 'invalid_request', 'no DPoP proof')
    if (proof && 'error' in proof) {
      const refusal = this.#refuse(request, proof.error, proof.problem)
      return { ...refusal, headers: { ...refusal.headers, ...nonce } }
    }
    const lifetimeMs = client.lifetimeMs ?? this.lifetimeMs
    const token = this.#tokens.issue(
      { clientId, scope, expiresAt: now + lifetimeMs, jkt: proof?.jkt, certificate: request.certificate },
      now,
    )
    const usual = { access_token: token, token_type: proof ? 'DPoP' : 'Bearer', expires_in: lifetimeMs / 1000 }
    const body = { ...usual, ...(scope !== '' && { scope }), ...this.tokenResponse }
    return { status: 200, headers: { 'cache-control': 'no-store', ...nonce }, body }
  }

  #refuse(request: ReceivedRequest, error: OAuthError, problem?: string): Answer {
    if (request.endpoint === 'token') this.#refused += 1
    request.refusal = problem === undefined ? error : `${error}: ${problem}`
    return oauthError(error, problem)
  }

  /** @see RFC 8414 §2 */
  #document(): Record<string, unknown> {
    const secretMethods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']
    return {
      issuer: this.issuer,
      token_endpoint: this.tokenEndpoint,
      revocation_endpoint: this.revocationEndpoint,
      grant_types_supported: Object.keys(GRANTS),
      token_endpoint_auth_methods_supported: [...secretMethods, 'private_key_jwt', 'tls_client_auth', 'none'],
      ...this.#metadata,
    }
  }
}

/** A token that is wanted without a token request. */
export interface TokenOrder {
  /** Default: the first client. */
  readonly clientId?: string | undefined
  /** Parted by spaces. Default: none. */
  readonly scope?: string | undefined
  /** Default: as for all others. */
  readonly lifetimeMs?: number | undefined
}

const words = (text: string) => text.split(' ').filter((word) => word !== '')

/**
 * Starts an authorization server on 127.0.0.1, on a port of its own: a token endpoint that checks who asks, a metadata
 * document, revocation, and every fault that is scripted. It is closed by `close()`, or by `await using`.
 * @throws what node:crypto throws for a key or certificate that cannot be read
 *
 * ```ts
 * await using server = await startAuthorizationServer()
 * const tokens = new TokenManager(server.clientOptions())
 * ```
 */
export async function startAuthorizationServer(
  options: TestAuthorizationServerOptions = {},
): Promise<TestAuthorizationServer> {
  const server = new TestAuthorizationServer(options)
  await server.listen()
  return server
}
