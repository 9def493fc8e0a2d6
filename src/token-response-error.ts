import {
  HINT_NOT_BOUND,
  HINT_UNAVAILABLE,
  hintForDenial,
  hintForRedirect,
  hintForStatus,
  hintForTokenType,
  hintForUrl,
  isKnownError,
  RETRYABLE_ERRORS,
} from './denial-hints.ts'
import { shownUrl } from './endpoint-url.ts'
import { type TokenErrorCode, type TokenErrorInit, TokenResponseError } from './errors.ts'
import type { Members } from './received-token.ts'
import { redactText } from './redaction.ts'
import { clockOffsetMs, isTransientStatus, parseRetryAfter } from './retry-after.ts'
import type { TokenEndpointAnswer, TokenResponseContext } from './token-response.ts'

/** The error for an answer without a usable token: what the body's `error` says, or else the status. */
export function failedAnswer(
  answer: TokenEndpointAnswer,
  member: Members | undefined,
  tokenFault: string | undefined,
  context: TokenResponseContext,
): TokenResponseError {
  const { status } = answer
  const isTransient = isTransientStatus(status)
  const isRedirect = status >= 300 && status < 400
  const error = readError(member, context)
  const fail = (code: TokenErrorCode, message: string, hint: string, retryable = false) =>
    responseError(answer, member, context, { code, message, hint, retryable })

  // Web frameworks write the status there too ("error": "Bad Gateway"): only OAuth's own words outrank it.
  if (error !== undefined && (isKnownError(error) || !(isTransient || isRedirect))) {
    const description = member?.('error_description')
    const hint =
      hintForDenial({ answer, error, description, context }) ??
      hintForStatus(status, context.endpoint) ??
      'See `errorDescription`, if the server sent one.'
    return fail('request_denied', `denied a token: ${error}`, hint, RETRYABLE_ERRORS.has(error))
  }
  if (isRedirect) {
    return fail('redirect_refused', 'answered with a redirect', hintForLocation(answer, member, context))
  }
  if (isTransient) {
    const word = error === undefined ? '' : `: ${error}`
    return fail(
      'server_unavailable',
      `is unavailable${word}`,
      hintForStatus(status, context.endpoint) ?? HINT_UNAVAILABLE,
      true,
    )
  }
  const { what, hint } = problemWith(answer, member, tokenFault, hintForUrl(context.endpoint))
  const byStatus = hintForStatus(status, context.endpoint)
  return fail('invalid_response', `did not answer with a token: ${what}`, byStatus ?? hint)
}

/** The error for a token of another type than the client is configured for. @see RFC 6749 §7.1 */
export function refusedTokenType(
  answer: TokenEndpointAnswer,
  member: Members,
  context: TokenResponseContext,
): TokenResponseError {
  const type = member('token_type') ?? ''
  const unusable = 'answered with a token that must not be used: `token_type` is'
  if (type === '') {
    return responseError(answer, member, context, {
      code: 'invalid_response',
      message: `${unusable} missing`,
      hint:
        context.tokenType === 'DPoP' ? HINT_NOT_BOUND : 'If this server means Bearer, switch `strictTokenType` off.',
    })
  }
  const name = typeof type === 'string' ? `"${redactText(type, secretsOf(member, context), 40)}"` : 'not a string'
  return responseError(answer, member, context, {
    code: 'invalid_response',
    message: `${unusable} ${name}`,
    hint: hintForTokenType(type, context),
  })
}

/** The error for the answer to a token exchange that does not say what was issued. @see RFC 8693 §2.2.1 */
export function missingIssuedType(
  answer: TokenEndpointAnswer,
  member: Members,
  context: TokenResponseContext,
): TokenResponseError {
  return responseError(answer, member, context, {
    code: 'invalid_response',
    message: 'answered with a token that must not be used: `issued_token_type` is missing',
    hint: 'If this server always issues access tokens, switch `strictTokenType` off.',
  })
}

/** The type in `Content-Type`, in lower case and without parameters; `''` when there is none. */
export function mediaType(answer: TokenEndpointAnswer): string {
  return (answer.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** `message` completes "The token endpoint …". */
function responseError(
  answer: TokenEndpointAnswer,
  member: Members | undefined,
  context: TokenResponseContext,
  init: TokenErrorInit,
): TokenResponseError {
  const secrets = secretsOf(member, context)
  const shown = (value: unknown, maxLength?: number) =>
    (typeof value === 'string' && redactText(value, secrets, maxLength)) || undefined
  const type = shown(mediaType(answer), 60) ?? 'no content type'
  return new TokenResponseError({
    ...init,
    client: context.client,
    message:
      `The token endpoint ${shownUrl(context.endpoint)} ${init.message}` +
      ` (client "${context.client}", HTTP ${answer.status}, ${type}, ${Buffer.byteLength(answer.body)} bytes).`,
    status: answer.status,
    error: readError(member, context),
    errorDescription: shown(member?.('error_description')),
    errorUri: shown(member?.('error_uri')),
    retryAfterMs: parseRetryAfter(answer.header('retry-after'), answer.header('date'), context.now),
    clockOffsetMs: clockOffsetMs(answer.header('date'), context.now),
    correlationId: [
      ...['x-correlation-id', 'x-request-id', 'request-id', 'x-ms-request-id'].map((name) => answer.header(name)),
      ...['correlation_id', 'trace_id'].map((name) => member?.(name)),
    ]
      .map((value) => shown(value, 128))
      .find((value) => value !== undefined),
  })
}

/** The request's secrets, and what in the answer is one; in lower case too, as hosts and media types are written. */
function secretsOf(member: Members | undefined, context: TokenResponseContext): string[] {
  const tokens = ['access_token', 'refresh_token', 'id_token'].map((name) => member?.(name))
  const secrets = [...context.secrets, ...tokens.filter((token) => typeof token === 'string')]
  return secrets.flatMap((secret) => [secret, secret.toLowerCase()])
}

/** The body's `error` if it is well-formed and no secret. @see RFC 6749 §5.2 */
function readError(member: Members | undefined, context: TokenResponseContext): string | undefined {
  const error = member?.('error')
  if (typeof error !== 'string' || !/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,64}$/.test(error)) return undefined
  // A client whose id or secret is "client" must still be told that it is invalid.
  if (isKnownError(error)) return error
  const shown = redactText(error, secretsOf(member, context), 64)
  return shown === error.trim() && shown !== '' ? shown : undefined
}

function problemWith(
  answer: TokenEndpointAnswer,
  member: Members | undefined,
  tokenFault: string | undefined,
  hintUrl: string,
): { what: string; hint: string } {
  const start = answer.body.trimStart().slice(0, 1)
  if (start === '') return { what: 'the body is empty', hint: hintUrl }
  if (start === '<' || (member === undefined && /html|xml/.test(mediaType(answer)))) {
    return { what: 'the body is a web page or XML', hint: `That is a login page, a proxy or a gateway. ${hintUrl}` }
  }
  if (member === undefined) {
    const what = start === '{' ? 'the body is JSON that is malformed or cut short' : 'the body is not a JSON object'
    return { what, hint: start === '{' ? 'A proxy on the way may have damaged it.' : hintUrl }
  }
  if (answer.status >= 400) return { what: 'it gives no readable `error`', hint: hintUrl }
  return {
    what: `\`access_token\` ${tokenFault}`,
    hint:
      tokenFault === 'is missing' || tokenFault === 'is empty'
        ? hintUrl
        : 'No HTTP header can carry that: the server, or a proxy on the way, has damaged the token.',
  }
}

function hintForLocation(
  answer: TokenEndpointAnswer,
  member: Members | undefined,
  context: TokenResponseContext,
): string {
  const location = answer.header('location') ?? ''
  const refusal = hintForRedirect(context.endpoint)
  if (location === '' || !URL.canParse(location, context.endpoint)) return refusal
  const { origin } = new URL(location, context.endpoint)
  return origin === 'null' ? refusal : `It points to ${redactText(origin, secretsOf(member, context), 100)}. ${refusal}`
}
