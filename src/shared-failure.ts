import type { ClientAuthentication } from './client-authentication/client-authentication.ts'
import type { ClientSettings } from './client-options.ts'
import { TokenError, TokenResponseError } from './errors.ts'
import { isCredentialError } from './failure-memory.ts'
import { redactText } from './redaction.ts'
import type { FoundError } from './store/token-share.ts'

// What the server has against the request, which all processes send alike.
const OF_THE_REQUEST: ReadonlySet<string | undefined> = new Set([
  'invalid_scope',
  'invalid_target',
  'invalid_authorization_details',
  'unsupported_grant_type',
])

/**
 * Whether the server would say to all processes with this credential what it said to one: that they wait, or that it
 * does not like their request or their secret. What it may have against that one alone stays its own: the network it is
 * in, or a clock by which its assertions have expired.
 */
export function concernsAll(error: unknown, { authentication }: ClientSettings): error is TokenResponseError {
  if (!(error instanceof TokenResponseError)) return false
  if ((error.retryAfterMs ?? 0) > 0) return true
  if (error.code !== 'request_denied' || error.retryable) return false
  return OF_THE_REQUEST.has(error.error) || (isCredentialError(error) && isSentByAll(error, authentication))
}

// `Date` is in whole seconds, and an answer is under way for some time.
const SAME_CLOCK_MS = 2000

// All that share an error have the same secret or key. With an assertion they still differ by their clocks, and where its
// key is not seen by us, as with a key service or a platform, by whatever signs it.
function isSentByAll(error: TokenResponseError, { method, secretDigest }: ClientAuthentication): boolean {
  if (!method?.endsWith('_jwt')) return true
  const offsetMs = TokenResponseError.clockOffsetMsOf(error)
  return secretDigest !== undefined && offsetMs !== undefined && Math.abs(offsetMs) < SAME_CLOCK_MS
}

/** What is written of an error for the others: JSON without any secret. */
export function described(error: TokenResponseError): object {
  const { message, hint, ...fields } = error.toJSON() as { message: string; hint?: string }
  return { ...fields, hint, message: hint === undefined ? message : message.slice(0, -hint.length - 1) }
}

const CODES = ['request_denied', 'server_unavailable', 'invalid_response', 'redirect_refused'] as const

/** The error that another process was given. Each part is looked at: in the clear anybody may have written it. */
export function deniedError({ error: found }: FoundError, { name }: ClientSettings): TokenError {
  const { code, status, retryable, retryAfterMs } = found
  const text = (part: string) => (typeof found[part] === 'string' ? redactText(found[part], [], 1000) : undefined)
  return new TokenResponseError({
    code: CODES.find((known) => known === code) ?? 'request_denied',
    client: name,
    message: text('message') ?? `Another process was denied a token for client "${name}".`,
    hint: text('hint'),
    status: Number.isInteger(status) ? (status as number) : 400,
    retryable: retryable === true,
    error: text('error'),
    errorDescription: text('errorDescription'),
    errorUri: text('errorUri'),
    retryAfterMs: typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : undefined,
    correlationId: text('correlationId'),
  })
}

const NOT_CACHED = 'not_cached'

/** What is written in place of an error where tokens must not be cached: each process requests its own, at any time. */
export const UNCACHEABLE: object = {
  code: 'request_denied',
  status: 200,
  error: NOT_CACHED,
  retryable: true,
  message: 'The authorization server gives tokens that must not be cached.',
}

/** Whether that was found. */
export function isUncacheable({ error: { status, error } }: FoundError): boolean {
  return status === 200 && error === NOT_CACHED
}

/** A rejected token may not be replaced, because another was moments ago. */
export function keptError({ name }: ClientSettings): TokenError {
  return new TokenError({
    code: 'fresh_token_rejected',
    client: name,
    message: `The API rejected a token of client "${name}" that another process had requested in place of a rejected one.`,
    hint: 'The token is probably not meant for this API: check scope, audience, resource and the issuer the API trusts.',
    retryable: true,
  })
}
