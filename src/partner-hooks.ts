import { types as is } from 'node:util'
import type { AccessToken, Header } from './access-token.ts'
import { type AuthorizationDetail, frozenJson } from './authorization-details.ts'
import { optionError, TokenError, type TokenErrorInit } from './errors.ts'
import { spellings } from './redaction.ts'
import { isTransientStatus } from './retry-after.ts'
import type { TokenParameters } from './token-key.ts'

/** What a token is asked for: all of it is in the key under which the token is cached. Frozen. */
export interface TokenRequestDescription {
  /** The client's name in the manager. */
  readonly client: string
  readonly clientId: string
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly audience: readonly string[]
  readonly parameters: Readonly<Record<string, string>>
  readonly authorizationDetails: readonly AuthorizationDetail[]
  /** Aborts when the attempt's time is up. */
  readonly signal: AbortSignal
  /** Registers a secret, so that it is blanked out of everything that is shown. */
  hide(secret: string): void
}

/** A token request as it is about to be sent, the client's authentication included. */
export interface OutgoingTokenRequest {
  readonly method: 'GET' | 'POST'
  /** The token endpoint. Path and query may be changed, the origin may not. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The form as RFC 6749 has it. */
  readonly form: URLSearchParams
}

/** What to change of a token request: what is left out stays, but a new `body` replaces the form. */
export interface TokenRequestChanges {
  readonly method?: 'GET' | 'POST' | undefined
  readonly url?: string | undefined
  /** Set beside those there are; `undefined` takes one off. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly body?: string | undefined
}

/** An answer of the token endpoint, read to its end: at most 256 KiB. */
export interface TokenEndpointResponse {
  readonly status: number
  /** A header by its name, in any letter case. */
  header(name: string): string | undefined
  readonly body: string
}

/** A token as a partner's endpoint gave it. */
export interface ReceivedToken {
  readonly accessToken: string
  /** Milliseconds from the request on. Or say `expiresAt`; with neither, `defaultLifetimeMs` counts. */
  readonly lifetimeMs?: number | undefined
  /** When the token expires: epoch milliseconds or seconds, a date, or text in ISO 8601. */
  readonly expiresAt?: number | Date | string | undefined
  /** Milliseconds after which the token is to be refreshed. Default: from `refreshWindowMs`. */
  readonly refreshInMs?: number | undefined
  /** The scopes granted. Default: those requested. */
  readonly scope?: string | readonly string[] | undefined
}

/**
 * Functions for endpoints that are not quite OAuth. They run inside the cache, the shared request, the retries and the
 * hiding of secrets; whatever they throw is an error of the token request.
 */
export interface PartnerHooks {
  /** Changes the token request, in every attempt, after the client has been authenticated. */
  readonly buildRequest?:
    | ((
        request: OutgoingTokenRequest,
        wanted: TokenRequestDescription,
      ) => TokenRequestChanges | Promise<TokenRequestChanges>)
    | undefined
  /** Finds the token in a successful (2xx) answer; `undefined` leaves it to be read as RFC 6749 says. */
  readonly parseResponse?: ((response: TokenEndpointResponse) => ReceivedToken | undefined) | undefined
  /**
   * The headers that carry a token to the API, in place of `Authorization: Bearer …`. Called once for each token; all of
   * them are secret, and go only where the token may go.
   */
  readonly applyToken?: ((token: AccessToken) => Readonly<Record<string, string>>) | undefined
  /** Gets the token in a way of its own, in place of any token endpoint. */
  readonly requestToken?: ((wanted: TokenRequestDescription) => ReceivedToken | Promise<ReceivedToken>) | undefined
}

/** The names of {@link PartnerHooks}. */
export const HOOK_NAMES = ['buildRequest', 'parseResponse', 'applyToken', 'requestToken'] as const

/**
 * Checks the hooks among a client's options.
 * @param at the options' place, for messages: `''` or `clients.orders.`
 * @throws TypeError naming the option
 */
export function readHooks(options: PartnerHooks, at: string): PartnerHooks {
  for (const name of HOOK_NAMES) {
    if (options[name] === undefined || typeof options[name] === 'function') continue
    throw optionError(`${at}${name}`, 'must be a function')
  }
  const { buildRequest, parseResponse, applyToken, requestToken } = options
  return { buildRequest, parseResponse, applyToken, requestToken }
}

/** What a hook is told about the token that is wanted. */
export function describeRequest(
  client: { readonly name: string; readonly clientId: string },
  wanted: TokenParameters,
  signal: AbortSignal,
  hide: (secret: string) => void,
): TokenRequestDescription {
  const { scope, resource, audience, parameters, authorizationDetails: details } = wanted
  const { name: clientName, clientId } = client
  const authorizationDetails = details === undefined ? [] : frozenJson<readonly AuthorizationDetail[]>(details)
  const request = { scope, resource, audience, parameters, authorizationDetails }
  return Object.freeze({ client: clientName, clientId, ...request, signal, hide })
}

/**
 * The headers that the hook `applyToken` wants a token to be carried by.
 * @throws TokenError `hook_failed`
 */
export function appliedHeaders(
  apply: NonNullable<PartnerHooks['applyToken']>,
  token: AccessToken,
  client: string,
): readonly Header[] {
  const fail = (what: string) => new TokenError(hookFailure('applyToken', client, what))
  let headers: unknown
  try {
    headers = apply(token)
  } catch (cause) {
    throw new TokenError({ ...hookFailure('applyToken', client, 'failed'), cause, secrets: spellings(token.reveal()) })
  }
  const returned = notPromised('applyToken', client, headers)
  // Of a text the letters would be sent, each as a header.
  const entries = typeof returned === 'object' ? Object.entries(returned ?? {}) : []
  if (entries.length === 0) throw fail('returned no headers')
  for (const [name, value] of entries) {
    const fault = headerFault(name, value)
    if (fault !== undefined) throw fail(fault)
    const isBearer = name.toLowerCase() === 'authorization' && /^bearer /i.test(value)
    if (isBearer && token.tokenType === 'DPoP') throw fail('sends a token that is bound to a key as Bearer')
  }
  if (new Set(entries.map(([name]) => name.toLowerCase())).size < entries.length) throw fail('returned a header twice')
  return Object.freeze(entries as Header[])
}

// What says where a message ends and what becomes of its connection is for the HTTP client to write.
const OF_CONNECTION = new Set([
  ...['connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])

/** What is wrong with a header of a hook's, to complete "The function …"; `undefined` when it can be sent. */
export function headerFault(name: string, value: unknown): string | undefined {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return 'returned a header with an illegal name'
  if (OF_CONNECTION.has(name.toLowerCase())) return `returned the header ${name}, which the HTTP client sets`
  if (typeof value === 'string' && /^[!-~](?:[ -~]*[!-~])?$/.test(value)) return undefined
  return `returned a value for the header ${name} that cannot be sent`
}

/** What a hook that is not waited for returned. @throws TokenError `hook_failed` for a promise */
export function notPromised<T>(name: keyof PartnerHooks, client: string, result: T): T {
  if (!is.isPromise(result)) return result
  // Nobody else would hear of it, and the process would end.
  result.catch(() => {})
  throw new TokenError(hookFailure(name, client, 'returned a promise'))
}

/**
 * Calls a hook.
 * @param secrets values to blank out of what it throws
 * @throws TokenError `hook_failed`, retryable unless the hook's error has a `status` that says otherwise; a TokenError
 *   that the hook throws, as it is
 */
export async function callHook<T>(
  name: keyof PartnerHooks,
  client: string,
  secrets: readonly string[],
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof TokenError) throw cause
    const status = statusOf(cause)
    throw new TokenError({
      ...hookFailure(name, client, status === undefined ? 'failed' : `failed with HTTP ${status}`),
      retryable: status === undefined || isTransientStatus(status),
      cause,
      secrets,
    })
  }
}

// As fetch-like and axios-like clients write it.
function statusOf(error: unknown): number | undefined {
  const { status, response } = (error ?? {}) as { status?: unknown; response?: { status?: unknown } }
  const found = response?.status ?? status
  return typeof found === 'number' ? found : undefined
}

/** The parts of the error about a hook that did what it must not. */
export function hookFailure(name: keyof PartnerHooks, client: string, what: string): TokenErrorInit {
  return {
    code: 'hook_failed',
    client,
    message: `The function given as \`${name}\` for client "${client}" ${what}.`,
    hint: 'See its description for what it is given and must return; look at `cause`, if there is one.',
  }
}
