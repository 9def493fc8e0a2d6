import { type AuthorizationDetail, grantedDetails } from './authorization-details.ts'
import { TokenError } from './errors.ts'
import { type Grant, TOKEN_EXCHANGE } from './grant/grant.ts'
import { hookFailure, type PartnerHooks } from './partner-hooks.ts'
import { type Members, parsedMembers } from './received-token.ts'
import { failedAnswer, mediaType, missingIssuedType, refusedTokenType } from './token-response-error.ts'

/** What the token endpoint answered, read to its end. */
export interface TokenEndpointAnswer {
  readonly status: number
  /** A header by its lower-case name. */
  header(name: string): string | undefined
  readonly body: string
}

/** What has to be known to read an answer and to explain a failure. */
export interface TokenResponseContext {
  /** The client's name in the manager. */
  readonly client: string
  /** The token endpoint's URL; only origin and path of it are shown. */
  readonly endpoint: string
  /** Wall-clock time just before the request was sent, epoch milliseconds. */
  readonly requestedAt: number
  /** Wall-clock time at reading, epoch milliseconds; for a `Retry-After` date in an answer without `Date`. */
  readonly now: number
  /** The secrets of this request in all their spellings, to be blanked out of what the server says. */
  readonly secrets: readonly string[]
  /** How the client authenticated, such as `client_secret_basic`. */
  readonly authenticationMethod: string
  /** The methods that the server's metadata lists. */
  readonly supportedMethods?: readonly string[] | undefined
  /** What is odd about the credentials that were sent, and what to do, in case they are refused. */
  readonly credentialDoubt?: string | undefined
  /** The only type of token that is used. @see RFC 6749 §7.1 */
  readonly tokenType: 'Bearer' | 'DPoP'
  /** By which right the token was asked for. Default: client credentials. */
  readonly grant?: Pick<Grant, 'type' | 'takesSubjectToken'> | undefined
  /** Refuse an answer without `token_type`, or `issued_token_type` where one is due. */
  readonly strictTokenType: boolean
  /** The lifetime of tokens that come without one, in milliseconds; `undefined`: 5 minutes and a deviation. */
  readonly defaultLifetimeMs: number | undefined
  readonly scopeRequested: readonly string[] | undefined
  /** Finds the token in the answer where it is not where RFC 6749 says. */
  readonly parseResponse?: PartnerHooks['parseResponse']
}

/**
 * A tolerated difference between an answer and RFC 6749 §5.1.
 *
 * - `expires_in_missing`: there was none and no default is configured; 5 minutes are assumed.
 * - `expires_in_unreadable`: it was neither a number nor a string of digits; treated as missing.
 * - `expires_in_not_positive`: it was less than a second, zero or negative; the token is usable once and not to be cached.
 * - `expires_in_is_epoch`: it was so large that it was read as the instant of expiry, in epoch seconds or milliseconds.
 * - `expires_in_capped`: it said more than a year; a year is believed.
 * - `token_type_missing`: there was none; `Bearer` is assumed.
 * - `issued_token_type_missing`: there was none in the answer to a token exchange; an access token is assumed.
 */
export type TokenResponseDeviation =
  | 'expires_in_missing'
  | 'expires_in_unreadable'
  | 'expires_in_not_positive'
  | 'expires_in_is_epoch'
  | 'expires_in_capped'
  | 'token_type_missing'
  | 'issued_token_type_missing'

/** A token as the token endpoint gave it. */
export interface TokenResponse {
  /** Printable ASCII, safe to put in a header. */
  readonly accessToken: string
  /** In its canonical spelling, whatever the server wrote. */
  readonly tokenType: TokenResponseContext['tokenType']
  /** From `requestedAt` on, in milliseconds, at most a year. 0: usable once, not to be cached. */
  readonly lifetimeMs: number
  /** When the server would like the token to be refreshed, in milliseconds; always less than the lifetime. */
  readonly refreshInMs: number | undefined
  /** The scopes granted; `undefined` when the answer does not say, which means as requested. */
  readonly scope: readonly string[] | undefined
  /** What of the authorization details was granted; `undefined` when the answer does not say. @see RFC 9396 §7 */
  readonly authorizationDetails?: readonly AuthorizationDetail[] | undefined
  readonly deviations: readonly TokenResponseDeviation[]
}

const DEFAULT_LIFETIME_MS = 5 * 60_000
// Lifetimes are in seconds: of less than one, next to nothing is left by the time the token is used.
const SHORTEST_LIFETIME_MS = 1000
const LONGEST_LIFETIME_MS = 365 * 24 * 3_600_000

// Larger figures (31 years and more) are no durations. The second bound is the year 5138 in seconds.
const EPOCH_SECONDS_FROM = 1e9
const EPOCH_MILLISECONDS_FROM = 1e11

/**
 * Reads the token endpoint's answer: lenient where deployed servers deviate, strict where that would leak or loop.
 *
 * Any 2xx with a usable token is a success. Without one, the body's `error` says what happened, whatever the
 * status; after that the status. JSON is read whatever its label, a form only if it is labelled so, and only
 * the members that are named here.
 *
 * @throws TokenResponseError `request_denied` (retryable for `temporarily_unavailable`, `server_error` and
 *   `slow_down`), `redirect_refused`, `server_unavailable` (retryable), `invalid_response`
 * @see RFC 6749 §5.1 and §5.2
 */
export function readTokenResponse(answer: TokenEndpointAnswer, context: TokenResponseContext): TokenResponse {
  const isSuccess = answer.status >= 200 && answer.status < 300
  const received = isSuccess ? parsedMembers(context.parseResponse, answer, context) : undefined
  const member = received ?? readBody(answer)
  const accessToken = member?.('access_token')
  const fault = accessTokenFault(accessToken)
  if (!isSuccess || member === undefined || fault !== undefined) throw failedAnswer(answer, member, fault, context)

  const deviations: TokenResponseDeviation[] = []
  const tokenType = member('token_type') ?? ''
  // What is asked for with a proof must not come back as a token that works without one.
  const mayBeMissing = !context.strictTokenType && context.tokenType === 'Bearer'
  if (tokenType === '' && mayBeMissing) deviations.push('token_type_missing')
  else if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== context.tokenType.toLowerCase()) {
    throw refusedTokenType(answer, member, context)
  }
  // RFC 8693 §2.2.1 demands it; some servers that are deployed leave it out.
  if (received === undefined && context.grant?.type === TOKEN_EXCHANGE && !member('issued_token_type')) {
    if (context.strictTokenType) throw missingIssuedType(answer, member, context)
    deviations.push('issued_token_type_missing')
  }
  return tokenOf(member, context, deviations)
}

/**
 * Reads a token that did not come in an answer of the token endpoint.
 * @throws TokenError `hook_failed` when it cannot be sent
 */
export function readReceivedToken(
  member: Members,
  context: Pick<TokenResponseContext, 'client' | 'defaultLifetimeMs' | 'requestedAt'>,
): TokenResponse {
  const fault = accessTokenFault(member('access_token'))
  if (fault === undefined) return tokenOf(member, { ...context, tokenType: 'Bearer' }, [])
  throw new TokenError(
    hookFailure('requestToken', context.client, `returned no usable token: \`accessToken\` ${fault}`),
  )
}

function tokenOf(
  member: Members,
  context: Pick<TokenResponseContext, 'tokenType' | 'defaultLifetimeMs' | 'requestedAt'>,
  deviations: TokenResponseDeviation[],
): TokenResponse {
  const lifetimeMs = readLifetimeMs(member('expires_in'), context, deviations)
  const refreshInMs = (readSeconds(member('refresh_in')) ?? 0) * 1000
  return {
    accessToken: member('access_token') as string,
    tokenType: context.tokenType,
    lifetimeMs,
    refreshInMs: refreshInMs > 0 && refreshInMs < lifetimeMs ? refreshInMs : undefined,
    scope: readScope(member('scope')),
    authorizationDetails: grantedDetails(member('authorization_details')),
    deviations,
  }
}

function readBody(answer: TokenEndpointAnswer): Members | undefined {
  const text = answer.body.startsWith('\ufeff') ? answer.body.slice(1) : answer.body
  const json = parseJson(text)
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return (name) => (Object.hasOwn(json, name) ? (json as Record<string, unknown>)[name] : undefined)
  }
  if (mediaType(answer) !== 'application/x-www-form-urlencoded') return undefined
  const form = new URLSearchParams(text)
  return (name) => form.get(name) ?? undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the body, which may hold a token.
    return undefined
  }
}

/** What is wrong with an access token, to complete "`access_token` …"; `undefined` when it is usable. */
function accessTokenFault(value: unknown): string | undefined {
  if (value === undefined || value === null) return 'is missing'
  if (typeof value !== 'string') return 'is not a string'
  if (value === '') return 'is empty'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: HTTP clients strip some of them and send the rest.
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'has a line break or another control character'
  if (/[^\u0020-\u007e]/.test(value)) return 'has characters outside ASCII'
  return value.startsWith(' ') || value.endsWith(' ') ? 'begins or ends with a space' : undefined
}

function readLifetimeMs(
  value: unknown,
  context: Pick<TokenResponseContext, 'defaultLifetimeMs' | 'requestedAt'>,
  deviations: TokenResponseDeviation[],
): number {
  const seconds = readSeconds(value)
  if (seconds === undefined) {
    const isMissing = value === undefined || value === null || value === ''
    if (!isMissing) deviations.push('expires_in_unreadable')
    else if (context.defaultLifetimeMs === undefined) deviations.push('expires_in_missing')
    return Math.min(context.defaultLifetimeMs ?? DEFAULT_LIFETIME_MS, LONGEST_LIFETIME_MS)
  }
  let lifetimeMs = seconds * 1000
  if (seconds > EPOCH_SECONDS_FROM) {
    deviations.push('expires_in_is_epoch')
    lifetimeMs = (seconds > EPOCH_MILLISECONDS_FROM ? seconds : seconds * 1000) - context.requestedAt
  }
  if (lifetimeMs < SHORTEST_LIFETIME_MS) {
    deviations.push('expires_in_not_positive')
    return 0
  }
  if (lifetimeMs <= LONGEST_LIFETIME_MS) return lifetimeMs
  deviations.push('expires_in_capped')
  return LONGEST_LIFETIME_MS
}

/** A JSON number or a string of digits. */
function readSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined
}

function readScope(value: unknown): readonly string[] | undefined {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (!list.every((item) => typeof item === 'string')) return undefined
  // RFC 6749 appendix A.4: what is not a scope token cannot have been requested, and is not fit to be shown.
  const tokens = list.flatMap((item) => item.split(' ')).filter((token) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(token))
  return [...new Set(tokens)]
}
