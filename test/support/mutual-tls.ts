import type { IncomingMessage } from 'node:http'
import type { ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { type ReceivedRequest, type Respond, sendJson, startServer, type TestServer } from './http-server.ts'
import type { TestAuthority } from './tls.ts'

/** An authorization server and an API that demand client certificates; `await using` closes both. */
export interface MutualServers extends AsyncDisposable {
  readonly auth: TestServer
  readonly api: TestServer
  /** The thumbprints of the certificates of the token requests, in order. */
  readonly requestedWith: string[]
  /** The token and the thumbprint of each API request, in order. */
  readonly arrived: { readonly token: string; readonly thumbprint: string; readonly accepted: boolean }[]
  /** Refuses token requests with this certificate. */
  refused: string | undefined
  /** Called when a token request has arrived; its answer waits for what is returned. */
  onTokenRequest: (request: ReceivedRequest) => void | Promise<void>
  /** The same for requests to the API. */
  onApiRequest: (request: ReceivedRequest) => void | Promise<void>
}

/** `x5t#S256` of the certificate that the client showed. @see RFC 8705 §3.1 */
export function shownTo(incoming: IncomingMessage): string {
  const { fingerprint256 = '' } = (incoming.socket as TLSSocket).getPeerX509Certificate() ?? {}
  return Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
}

/**
 * Starts the two. Each token (`token-1`, `token-2`, …) is bound to the certificate it was requested with; the API
 * answers 401 when it comes over a connection that shows another. @see RFC 8705 §3
 */
export async function startMutualServers(authority: TestAuthority): Promise<MutualServers> {
  const tls: ServerOptions = { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: true }
  const boundTo = new Map<string, string>()
  const giveToken: Respond = (response, request, incoming) => {
    const thumbprint = shownTo(incoming)
    const token = `token-${servers.requestedWith.push(thumbprint)}`
    void Promise.resolve(servers.onTokenRequest(request)).then(() => {
      if (thumbprint === servers.refused) return sendJson(response, { error: 'invalid_client' }, 401)
      boundTo.set(token, thumbprint)
      sendJson(response, { access_token: token, token_type: 'Bearer', expires_in: 3600 })
    })
  }
  const auth = await startServer(giveToken, tls)
  const checkToken: Respond = (response, request, incoming) => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    const thumbprint = shownTo(incoming)
    const accepted = boundTo.get(token) === thumbprint
    servers.arrived.push({ token, thumbprint, accepted })
    void Promise.resolve(servers.onApiRequest(request)).then(() => {
      if (accepted) return sendJson(response, {})
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
    })
  }
  const api = await startServer(checkToken, tls)
  const servers: MutualServers = {
    auth,
    api,
    requestedWith: [],
    arrived: [],
    refused: undefined,
    onTokenRequest: () => {},
    onApiRequest: () => {},
    async [Symbol.asyncDispose]() {
      await auth[Symbol.asyncDispose]()
      await api[Symbol.asyncDispose]()
    },
  }
  return servers
}
