import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
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
  /** Refuses connections until {@link comeBack}. */
  goDown(): Promise<void>
  comeBack(): Promise<void>
  /** Revokes every access token there is. */
  revokeTokens(): void
  close(): Promise<void>
}

/** Starts an authorization server for clients whose tokens live for `lifetimeSeconds`. */
export async function startAuthorizationServer(
  clients: readonly RegisteredClient[],
  lifetimeSeconds: number,
): Promise<AuthorizationServer> {
  const accessTokens = new Map<string, object>()
  let answer: RequestListener = (_, response) => response.writeHead(503).end()
  let delayMs = 0
  let tokenRequests = 0

  const door = await startLoopbackServer(async (request, response) => {
    if (request.method === 'POST' && request.url === '/token') {
      tokenRequests += 1
      if (delayMs > 0) await sleep(delayMs)
    }
    answer(request, response)
  })
  const backDoor: LoopbackServer = await startLoopbackServer((request, response) => answer(request, response))
  answer = new Provider(door.origin, configuration(clients, lifetimeSeconds, accessTokens)).callback()

  return {
    issuer: door.origin,
    introspectionEndpoint: `${backDoor.origin}/token/introspection`,
    get tokenRequests() {
      return tokenRequests
    },
    slowDown(ms) {
      delayMs = ms
    },
    goDown: door.stop,
    comeBack: door.restart,
    revokeTokens: () => accessTokens.clear(),
    async close() {
      await Promise.all([door.stop(), backDoor.stop()])
    },
  }
}

function configuration(
  clients: readonly RegisteredClient[],
  lifetimeSeconds: number,
  accessTokens: Map<string, object>,
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
    adapter: adapterFor(accessTokens),
  }
}

/** oidc-provider's storage, as far as client credentials and introspection reach. */
function adapterFor(accessTokens: Map<string, object>): (model: string) => object {
  return (model) => ({
    upsert: async (id: string, payload: object) => {
      if (model === 'ClientCredentials') accessTokens.set(id, payload)
    },
    find: async (id: string) => (model === 'ClientCredentials' ? accessTokens.get(id) : undefined),
    destroy: async (id: string) => void accessTokens.delete(id),
  })
}
