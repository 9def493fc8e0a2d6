import { afterEach, beforeEach, vi } from 'vitest'
import { sendJson, startServer, type TestServer } from '../support/http-server.ts'

/** The authorization server and the API that the recipes talk to, on this machine. */
export interface OrdersWorld {
  readonly api: TestServer
  /** What reached the API, in order: `POST /orders token-1 {"item":1}`. */
  readonly traffic: string[]
  /** How many token requests arrived. */
  tokenRequests: number
  /** How many of the requests to come are answered with 503. */
  outages: number
  /** Whether the authorization server refuses the client. */
  deniesTokens: boolean
  /** Whether the API takes this token. */
  accepts(authorization: unknown): boolean
  /** Makes the API reject every token issued so far. */
  revoke(): void
}

const ANSWERS: Readonly<Record<string, unknown>> = {
  'GET /orders': [{ item: 4711 }],
  'GET /userinfo': { sub: 'orders-service' },
  'GET /admin/clients': [{ client_id: 'orders-service' }],
  'POST /graphql': { data: { orders: [{ item: 4711 }] } },
}

/** Starts both before each test, and points the environment of the recipes at them. */
export function useOrdersWorld(): () => OrdersWorld {
  let world: OrdersWorld
  let authorizationServer: TestServer

  beforeEach(async () => {
    const accepted = new Set<string>()
    let issued = 0
    authorizationServer = await startServer((response, { url }) => {
      const issuer = authorizationServer.origin
      if (url !== '/token') return sendJson(response, { issuer, token_endpoint: `${issuer}/token` })
      world.tokenRequests += 1
      if (world.deniesTokens) return sendJson(response, { error: 'invalid_client' }, 401)
      issued += 1
      accepted.add(`Bearer token-${issued}`)
      sendJson(response, { access_token: `token-${issued}`, token_type: 'Bearer', expires_in: 3600 })
    })
    const api = await startServer((response, { method, url, headers, body }) => {
      const token = headers.authorization?.replace('Bearer ', '') ?? 'without a token'
      world.traffic.push(`${method} ${url} ${token}${method === 'POST' ? ` ${body}` : ''}`)
      if (!world.accepts(headers.authorization)) {
        response.setHeader('www-authenticate', 'Bearer error="invalid_token"')
        return sendJson(response, { error: 'invalid_token' }, 401)
      }
      if (world.outages-- > 0) return sendJson(response, {}, 503)
      const answer = ANSWERS[`${method} ${url}`]
      sendJson(response, answer ?? JSON.parse(body), answer === undefined ? 201 : 200)
    })
    world = {
      ...{ api, traffic: [], outages: 0, deniesTokens: false, tokenRequests: 0 },
      accepts: (authorization) => accepted.has(String(authorization)),
      revoke: () => accepted.clear(),
    }
    const environment = {
      EVERTOKEN_ISSUER: authorizationServer.origin,
      EVERTOKEN_API_URL: api.origin,
      EVERTOKEN_CLIENT_SECRET: 'a-secret',
      no_proxy: '*',
    }
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    // Each recipe begins anew, with a manager of its own.
    vi.resetModules()
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await Promise.all([authorizationServer[Symbol.asyncDispose](), world.api[Symbol.asyncDispose]()])
  })
  return () => world
}
