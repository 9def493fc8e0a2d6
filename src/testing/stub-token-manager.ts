import type { ClientOptions } from '../client-options.ts'
import type { Clock } from '../clock.ts'
import { TokenManager, type TokenManagerOptions } from '../token-manager.ts'
import type { FetchLike } from '../transport.ts'
import { type OAuthError, oauthError } from './fault.ts'

/** A token that was requested of a {@link StubTokenManager}. */
export interface StubTokenRequest {
  /** The client's name; `default` for a manager of one client. */
  readonly client: string
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly audience: readonly string[]
}

/** What a {@link StubTokenManager} gives to those who ask. */
export interface StubTokenAnswer {
  /** The text of the token, for all requests or for each. Default: `stub-token`. */
  readonly token?: string | ((request: StubTokenRequest) => string) | undefined
  /**
   * No token, but the error that callers get for this: an answer of the authorization server (RFC 6749 §5.2),
   * `server_unavailable` (it answers 503), or `network` (no connection).
   */
  readonly error?: OAuthError | 'server_unavailable' | 'network' | undefined
}

/** Options of {@link stubTokenManager}. */
export interface StubTokenManagerOptions<Name extends string = never> extends StubTokenAnswer {
  /** The names of its clients. Default: a manager of one client, which is not named. */
  readonly clients?: readonly Name[] | undefined
  /** How long its tokens live. Default: an hour. */
  readonly lifetimeMs?: number | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** A `TokenManager` in every respect, but for the authorization server, which is a function in this process. */
export class StubTokenManager<Name extends string = never> extends TokenManager<Name> {
  /** The token requests so far: one for each client and scope that was asked for, until its token has to be replaced. */
  readonly requested: StubTokenRequest[]
  readonly #server: StubServer

  /** @internal */
  constructor({ clients, lifetimeMs, clock, ...answer }: StubTokenManagerOptions<Name>) {
    const server = new StubServer(answer, lifetimeMs ?? 3_600_000)
    const client = (clientId: string): ClientOptions => ({
      clientId,
      tokenEndpoint: 'https://auth.invalid/token',
      clientSecret: 'a-secret',
      clientAuthentication: 'client_secret_post',
      transport: server.fetch,
      // The APIs of a test are on this machine, if anywhere.
      allowInsecureLoopback: true,
      // A test is not to wait for further attempts.
      maxAttempts: 1,
    })
    const options =
      clients === undefined
        ? client('default')
        : { clients: Object.fromEntries(clients.map((name) => [name, client(name)])) }
    super({ ...options, clock } as TokenManagerOptions<Name>)
    this.#server = server
    this.requested = server.requested
  }

  /** Gives this from now on. All tokens and errors from before are forgotten. */
  answerWith(answer: StubTokenAnswer): void {
    this.#server.answer = answer
    this.invalidateAll()
  }
}

/**
 * A token manager for unit tests of what uses one: it asks no server, and opens no connection. Everything else is real,
 * errors included, and it may be attached and handed over like any other.
 *
 * ```ts
 * const tokens = stubTokenManager({ token: 'a-token' })
 * const broken = stubTokenManager({ error: 'invalid_client' })
 * const several = stubTokenManager({ clients: ['orders', 'billing'], token: ({ client }) => `token-of-${client}` })
 * ```
 */
export function stubTokenManager<const Name extends string = never>(
  options: StubTokenManagerOptions<Name> = {},
): StubTokenManager<Name> {
  return new StubTokenManager(options)
}

class StubServer {
  answer: StubTokenAnswer
  readonly requested: StubTokenRequest[] = []
  readonly #lifetimeMs: number

  constructor(answer: StubTokenAnswer, lifetimeMs: number) {
    this.answer = answer
    this.#lifetimeMs = lifetimeMs
  }

  readonly fetch: FetchLike = async (_url, { body }) => {
    const form = new URLSearchParams(body ?? '')
    const request: StubTokenRequest = {
      client: form.get('client_id') ?? '',
      scope: form.get('scope')?.split(' ') ?? [],
      resource: form.getAll('resource'),
      audience: form.getAll('audience'),
    }
    this.requested.push(request)
    const { error, token = 'stub-token' } = this.answer
    if (error === 'network') throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    if (error === 'server_unavailable') return new Response('', { status: 503 })
    if (error !== undefined) {
      const refused = oauthError(error)
      return Response.json(refused.body, { status: refused.status })
    }
    const text = typeof token === 'string' ? token : token(request)
    return Response.json({ access_token: text, token_type: 'Bearer', expires_in: this.#lifetimeMs / 1000 })
  }
}
