import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Agent, createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import axios from 'axios'
import { calculateJwkThumbprint, createLocalJWKSet, EmbeddedJWK, type JSONWebKeySet, jwtVerify } from 'jose'
import type { TestAuthority } from '../support/tls.ts'
import { peerCertificate, thumbprintOf } from './authorization-server.ts'

/** What is known of a token after it has been checked. */
interface TokenFacts {
  readonly active: boolean
  readonly client_id?: string
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string }
}

/** An API over https that checks what it is sent, as the RFCs want a resource server to. */
export interface ProtectedApi extends AsyncDisposable {
  readonly origin: string
  /** The status of every answer so far. */
  readonly answers: number[]
  /** Accepts no token that was sent so far. */
  rejectAll(): void
}

export interface ProtectedApiOptions {
  readonly issuer: string
  /** How the API authenticates when it asks about tokens; without it they are taken for JWTs. @see RFC 7662 */
  readonly introspectAs?: { readonly username: string; readonly password: string } | undefined
  /** Refuses DPoP proofs without the nonce of the moment, which changes with every so many answers. */
  readonly nonceLasts?: number | undefined
}

/** Starts the API on a port of its own. */
export async function startProtectedApi(authority: TestAuthority, options: ProtectedApiOptions): Promise<ProtectedApi> {
  const answers: number[] = []
  const seen = new Set<string>()
  const rejected = new Set<string>()
  const check = await tokenCheck(authority, options)
  const nonces = nonceCounter(options.nonceLasts)
  const refusal = async (request: IncomingMessage): Promise<string | undefined> => {
    const [, scheme = '', token = ''] = /^(\S+) (\S+)$/.exec(request.headers.authorization ?? '') ?? []
    if (rejected.has(token)) return `${scheme} error="invalid_token"`
    seen.add(token)
    const facts = await check(token)
    const { jkt, 'x5t#S256': thumbprint } = facts.cnf ?? {}
    const shown = peerCertificate(request.socket as TLSSocket)
    const isBound = thumbprint === undefined || (shown !== undefined && thumbprintOf(shown) === thumbprint)
    if (!facts.active || !isBound) return 'Bearer error="invalid_token"'
    if (jkt === undefined) return scheme === 'Bearer' ? undefined : 'Bearer error="invalid_token"'
    return scheme === 'DPoP' ? await proofFault(request, token, jkt, nonces.current()) : 'DPoP error="invalid_token"'
  }
  const server = createServer(
    { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: false },
    async (request, response) => {
      const challenge = await refusal(request).catch(
        (error: Error) => `DPoP error="invalid_dpop_proof", x="${error.name}"`,
      )
      const status = challenge === undefined ? 200 : 401
      nonces.answered(status)
      // The one for the next request.
      const nonce = nonces.current()
      if (nonce !== undefined) response.setHeader('dpop-nonce', nonce)
      if (challenge !== undefined) response.setHeader('www-authenticate', challenge)
      answers.push(status)
      response.writeHead(status).end()
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    answers,
    rejectAll: () => {
      for (const token of seen) rejected.add(token)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function tokenCheck(
  authority: TestAuthority,
  { issuer, introspectAs }: ProtectedApiOptions,
): Promise<(token: string) => Promise<TokenFacts>> {
  const server = axios.create({ httpsAgent: new Agent({ ca: authority.cert, keepAlive: true }) })
  const { data: metadata } = await server.get(`${issuer}/.well-known/openid-configuration`)
  if (introspectAs !== undefined) {
    return async (token) => {
      const body = new URLSearchParams({ token })
      const { data } = await server.post(metadata.introspection_endpoint, body, { auth: introspectAs })
      return data
    }
  }
  const { data: keys } = await server.get<JSONWebKeySet>(metadata.jwks_uri)
  const keySet = createLocalJWKSet(keys)
  return async (token) => {
    const verified = await jwtVerify(token, keySet, { issuer }).catch(() => undefined)
    return { ...verified?.payload, active: verified !== undefined } as TokenFacts
  }
}

/** What is wrong with a request's DPoP proof, as a challenge. @see RFC 9449 §7.1 */
async function proofFault(
  request: IncomingMessage,
  token: string,
  jkt: string,
  nonce: string | undefined,
): Promise<string | undefined> {
  const { payload, protectedHeader } = await jwtVerify(String(request.headers.dpop), EmbeddedJWK, {
    typ: 'dpop+jwt',
    algorithms: ['ES256', 'EdDSA', 'Ed25519', 'PS256'],
    maxTokenAge: '1 minute',
  })
  const url = new URL(request.url ?? '', `https://${request.headers.host}`)
  const holds =
    payload.htm === request.method &&
    payload.htu === `${url.origin}${url.pathname}` &&
    payload.ath === createHash('sha256').update(token).digest('base64url') &&
    typeof payload.jti === 'string' &&
    (await calculateJwkThumbprint(protectedHeader.jwk ?? {})) === jkt
  if (!holds) return 'DPoP error="invalid_dpop_proof"'
  return nonce === undefined || payload.nonce === nonce ? undefined : 'DPoP error="use_dpop_nonce"'
}

function nonceCounter(lasts: number | undefined) {
  let accepted = 0
  return {
    current: () => (lasts === undefined ? undefined : `nonce-${Math.floor(accepted / lasts)}`),
    answered: (status: number) => {
      if (status === 200) accepted += 1
    },
  }
}
