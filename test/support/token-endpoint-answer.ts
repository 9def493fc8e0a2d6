import { inspect } from 'node:util'
import { expect } from 'vitest'
import { TokenResponseError } from '../../src/errors.ts'
import {
  readTokenResponse,
  type TokenEndpointAnswer,
  type TokenResponse,
  type TokenResponseContext,
} from '../../src/token-response.ts'

/** Must not be found in anything that is printed. */
export const SECRET = 'Marker-S3cret-1'
/** Must not be found in anything that is printed. */
export const TOKEN = 'Marker-T0ken-1'

export const REQUESTED_AT: number = Date.UTC(2026, 0, 1)
export const YEAR_MS: number = 365 * 24 * 3_600_000

export const CONTEXT: TokenResponseContext = {
  client: 'orders',
  endpoint: 'https://as.example/oauth2/token?p=1',
  requestedAt: REQUESTED_AT,
  now: REQUESTED_AT + 500,
  secrets: [SECRET],
  authenticationMethod: 'client_secret_basic',
  tokenType: 'Bearer',
  strictTokenType: false,
  defaultLifetimeMs: undefined,
  scopeRequested: ['orders.read', 'orders.write'],
}

/** The members of a plain success. */
export const SUCCESS = { access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 } as const

/** An answer of the token endpoint; a body that is not text is sent as JSON. */
export function answer(
  body: unknown,
  status = 200,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): TokenEndpointAnswer {
  return { status, header: (name) => headers[name], body: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** What is read from a body in an answer with status 200. */
export function read(body: unknown, context: Partial<TokenResponseContext> = {}): TokenResponse {
  return readTokenResponse(answer(body), { ...CONTEXT, ...context })
}

/** The error that an answer is read as. */
export function failure(given: TokenEndpointAnswer, context: Partial<TokenResponseContext> = {}): TokenResponseError {
  try {
    readTokenResponse(given, { ...CONTEXT, ...context })
  } catch (error) {
    if (error instanceof TokenResponseError) return error
    throw error
  }
  return expect.fail('a token was read')
}

/** Everywhere that the text of an error comes out. */
export function everyOutput(error: Error): string {
  return `${inspect(error, { showHidden: true })}${JSON.stringify(error)}${error.stack}`
}
