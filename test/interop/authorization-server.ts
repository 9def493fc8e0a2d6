import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import Provider from 'oidc-provider'
import type { TestAuthority } from '../support/tls.ts'

/** A client as oidc-provider's configuration registers it. */
type Registration = Readonly<Record<string, unknown>> & { readonly client_id: string }

/** An oidc-provider over https, a certified authorization server. */
export interface InteropServer extends AsyncDisposable {
  readonly issuer: string
  /** How many requests have reached the token endpoint. */
  readonly tokenRequests: number
  /** How many access tokens are valid. */
  readonly tokens: number
  /** Revokes every access token there is. */
  revokeAll(): void
}

/** What the server wants beyond the usual. */
export interface InteropServerOptions {
  readonly clients: readonly Registration[]
  /** Refuses DPoP proofs without a nonce of its own. */
  readonly demandsNonce?: boolean
  /** The API whose tokens are JWTs. */
  readonly jwtResource?: string
}

const TOKENS_LIVE_SECONDS = 300

/** The certificate that a peer shows, as PEM; `undefined` if it shows none. */
export function peerCertificate(socket: TLSSocket): string | undefined {
  const { raw } = socket.getPeerCertificate()
  return raw === undefined ? undefined : new X509Certificate(raw).toString()
}

/** A certificate's thumbprint as tokens are bound to it. @see RFC 8705 §3.1 */
export function thumbprintOf(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
}

/** Starts the server on a port of its own. */
export async function startInteropServer(
  authority: TestAuthority,
  options: InteropServerOptions,
): Promise<InteropServer> {
  const accessTokens = new Map<string, object>()
  const server = createServer({
    ...authority.issue(),
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: false,
  })
  const issuer = `https://localhost:${await listen(server)}`
  const answer = new Provider(issuer, configuration(options, accessTokens)).callback()
  let tokenRequests = 0
  server.on('request', (request, response) => {
    if (request.method === 'POST' && request.url === '/token') tokenRequests += 1
    answer(request, response)
  })
  return {
    issuer,
    get tokenRequests() {
      return tokenRequests
    },
    get tokens() {
      return accessTokens.size
    },
    revokeAll: () => accessTokens.clear(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function configuration(
  { clients, demandsNonce = false, jwtResource }: InteropServerOptions,
  accessTokens: Map<string, object>,
): Readonly<Record<string, unknown>> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificateOf = (ctx: { socket: TLSSocket }) => peerCertificate(ctx.socket)
  return {
    clients: clients.map((client) => ({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
      ...client,
    })),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    scopes: ['orders.read', 'orders.write'],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
    ],
    enabledJWA: {
      clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519'],
    },
    ttl: { ClientCredentials: TOKENS_LIVE_SECONDS },
    adapter: adapterFor(accessTokens),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        selfSignedTlsClientAuth: true,
        getCertificate: certificateOf,
        certificateAuthorized: (ctx: { socket: TLSSocket }) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx: { socket: TLSSocket }, property: string, expected: string) =>
          property === 'tls_client_auth_subject_dn' && expected === `CN=${ctx.socket.getPeerCertificate().subject.CN}`,
      },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => demandsNonce },
      resourceIndicators: {
        enabled: jwtResource !== undefined,
        getResourceServerInfo: () => ({
          scope: 'orders.read orders.write',
          audience: jwtResource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: TOKENS_LIVE_SECONDS,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  }
}

/** oidc-provider's storage, as far as the client credentials grant reaches. */
function adapterFor(accessTokens: Map<string, object>): (model: string) => object {
  const used = new Set<string>()
  return (model) => ({
    upsert: async (id: string, payload: object) => {
      if (model === 'ClientCredentials') accessTokens.set(id, payload)
      else used.add(id)
    },
    find: async (id: string) =>
      model === 'ClientCredentials' ? accessTokens.get(id) : used.has(id) ? { jti: id } : undefined,
    destroy: async (id: string) => void accessTokens.delete(id),
  })
}
