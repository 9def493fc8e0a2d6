import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { Clock } from 'evertoken'
import Provider from 'oidc-provider'
import { type LoopbackServer, startLoopbackServer } from './loopback-server.ts'

/** A client that the authorization server knows. */
export interface RegisteredClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly scope?: string
}

/** An oidc-provider on this machine, with the disturbances that a real one has now and then. */
export interface AuthorizationServer {
  readonly issuer: string
  /** Where an API asks about tokens. Behind the disturbances, as inside one data centre. @see RFC 7662 */
  readonly introspectionEndpoint: string
  /** How many requests have reached the token endpoint. */
  readonly tokenRequests: number
  /** Makes the token endpoint answer this much later. */
  slowDown(delayMs: number): void
  /** Cuts connections until {@link comeBack}. */
  goDown(): void
  comeBack(): void
  /** Revokes every access token there is. */
  revokeTokens(): void
  close(): Promise<void>
}

/** Starts an authorization server for clients whose tokens live for `lifetimeSeconds`, by this clock. */
export async function startAuthorizationServer(
  clients: readonly RegisteredClient[],
  lifetimeSeconds: number,
  clock: Clock,
): Promise<AuthorizationServer> {
  const accessTokens: AccessTokens = new Map()
  let answer: RequestListener = (_, response) => response.writeHead(503).end()
  let delayMs = 0
  let tokenRequests = 0

  const door = await startLoopbackServer(async (request, response) => {
    if (request.method === 'POST' && request.url === '/token') {
      tokenRequests += 1
      if (delayMs > 0) await clock.sleep(delayMs)
    }
    answer(request, response)
  })
  const backDoor: LoopbackServer = await startLoopbackServer((request, response) => answer(request, response))
  answer = new Provider(door.origin, configuration(clients, lifetimeSeconds, accessTokens, clock)).callback()

  return {
    issuer: door.origin,
    introspectionEndpoint: `${backDoor.origin}/token/introspection`,
    get tokenRequests() {
      return tokenRequests
    },
    slowDown(ms) {
      delayMs = ms
    },
    goDown: door.goDown,
    comeBack: door.comeBack,
    revokeTokens: () => accessTokens.clear(),
    async close() {
      await Promise.all([door.stop(), backDoor.stop()])
    },
  }
}

function configuration(
  clients: readonly RegisteredClient[],
  lifetimeSeconds: number,
  accessTokens: AccessTokens,
  clock: Clock,
): Readonly<Record<string, unknown>> {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  return {
    clients: clients.map(({ clientId, clientSecret, scope }) => ({
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      ...(scope !== undefined && { scope }),
    })),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: clients.flatMap(({ scope }) => scope?.split(' ') ?? []),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
    },
    ttl: { ClientCredentials: lifetimeSeconds },
    jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    adapter: adapterFor(accessTokens, clock),
  }
}

type AccessTokens = Map<string, { readonly payload: object; readonly endsAt: number }>

/** oidc-provider's storage, as far as client credentials and introspection reach; it knows when a token expires. */
function adapterFor(accessTokens: AccessTokens, clock: Clock): (model: string) => object {
  return (model) => ({
    upsert: async (id: string, { exp: _, ...payload }: { exp?: number }, seconds: number) => {
      if (model === 'ClientCredentials') accessTokens.set(id, { payload, endsAt: clock.now() + seconds * 1000 })
    },
    find: async (id: string) => {
      const { payload, endsAt = 0 } = accessTokens.get(id) ?? {}
      return endsAt > clock.now() ? payload : undefined
    },
    destroy: async (id: string) => void accessTokens.delete(id),
  })
}
