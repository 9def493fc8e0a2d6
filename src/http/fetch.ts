import { optionError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import type { TokenManager, TokenSelection } from '../token-manager.ts'
import type { TokenSource } from '../token-source.ts'
import { API_REQUEST_OPTION_NAMES, type ApiRequestOptions, readApiRequestOptions } from './api-request-options.ts'
import { exchange, isOfConcern, send } from './fetch-exchange.ts'
import { isGiven } from './fetch-headers.ts'
import { FetchOrigins } from './fetch-origins.ts'
import { type Outgoing, readInit, readRequest, recorded } from './fetch-request.ts'
import { checkManager, ownToken, RequestedToken, withoutToken } from './requested-token.ts'
import { tokenHeaderNames } from './token-headers.ts'

/** A function like `fetch`: the global one, undici's, or whatever else takes and gives the same. */
export type FetchImplementation = (
  input: never,
  init: never,
) => Promise<{ readonly status: number; readonly headers: { get(name: string): string | null } }>

const OPTION_NAMES = [...API_REQUEST_OPTION_NAMES, 'fetch']

/** Which token requests carry, where it may go, and what sends them. */
export interface TokenFetchOptions<Name extends string = string> extends ApiRequestOptions<Name, Response> {
  /**
   * The origins that may receive the token, such as `https://api.example.com`, or `https://*.example.com` for one label.
   * There is no default.
   */
  readonly origins: readonly string[]
  /** What sends the requests. Default: the global `fetch`, as it is at each request. */
  readonly fetch?: FetchImplementation | undefined
}

/** What `fetch` takes, and which token. */
export interface TokenFetchInit<Name extends string = string> extends RequestInit {
  /**
   * Which token this request carries: scope, resource, audience or client in place of the options'; a handle from
   * `manager.source()`; `false` for none.
   */
  token?: TokenSelection<Name> | TokenSource | false | undefined
}

/** The standard `fetch`, whose requests carry a token. */
export type TokenFetch<Name extends string = string> = (
  input: string | URL | Request,
  init?: TokenFetchInit<Name>,
) => Promise<Response>

/**
 * Makes a `fetch` whose requests carry a valid access token.
 *
 * It sets `Authorization: Bearer …` on requests to the origins listed; when the API answers 401 because of the token,
 * gets another and sends the request once more. A request's own `Authorization` header is left alone. Its `signal`
 * bounds the wait for a token too. Everything else is as `fetch` has it.
 *
 * Redirects are followed as the Fetch Standard says, and the token goes along only as far as they stay on the origin
 * that was asked. A stream given as `body` is sent once: its 401 is the caller's. The body of a `Request` is kept for
 * a second sending up to 1 MiB. Do not change a body before there is an answer. `isTokenRejected` must not read the
 * answer's body, which is the caller's. A `dispatcher` that a `Request` was made with is not asked where a redirect
 * leads: give it in `init`.
 *
 * Requests fail with a `TokenError` when no token can be had, or when the token must not go where they go
 * (`origin_refused`, `insecure_url`), and with a `TypeError` when their `token` is wrong; they are then not sent. What
 * `fetch` throws is passed on.
 *
 * To replace the global `fetch` by the result is possible; any other fetch that calls it needs the option `fetch`.
 *
 * @throws TypeError naming a wrong option
 * @throws TokenError `unknown_client` if there is no client of that name
 * @see RFC 6750 §2.1
 */
export function createTokenFetch<Name extends string = never>(
  manager: TokenManager<Name>,
  options: TokenFetchOptions<NoInfer<Name>>,
): TokenFetch<Name> {
  checkManager(manager, options)
  const { fetch: given, ...shared } = ownOptions<TokenFetchOptions>(options ?? {}, '', OPTION_NAMES)
  if (given !== undefined && typeof given !== 'function') throw optionError('fetch', 'must be a function like `fetch`')
  const { byDefault, origins: listed, onOtherOrigin, replay, isTokenRejected } = readApiRequestOptions(shared)
  const { events } = manager
  const origins = new FetchOrigins(listed, onOtherOrigin)
  const tokens = new RequestedToken(manager as unknown as TokenManager<string>, byDefault)
  const present = globalThis.fetch
  const implementation = (): typeof globalThis.fetch => {
    if (given !== undefined) return given as typeof globalThis.fetch
    return tokenFetches.has(globalThis.fetch) ? present : globalThis.fetch
  }

  const tellKept = ({ url }: Outgoing, client: string | undefined): void => {
    const origin = URL.canParse(url) ? new URL(url).origin : ''
    events.emit('authorizationKept', () => ({ client, origin }))
  }

  async function tokenFetch(input: string | URL | Request, init?: TokenFetchInit<Name>): Promise<Response> {
    const given = readInit(init)
    const wanted = ownToken(given)
    const rest = withoutToken(given)
    const fetch = implementation()
    if (wanted === false) return await fetch(input, rest)
    const request = readRequest(input, rest)
    const chosen = wanted === undefined ? tokens.held : tokens.sourceFor(wanted)
    // With a hook, only a token tells in which header it goes.
    const isHeaderKnown = chosen?.settings().hooks.applyToken === undefined
    if (isHeaderKnown && isGiven(request.headers, 'authorization')) {
      tellKept(request, chosen?.client)
      return await passOn(fetch, request, rest)
    }
    const source = tokens.sourceFor(wanted === undefined ? undefined : chosen)
    const origin = origins.receiver(request.url, source)
    if (origin === undefined) return await passOn(fetch, request, rest)
    const found = source.tokenOrPromise({ signal: request.init.signal ?? undefined })
    const token = found instanceof Promise ? await found : found
    if (!isHeaderKnown && isGiven(request.headers, tokenHeaderNames(token)[0] ?? '')) {
      tellKept(request, source.client)
      return await passOn(fetch, request, rest)
    }
    const context = { fetch, source, origin, replay, isTokenRejected, events }
    const outgoing = recorded(request, replay)
    try {
      const answer = await send(outgoing, token, context)
      return isOfConcern(answer, context) ? await exchange(outgoing, answer, token, context) : answer
    } finally {
      outgoing.record?.drop()
    }
  }
  tokenFetches.add(tokenFetch)
  return tokenFetch
}

// As the caller gave it, but for an iterator's headers, which are used up.
function passOn(fetch: typeof globalThis.fetch, { input, headers }: Outgoing, init: RequestInit): Promise<Response> {
  const isUsedUp = typeof (init.headers as Partial<Iterator<unknown>> | null | undefined)?.next === 'function'
  return fetch(input, isUsedUp ? { ...init, headers: headers as [string, string][] } : init)
}

// One of these that has become the global fetch is not called by another, which it may call itself.
const tokenFetches = new WeakSet<object>()
