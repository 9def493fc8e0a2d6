import { TOKEN_EXCHANGE } from './grant/grant.ts'
import { hintForKnownWords, isAboutCredentials } from './known-denials.ts'
import { redactText } from './redaction.ts'
import { clockOffsetMs } from './retry-after.ts'
import type { TokenEndpointAnswer, TokenResponseContext } from './token-response.ts'

/** A denial: what the server said, and to which request. */
export interface Denial {
  readonly answer: TokenEndpointAnswer
  readonly error: string
  readonly description: unknown
  readonly context: TokenResponseContext
}

/** Errors after which the same request may fare better later. */
export const RETRYABLE_ERRORS: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

export const HINT_UNAVAILABLE = 'The authorization server or a gateway before it is failing; try again later.'

const HINTS: ReadonlyMap<string, (denial: Denial) => string> = new Map([
  ['invalid_client', hintForCredentials],
  ['invalid_scope', hintForScope],
  ['unauthorized_client', ({ context }) => `Allow this client ${grantIn(context)} where it is registered.`],
  ['invalid_target', () => HINT_TARGET],
  // Microsoft Entra, Salesforce
  ['invalid_resource', () => HINT_TARGET],
  [
    'invalid_client_id',
    () => 'The server knows no client of that id: check `clientId`, and which server the URL names.',
  ],
  ['invalid_authorization_details', () => HINT_DETAILS],
  ['invalid_grant', hintForGrant],
  [
    'unsupported_grant_type',
    ({ context }) => `The server does not offer ${grantIn(context)} at this URL, or not to this client.`,
  ],
  ['invalid_request', ({ context }) => `${HINT_PARAMETER} ${isForUser(context) ? HINT_SUBJECT_TOKEN : ''}`.trim()],
  ['access_denied', () => 'A policy of the server refuses this client; see `errorDescription`.'],
  ['temporarily_unavailable', () => HINT_UNAVAILABLE],
  ['server_error', () => HINT_UNAVAILABLE],
  ['use_dpop_nonce', hintForNonce],
  ['invalid_dpop_proof', hintForProof],
  ['slow_down', () => 'The server wants fewer token requests; try again later.'],
])

/** Whether `error` is a word of OAuth's, or of a server that is known; web frameworks write their own there. */
export function isKnownError(error: string): boolean {
  return HINTS.has(error)
}

/** The likely mistake behind a denial: by the server's own words if they are known, then by `error`. */
export function hintForDenial(denial: Denial): string | undefined {
  const { error, description, answer } = denial
  if (isAboutCredentials(error, description, answer.status)) return hintForCredentials(denial)
  return hintForKnownWords(error, description) ?? HINTS.get(error)?.(denial)
}

const HINT_TARGET = 'Check `resource` and `audience`: the server does not know them, or not for this client.'
const HINT_PARAMETER =
  'A parameter is missing or wrong, often `scope`, `audience` or `resource`: see `errorDescription`.'
const HINT_DETAILS =
  'Check `authorizationDetails`: the server does not know such a `type`, or not for this client, or a member is missing or wrong.'
const HINT_ASSERTION = 'The assertion may be expired or for another audience; check the clock too.'
const HINT_SUBJECT_TOKEN =
  "The user's token, given as `subjectToken`, may have expired or be for another audience: ask again with the user's new one."

function isForUser({ grant }: TokenResponseContext): boolean {
  return grant?.takesSubjectToken === true
}

function grantIn({ grant }: TokenResponseContext): string {
  return grant === undefined || grant.type === 'client_credentials'
    ? 'the client credentials grant'
    : `the grant ${grant.type}`
}

function hintForGrant(denial: Denial): string {
  if (isForUser(denial.context)) return HINT_SUBJECT_TOKEN
  return hintForClock(denial) ?? HINT_ASSERTION
}

function hintForCredentials(denial: Denial): string {
  const { authenticationMethod, supportedMethods, credentialDoubt, secrets } = denial.context
  if (supportedMethods !== undefined && !supportedMethods.includes(authenticationMethod)) {
    const listed = redactText(supportedMethods.join(', '), secrets, 200) || 'no method'
    return (
      `The server's metadata lists ${listed}, and not ${authenticationMethod}: is \`clientAuthentication\` the method` +
      ' that this client is registered for? If so, check the credentials themselves.'
    )
  }
  if (credentialDoubt !== undefined) return credentialDoubt
  if (authenticationMethod.endsWith('_jwt')) return hintForClock(denial) ?? hintForAssertion(authenticationMethod)
  const secret =
    'Check the client id and secret: are they for this server and environment, or was the secret rotated? If they are right, the server may want'
  if (authenticationMethod === 'client_secret_basic') {
    return `${secret} \`clientAuthentication: 'client_secret_post'\` or \`basicEncoding: 'raw'\`.`
  }
  if (authenticationMethod === 'client_secret_post') {
    return `${secret} \`clientAuthentication: 'client_secret_basic'\`.`
  }
  return 'Check the client id, and how the client is registered to authenticate.'
}

function hintForAssertion(method: string): string {
  const known = method === 'client_secret_jwt' ? 'the same secret' : 'the key by this `keyId`, or trusts the platform,'
  return (
    `Check that the server knows ${known} and that the clock is right. It may want another \`audience\` in the` +
    " assertion (the issuer, or the token endpoint), or `type: 'JWT'`."
  )
}

// Servers allow a minute or less.
const LARGEST_OFFSET_MS = 30_000

/** Whether the clock of this machine and that of the server disagree by more than assertions and proofs can bear. */
function hintForClock({ answer, context }: Denial): string | undefined {
  const offsetMs = clockOffsetMs(answer.header('date'), context.now)
  if (offsetMs === undefined || Math.abs(offsetMs) < LARGEST_OFFSET_MS) return undefined
  const seconds = Math.round(Math.abs(offsetMs) / 1000)
  const byHowMuch = seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`
  const where = offsetMs > 0 ? 'ahead of' : 'behind'
  return `The clock of this machine is ${byHowMuch} ${where} the server's, so that what it signs is not valid there now: set the clock.`
}

function hintForProof(denial: Denial): string {
  return hintForClock(denial) ?? 'The server refuses the DPoP proof: check the clock, and which algorithms it takes.'
}

function hintForNonce({ context: { tokenType } }: Denial): string {
  if (tokenType === 'Bearer') return 'The server wants proofs of possession: set `dpop: true`.'
  return 'The server gave no `DPoP-Nonce` that can be used, or another one each time.'
}

const SCOPES_OF_USERS = ['openid', 'profile', 'email', 'offline_access']

function hintForScope({ context }: Denial): string {
  const { scopeRequested = [], secrets } = context
  if (scopeRequested.length === 0) return 'No scope was requested, and the server wants one: set `scope`.'
  const scopes = redactText(scopeRequested.join(' '), secrets, 200)
  const ofUsers = scopeRequested.find((scope) => SCOPES_OF_USERS.includes(scope))
  if (scopeRequested.some((scope) => scope.includes(','))) {
    return `Requested: ${scopes}. Scopes are separated by spaces, not by commas.`
  }
  if (ofUsers !== undefined && !isForUser(context)) {
    return `Requested: ${scopes}. \`${ofUsers}\` is about a user who signs in, and here is none: leave it out.`
  }
  return `Requested: ${scopes}. Check the spelling and which scopes this client is registered for.`
}

/** What an answer's status says where there is no `error` that does. */
export function hintForStatus(status: number, endpoint: string): string | undefined {
  const hint = STATUS_HINTS.get(status)
  return hint !== undefined && [404, 405].includes(status) ? `${hint} ${hintForPath(endpoint)}`.trim() : hint
}

const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'Check the client id and secret; the server, or a gateway before it, rejected them without saying why.'],
  [403, 'A gateway or firewall may refuse this client or its network address.'],
  [404, 'There is nothing at this URL: check its path, tenant or realm.'],
  [405, 'This URL takes no POST: it is not the token endpoint.'],
  [406, 'This URL does not give JSON: check that it is the token endpoint.'],
  [407, 'A proxy asks for credentials: check the proxy settings.'],
  [415, 'This URL takes no form-encoded requests, as a token endpoint must: check that it is one.'],
  [429, 'Too many token requests: share one manager per process, and a store between processes.'],
])

/** For an answer that no token endpoint gives. */
export function hintForUrl(endpoint: string): string {
  return `Check that the configured URL is the token endpoint. ${hintForPath(endpoint)}`.trim()
}

/** For an endpoint that redirects. */
export function hintForRedirect(endpoint: string): string {
  const refusal = 'Credentials are never sent along a redirect: configure the final URL.'
  return isAuthorization(endpoint) ? `${HINT_AUTHORIZATION} ${refusal}` : refusal
}

const HINT_AUTHORIZATION =
  'By its path it is the authorization endpoint, where users sign in; that of the token endpoint often ends in `/token`.'

function isAuthorization(endpoint: string): boolean {
  return /\/auth(?:orize|orization)?\/?$/.test(new URL(endpoint).pathname)
}

function hintForPath(endpoint: string): string {
  const { pathname } = new URL(endpoint)
  if (isAuthorization(endpoint)) return HINT_AUTHORIZATION
  return /token/i.test(pathname) ? '' : 'If it is the issuer, give it as `issuer`, and not as `tokenEndpoint`.'
}

// RFC 8693 §2.2.1
const HINT_NO_ACCESS_TOKEN =
  'What was issued is no access token: ask for one with `requestedTokenType` of `tokenExchange`, such as urn:ietf:params:oauth:token-type:access_token.'

// RFC 9449 §5: such a token works for whoever gets hold of it.
export const HINT_NOT_BOUND =
  "The server has not bound the token to the client's key: register the client for DPoP, or leave out `dpop`."

/** For a token of a type that is not used. */
export function hintForTokenType(type: unknown, { tokenType, grant }: TokenResponseContext): string {
  const isNone = typeof type === 'string' && type.toLowerCase() === 'n_a'
  if (isNone && grant?.type === TOKEN_EXCHANGE) return HINT_NO_ACCESS_TOKEN
  if (tokenType === 'DPoP') return HINT_NOT_BOUND
  const isDpop = typeof type === 'string' && type.toLowerCase() === 'dpop'
  return isDpop
    ? 'Set `dpop: true`, or register the client for Bearer tokens.'
    : 'Only Bearer and DPoP tokens can be sent: register the client for them.'
}
