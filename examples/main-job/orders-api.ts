import type { ServerResponse } from 'node:http'
import type { Clock } from 'evertoken'
import type { RegisteredClient } from './authorization-server.ts'
import { startLoopbackServer } from './loopback-server.ts'

/** An API on this machine that lets nobody in without a valid token. */
export interface OrdersApi {
  readonly origin: string
  /** How many requests were turned away because of their token. */
  readonly rejected: number
  close(): Promise<void>
}

// A revoked token works for this long at the most.
const BELIEVE_MS = 100

/**
 * Starts an API that asks the authorization server about every token it sees.
 * @see RFC 6750 §3, RFC 7662
 */
export async function startOrdersApi(
  introspectionEndpoint: string,
  self: RegisteredClient,
  clock: Clock,
): Promise<OrdersApi> {
  const scopesOf = introspector(introspectionEndpoint, self, clock)
  let rejected = 0
  const server = await startLoopbackServer(async (request, response) => {
    request.resume()
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    try {
      const scopes = token === undefined ? undefined : await scopesOf(token)
      if (scopes === undefined) {
        rejected += 1
        challenge(response, 401, token === undefined ? 'Bearer' : 'Bearer error="invalid_token"')
      } else if (!scopes.includes('orders.read')) {
        challenge(response, 403, 'Bearer error="insufficient_scope", scope="orders.read"')
      } else {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"orders":[4711,4712]}')
      }
    } catch {
      response.writeHead(502).end()
    }
  })
  return {
    origin: server.origin,
    get rejected() {
      return rejected
    },
    close: server.stop,
  }
}

function challenge(response: ServerResponse, status: number, value: string): void {
  response.writeHead(status, { 'www-authenticate': value }).end()
}

/** Tells the scopes of a token, or `undefined` for a token that isn't valid; one question at a time per token. */
function introspector(
  endpoint: string,
  self: RegisteredClient,
  clock: Clock,
): (token: string) => Promise<string[] | undefined> {
  const answers = new Map<string, { readonly at: number; readonly scopes: Promise<string[] | undefined> }>()
  const authorization = `Basic ${Buffer.from(`${self.clientId}:${self.clientSecret}`).toString('base64')}`

  const ask = async (token: string): Promise<string[] | undefined> => {
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' })
    const response = await fetch(endpoint, { method: 'POST', headers: { authorization }, body })
    if (!response.ok) throw new Error(`introspection failed with status ${response.status}`)
    const { active, scope = '' } = (await response.json()) as { active: boolean; scope?: string }
    return active ? scope.split(' ') : undefined
  }

  return (token) => {
    const known = answers.get(token)
    if (known !== undefined && clock.monotonicNow() - known.at < BELIEVE_MS) return known.scopes
    const scopes = ask(token)
    answers.set(token, { at: clock.monotonicNow(), scopes })
    return scopes
  }
}
