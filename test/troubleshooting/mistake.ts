import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { type ClientOptions, TokenManager, type TokenManagerOptions } from 'evertoken'
import { type ReceivedRequest, startServer } from '../support/http-server.ts'

/** A mistake in the configuration of something, and what tells about it. */
export interface Mistake {
  /** As whoever made it would say it. */
  readonly mistake: string
  /** `TypeError`, or the code of a `TokenError`. */
  readonly error: string
  /** What must be in the message, because it names the mistake. */
  readonly says: string
  /** What to do, where an event tells about it, which holds facts only. */
  readonly remedy?: string
  /** Makes the mistake: throws, or rejects. */
  readonly make: () => unknown
}

/** Mistakes of one kind, under the heading that they have in the document. */
export interface Mistakes {
  readonly heading: string
  readonly mistakes: readonly Mistake[]
}

/** For whoever mistakes it: found in no message. */
export const SECRET = 'Marker-S3cret+1'

/** Options with which nothing is wrong, for what is wrong about the options. */
export const OPTIONS = {
  tokenEndpoint: 'https://auth.example.com/oauth2/token',
  clientId: 'orders-service',
  clientSecret: SECRET,
} satisfies ClientOptions

/** Makes a manager of options, as a caller without types may give them. */
export function manager(options: object): TokenManager {
  return new TokenManager(options as TokenManagerOptions<never>)
}

/** Makes a manager of options that are right but for these. */
export function managerWith(wrong: object): TokenManager {
  return manager({ ...OPTIONS, ...wrong })
}

/** What a server answers to a token request. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. */
  readonly body?: unknown
}

/** Asks a real server on this machine for a token. */
export async function askServer(
  answer: Answer | ((request: ReceivedRequest) => Answer | Promise<Answer>),
  options: Partial<ClientOptions> = {},
  path = '/oauth2/token',
): Promise<void> {
  const respond = async (response: ServerResponse, request: ReceivedRequest) => {
    const { status = 400, headers, body = '' } = typeof answer === 'function' ? await answer(request) : answer
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  }
  await using server = await startServer((response, request) => void respond(response, request))
  await askAt({ tokenEndpoint: `${server.origin}${path}`, ...options }, server.origin)
}

/** Asks for one token, in one attempt. @param origin replaces `ORIGIN` in the issuer */
export async function askAt(options: Partial<ClientOptions>, origin = ''): Promise<void> {
  const { issuer, ...given } = options
  const located = issuer === undefined ? {} : { issuer: issuer.replace('ORIGIN', origin), tokenEndpoint: undefined }
  await using tokens = managerWith({ allowInsecureLoopback: true, maxAttempts: 1, ...given, ...located })
  await tokens.getToken()
}

/** An error in the form of RFC 6749 section 5.2. */
export function denial(error: string, description?: string, status = 400): Answer {
  return { status, body: { error, ...(description !== undefined && { error_description: description }) } }
}

/** Waits for the event that tells about something, and throws what it says. */
export async function toldBy(
  tokens: TokenManager,
  event: 'storeFailed' | 'authorizationKept' | 'freshTokenRejected',
  what: () => unknown,
): Promise<never> {
  const told = Promise.withResolvers<object>()
  tokens.on(event, told.resolve)
  await Promise.race([Promise.resolve(what()).then(() => told.promise), told.promise, wait(20_000)])
  const { reason } = (await told.promise) as { readonly reason?: string }
  throw Object.assign(new Error(reason === undefined ? '' : `reason: ${reason}`), { event })
}
