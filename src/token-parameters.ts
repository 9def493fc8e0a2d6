import { type AuthorizationDetail, canonicalDetails } from './authorization-details.ts'
import { optionError } from './errors.ts'
import type { TokenParameters } from './token-key.ts'

/** The part of a client's options, or of one call's, that says which token is wanted. */
export interface TokenParameterOptions {
  /**
   * The scopes, as one string separated by spaces or as a list. Default: none is sent and the server decides.
   * @see RFC 6749 §3.3
   */
  readonly scope?: string | readonly string[] | undefined
  /** The APIs the token is for, as absolute URIs. @see RFC 8707 §2 */
  readonly resource?: string | readonly string[] | undefined
  /** The audience, for servers such as Auth0 that ask for one. */
  readonly audience?: string | readonly string[] | undefined
  /** More form parameters. They cannot set what evertoken sets itself. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /**
   * What the token is to allow, in finer words than scopes: plain data, each with a `type`. What was granted is in
   * `AccessToken.authorizationDetails`. Default: none is sent. @see RFC 9396 §2
   */
  readonly authorizationDetails?: readonly AuthorizationDetail[] | undefined
}

/** The names of {@link TokenParameterOptions}. */
export const TOKEN_PARAMETER_NAMES = ['scope', 'resource', 'audience', 'parameters', 'authorizationDetails'] as const

const NO_PARAMETERS: TokenParameters = { scope: [], resource: [], audience: [], parameters: {} }

/**
 * Checks and reads the options that say which token is wanted; what is not given comes from `defaults`.
 * @param at the option's place, for messages: `''` or `clients.orders.`
 * @throws TypeError naming the option
 */
export function readTokenParameters(
  options: TokenParameterOptions,
  at: string,
  defaults: TokenParameters = NO_PARAMETERS,
): TokenParameters {
  const { scope, resource, audience, parameters, authorizationDetails: details } = options
  return {
    scope: scope === undefined ? defaults.scope : readScope(scope, `${at}scope`),
    resource: resource === undefined ? defaults.resource : readResources(resource, `${at}resource`),
    audience: audience === undefined ? defaults.audience : readList(audience, `${at}audience`),
    parameters: parameters === undefined ? defaults.parameters : readParameters(parameters, `${at}parameters`),
    authorizationDetails:
      details === undefined ? defaults.authorizationDetails : canonicalDetails(details, `${at}authorizationDetails`),
  }
}

// RFC 6749 appendix A.4
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

function readScope(scope: unknown, option: string): readonly string[] {
  const list = typeof scope === 'string' ? scope.split(' ').filter((token) => token !== '') : readList(scope, option)
  for (const token of list) {
    if (token === 'undefined') {
      throw optionError(option, 'holds the text "undefined"', 'Was an unset variable put into a template?')
    }
    if (SCOPE_TOKEN.test(token)) continue
    throw optionError(
      option,
      `has an illegal character in ${JSON.stringify(token)}`,
      'A scope is printable ASCII without space, quote and backslash; separate scopes by one space or give a list. See RFC 6749 §3.3.',
    )
  }
  return distinct(list)
}

function readResources(resource: unknown, option: string): readonly string[] {
  const list = readList(resource, option)
  for (const uri of list) {
    // The URL parser would pass over white space.
    if (/^[!-~]+$/.test(uri) && URL.canParse(uri) && !uri.includes('#')) continue
    throw optionError(
      option,
      `must be an absolute URI without a fragment, got ${JSON.stringify(uri)}`,
      'See RFC 8707 §2. For a name that is no URI use `audience`.',
    )
  }
  return list
}

function readList(value: unknown, option: string): readonly string[] {
  const list: unknown[] = Array.isArray(value) ? [...value] : [value]
  for (const item of list) {
    if (typeof item === 'string' && item !== '') continue
    throw optionError(option, 'must be a non-empty string or a list of them')
  }
  return distinct(list as string[])
}

// Frozen, because events and tokens show the very list that is sent.
function distinct(list: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(list)])
}

const RESERVED: ReadonlyMap<string, string> = new Map([
  ['grant_type', 'Use the option `grant`.'],
  ['client_id', 'Use the option `clientId`.'],
  ['client_secret', 'Use the option `clientSecret`.'],
  ['client_assertion', 'Use the option `clientAuthentication`.'],
  ['client_assertion_type', 'Use the option `clientAuthentication`.'],
  ['scope', 'Use the option `scope`.'],
  ['resource', 'Use the option `resource`.'],
  ['audience', 'Use the option `audience`.'],
  ['authorization_details', 'Use the option `authorizationDetails`.'],
  ['assertion', 'Use the option `grant` with `jwtBearer`.'],
  [
    'subject_token',
    "Use the option `grant` with `tokenExchange`, and give the user's token with each call as `subjectToken`.",
  ],
  ['subject_token_type', 'Use `subjectTokenType` of `tokenExchange`.'],
  ['requested_token_type', 'Use `requestedTokenType` of `tokenExchange`.'],
  ['actor_token', 'Use `actorToken` of `tokenExchange`.'],
  ['actor_token_type', 'Use `actorTokenType` of `tokenExchange`.'],
])

function readParameters(parameters: unknown, option: string): Readonly<Record<string, string>> {
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw optionError(option, 'must be an object of strings')
  }
  const entries = Object.entries(parameters)
  for (const [name, value] of entries) {
    if (RESERVED.has(name)) throw optionError(`${option}.${name}`, 'is set by evertoken', RESERVED.get(name))
    if (typeof value !== 'string') throw optionError(`${option}.${name}`, 'must be a string')
  }
  // An empty value is as good as none, and is not sent. RFC 6749 §3.2
  return Object.freeze(Object.fromEntries(entries.filter(([, value]) => value !== '')))
}
