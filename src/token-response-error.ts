import { shownUrl } from './endpoint-url.ts'
import { type TokenErrorCode, type TokenErrorInit, TokenResponseError } from './errors.ts'
import { TOKEN_EXCHANGE } from './grant/grant.ts'
import type { Members } from './received-token.ts'
import { redactText } from './redaction.ts'
import { isTransientStatus, parseRetryAfter } from './retry-after.ts'
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
  const hintForError = error === undefined ? undefined : ERROR_HINTS.get(error)?.(context)
  const fail = (code: TokenErrorCode, message: string, hint: string, retryable = false) =>
    responseError(answer, member, context, { code, message, hint, retryable })

  // Web frameworks write the status there too ("error": "Bad Gateway"): only OAuth's own words outrank it.
  if (error !== undefined && (hintForError !== undefined || !(isTransient || isRedirect))) {
    const hint = hintForError ?? STATUS_HINTS.get(status) ?? 'See `errorDescription`, if the server sent one.'
    return fail('request_denied', `denied a token: ${error}`, hint, RETRYABLE_ERRORS.has(error))
  }
  if (isRedirect) {
    return fail('redirect_refused', 'answered with a redirect', hintForRedirect(answer, member, context))
  }
  if (isTransient) {
    const word = error === undefined ? '' : `: ${error}`
    return fail('server_unavailable', `is unavailable${word}`, STATUS_HINTS.get(status) ?? HINT_UNAVAILABLE, true)
  }
  const { what, hint } = problemWith(answer, member, tokenFault)
  return fail('invalid_response', `did not answer with a token: ${what}`, STATUS_HINTS.get(status) ?? hint)
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

// RFC 8693 §2.2.1
const HINT_NO_ACCESS_TOKEN =
  'What was issued is no access token: ask for one with `requestedTokenType` of `tokenExchange`, such as urn:ietf:params:oauth:token-type:access_token.'

// RFC 9449 §5: such a token works for whoever gets hold of it.
const HINT_NOT_BOUND =
  "The server has not bound the token to the client's key: register the client for DPoP, or leave out `dpop`."

function hintForTokenType(type: unknown, { tokenType, grant }: TokenResponseContext): string {
  const isNone = typeof type === 'string' && type.toLowerCase() === 'n_a'
  if (isNone && grant?.type === TOKEN_EXCHANGE) return HINT_NO_ACCESS_TOKEN
  if (tokenType === 'DPoP') return HINT_NOT_BOUND
  const isDpop = typeof type === 'string' && type.toLowerCase() === 'dpop'
  return isDpop
    ? 'Set `dpop: true`, or register the client for Bearer tokens.'
    : 'Only Bearer and DPoP tokens can be sent: register the client for them.'
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
  if (ERROR_HINTS.has(error)) return error
  const shown = redactText(error, secretsOf(member, context), 64)
  return shown === error.trim() && shown !== '' ? shown : undefined
}

function problemWith(
  answer: TokenEndpointAnswer,
  member: Members | undefined,
  tokenFault: string | undefined,
): { what: string; hint: string } {
  const start = answer.body.trimStart().slice(0, 1)
  if (start === '') return { what: 'the body is empty', hint: HINT_URL }
  if (start === '<' || (member === undefined && /html|xml/.test(mediaType(answer)))) {
    return { what: 'the body is a web page or XML', hint: `That is a login page, a proxy or a gateway. ${HINT_URL}` }
  }
  if (member === undefined) {
    const what = start === '{' ? 'the body is JSON that is malformed or cut short' : 'the body is not a JSON object'
    return { what, hint: start === '{' ? 'A proxy on the way may have damaged it.' : HINT_URL }
  }
  if (answer.status >= 400) return { what: 'it gives no readable `error`', hint: HINT_URL }
  return {
    what: `\`access_token\` ${tokenFault}`,
    hint:
      tokenFault === 'is missing' || tokenFault === 'is empty'
        ? HINT_URL
        : 'No HTTP header can carry that: the server, or a proxy on the way, has damaged the token.',
  }
}

function hintForRedirect(
  answer: TokenEndpointAnswer,
  member: Members | undefined,
  context: TokenResponseContext,
): string {
  const location = answer.header('location') ?? ''
  const refusal = 'Credentials are never sent along a redirect: configure the final URL.'
  if (location === '' || !URL.canParse(location, context.endpoint)) return refusal
  const { origin } = new URL(location, context.endpoint)
  return origin === 'null' ? refusal : `It points to ${redactText(origin, secretsOf(member, context), 100)}. ${refusal}`
}

const HINT_URL = 'Check that the configured URL is the token endpoint.'
const HINT_UNAVAILABLE = 'The authorization server or a gateway before it is failing; try again later.'

const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'Check the client id and secret; the server, or a gateway before it, rejected them without saying why.'],
  [403, 'A gateway or firewall may refuse this client or its network address.'],
  [404, 'There is nothing at this URL: check its path, tenant or realm.'],
  [405, 'This URL takes no POST: it is not the token endpoint. Check that it is not the issuer or authorization URL.'],
  [406, 'This URL does not give JSON: check that it is the token endpoint.'],
  [407, 'A proxy asks for credentials: check the proxy settings.'],
  [415, 'This URL takes no form-encoded requests, as a token endpoint must: check that it is one.'],
  [429, 'Too many token requests: share one manager per process, and a store between processes.'],
])

const RETRYABLE_ERRORS: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

const ERROR_HINTS: ReadonlyMap<string, (context: TokenResponseContext) => string> = new Map([
  ['invalid_client', hintForInvalidClient],
  ['invalid_scope', hintForInvalidScope],
  ['unauthorized_client', (context) => `Allow this client ${grantIn(context)} where it is registered.`],
  ['invalid_target', () => 'Check `resource` and `audience`: the server does not know them, or not for this client.'],
  ['invalid_authorization_details', () => HINT_DETAILS],
  ['invalid_grant', ({ grant }) => (grant?.takesSubjectToken ? HINT_SUBJECT_TOKEN : HINT_ASSERTION)],
  [
    'unsupported_grant_type',
    (context) => `The server does not offer ${grantIn(context)} at this URL, or not to this client.`,
  ],
  ['invalid_request', ({ grant }) => `${HINT_PARAMETER} ${grant?.takesSubjectToken ? HINT_SUBJECT_TOKEN : ''}`.trim()],
  ['access_denied', () => 'A policy of the server refuses this client; see `errorDescription`.'],
  ['temporarily_unavailable', () => HINT_UNAVAILABLE],
  ['server_error', () => HINT_UNAVAILABLE],
  ['use_dpop_nonce', hintForNonce],
  ['invalid_dpop_proof', () => 'The server refuses the DPoP proof: check the clock, and which algorithms it takes.'],
  ['slow_down', () => 'The server wants fewer token requests; try again later.'],
])

const HINT_PARAMETER =
  'A parameter is missing or wrong, often `scope`, `audience` or `resource`: see `errorDescription`.'
const HINT_DETAILS =
  'Check `authorizationDetails`: the server does not know such a `type`, or not for this client, or a member is missing or wrong.'
const HINT_ASSERTION = 'The assertion may be expired or for another audience; check the clock too.'
const HINT_SUBJECT_TOKEN =
  "The user's token, given as `subjectToken`, may have expired or be for another audience: ask again with the user's new one."

function grantIn({ grant }: TokenResponseContext): string {
  return grant === undefined || grant.type === 'client_credentials'
    ? 'the client credentials grant'
    : `the grant ${grant.type}`
}

function hintForInvalidClient({ authenticationMethod, supportedMethods, secrets }: TokenResponseContext): string {
  if (supportedMethods !== undefined && !supportedMethods.includes(authenticationMethod)) {
    const listed = redactText(supportedMethods.join(', '), secrets, 200) || 'no method'
    return (
      `The server's metadata lists ${listed}, and not ${authenticationMethod}: is \`clientAuthentication\` the method` +
      ' that this client is registered for? If so, check the credentials themselves.'
    )
  }
  const secret = 'Check the client id and secret (rotated? a trailing newline?). If they are right, the server may want'
  if (authenticationMethod === 'client_secret_basic') {
    return `${secret} \`clientAuthentication: 'client_secret_post'\` or \`basicEncoding: 'raw'\`.`
  }
  if (authenticationMethod === 'client_secret_post') {
    return `${secret} \`clientAuthentication: 'client_secret_basic'\`.`
  }
  if (authenticationMethod.endsWith('_jwt')) {
    const known = authenticationMethod === 'client_secret_jwt' ? 'the same secret' : 'the key, or trusts the platform,'
    return (
      `Check that the server knows ${known} and that the clock is right. It may want another \`audience\` in the` +
      " assertion (the issuer, or the token endpoint), or `type: 'JWT'`."
    )
  }
  return 'Check the client id, and how the client is registered to authenticate.'
}

function hintForNonce({ tokenType }: TokenResponseContext): string {
  if (tokenType === 'Bearer') return 'The server wants proofs of possession: set `dpop: true`.'
  return 'The server gave no `DPoP-Nonce` that can be used, or another one each time.'
}

function hintForInvalidScope({ scopeRequested = [], secrets }: TokenResponseContext): string {
  if (scopeRequested.length === 0) return 'No scope was requested, and the server wants one: set `scope`.'
  const scopes = redactText(scopeRequested.join(' '), secrets, 200)
  return `Requested: ${scopes}. Check the spelling and which scopes this client is registered for.`
}
