import type { AxiosLike } from './axios-route.ts'
import type { ClientAuthentication, ClientSecret } from './client-authentication/client-authentication.ts'
import type { BasicEncoding, ClientSecretMethod } from './client-authentication/client-secret.ts'
import type { ClientCertificate } from './client-certificate.ts'
import { readAuthentication, readCertificate, readProofs } from './credential-options.ts'
import type { Dpop, DpopOptions } from './dpop.ts'
import { endpointUrl, issuerUrl, originList, tokenEndpointUrl } from './endpoint-url.ts'
import { optionError } from './errors.ts'
import { checkFapi2 } from './fapi2-profile.ts'
import { clientCredentials } from './grant/client-credentials.ts'
import { type Grant, readGrant } from './grant/grant.ts'
import { count, duration, flag, ownOptions, text } from './option-values.ts'
import { HOOK_NAMES, type PartnerHooks, readHooks } from './partner-hooks.ts'
import type { TokenParameters } from './token-key.ts'
import { DEFAULT_LIMITS, type LifecycleLimits } from './token-lifecycle.ts'
import { readTokenParameters, TOKEN_PARAMETER_NAMES, type TokenParameterOptions } from './token-parameters.ts'
import type { FetchLike, TransportOptions } from './transport.ts'

/** One client of one authorization server. Durations are milliseconds. */
export interface ClientOptions extends TokenParameterOptions, PartnerHooks {
  /** The issuer identifier, exactly as the server's metadata spells it; the token endpoint is looked up there. @see RFC 8414 */
  readonly issuer?: string | undefined
  /** The token endpoint; then no metadata is loaded. */
  readonly tokenEndpoint?: string | undefined
  /** The client's id at the authorization server. */
  readonly clientId: string
  /** The client's secret, or a function that gives it and is called for every attempt at a token request. */
  readonly clientSecret?: ClientSecret | undefined
  /**
   * How the client authenticates: the name of a method that takes `clientSecret`, or what a factory returned.
   * Default: what the metadata lists, else `client_secret_basic`.
   */
  readonly clientAuthentication?: ClientSecretMethod | ClientAuthentication | undefined
  /** `raw` for servers that do not form-decode the Basic credentials. Default `form`. @see RFC 6749 §2.3.1 */
  readonly basicEncoding?: BasicEncoding | undefined

  /**
   * The grant by which tokens are requested: what `tokenExchange`, `jwtBearer` or `clientCredentials` returned. Default:
   * client credentials.
   */
  readonly grant?: Grant | undefined

  /** The issuer the metadata must name, where that differs from `issuer`. Compared exactly. Default: `issuer`. */
  readonly expectedIssuer?: string | undefined
  /** Origins other than the issuer's, such as `https://as.example`, that its metadata may name endpoints on. Default: none. */
  readonly endpointOrigins?: readonly string[] | undefined
  /** Allows `http:` to this machine (127.0.0.0/8, ::1, localhost), for tests. Default `false`. */
  readonly allowInsecureLoopback?: boolean | undefined

  /** The lifetime of a token whose answer has no `expires_in`, at least 10 seconds. Default 5 minutes, with an event. */
  readonly defaultLifetimeMs?: number | undefined
  /** A refresh is due when less than this or a third of the lifetime is left. At least a second; default 20 minutes. */
  readonly refreshWindowMs?: number | undefined
  /** A token is not used when less than this or a tenth of the lifetime is left. At least 0.1 seconds; default 10 seconds. */
  readonly safetyMarginMs?: number | undefined
  /** How long a token request may take in all, retries included. At least 0.1 seconds; default 15 seconds. */
  readonly timeoutMs?: number | undefined
  /** How long one attempt may take, reading the answer included. At least 0.1 seconds; default 5 seconds. */
  readonly attemptTimeoutMs?: number | undefined
  /** How often a token request is tried while callers wait. Default 3. */
  readonly maxAttempts?: number | undefined
  /**
   * Refreshes the client's configured token, and those of its handles, without traffic too, once they were asked for.
   * Default `false`.
   */
  readonly keepWarm?: boolean | undefined
  /** Where tokens are revoked on `close({ revoke: true })`. Default: from the metadata. @see RFC 7009 */
  readonly revocationEndpoint?: string | undefined
  /** Fails when fewer scopes are granted than requested. Default `false`: an event only. */
  readonly requireScope?: boolean | undefined
  /**
   * Refuses an answer without `token_type`, and one to a token exchange without `issued_token_type`. Default `false`: the
   * token is taken for a Bearer token, with an event.
   */
  readonly strictTokenType?: boolean | undefined
  /**
   * Binds the tokens to a key of the client's, and proves in each request that it has the key: `true` makes a key for
   * ES256. Default `false`. @see RFC 9449
   */
  readonly dpop?: boolean | DpopOptions | undefined

  /**
   * Separates this client's tokens in a shared `store` from those of others, where evertoken does not see its secret, or
   * instead of the secret: text that all processes of the client have, and nobody else. Whoever knows it and the store's
   * encryption key can read the tokens.
   */
  readonly credentialId?: string | undefined

  /** `fapi2` refuses, when the manager is made, whatever FAPI 2.0 forbids a client. Default: none. */
  readonly profile?: 'fapi2' | undefined

  /** Sends the requests to the authorization server: an axios instance, or a function like `fetch`. Default: an axios of its own. */
  readonly transport?: AxiosLike | FetchLike | undefined
  /** An http proxy's URL, or `false` for none. Default: from `HTTPS_PROXY` and `NO_PROXY`. */
  readonly proxy?: string | false | undefined
  /** Certificate authorities to trust instead of the built-in ones, PEM. */
  readonly ca?: TransportOptions['ca']
  /** The client certificate of the TLS connections, by `clientCertificate` or `clientCertificateFromFiles`. @see RFC 8705 */
  readonly certificate?: ClientCertificate | undefined
}

/** {@link ClientOptions}, checked and with the defaults filled in. */
export interface ClientSettings {
  readonly name: string
  readonly clientId: string
  readonly issuer: string | undefined
  readonly tokenEndpoint: string | undefined
  readonly authentication: ClientAuthentication
  readonly grant: Grant
  readonly hooks: PartnerHooks
  readonly parameters: TokenParameters
  readonly expectedIssuer: string | undefined
  readonly endpointOrigins: readonly string[]
  readonly allowInsecureLoopback: boolean
  readonly defaultLifetimeMs: number | undefined
  readonly limits: LifecycleLimits
  readonly timeoutMs: number
  readonly attemptTimeoutMs: number
  readonly maxAttempts: number
  readonly keepWarm: boolean
  readonly revocationEndpoint: string | undefined
  readonly requireScope: boolean
  readonly strictTokenType: boolean
  readonly dpop: Dpop | undefined
  readonly credentialId: string | undefined
  readonly transport: Omit<TransportOptions, 'client'>
  readonly certificate: ClientCertificate | undefined
}

const OPTION_NAMES = [
  ...TOKEN_PARAMETER_NAMES,
  ...['issuer', 'tokenEndpoint', 'clientId', 'clientSecret', 'clientAuthentication', 'basicEncoding', 'grant'],
  ...['expectedIssuer', 'endpointOrigins', 'allowInsecureLoopback', 'defaultLifetimeMs', 'refreshWindowMs'],
  ...['safetyMarginMs', 'timeoutMs', 'attemptTimeoutMs', 'maxAttempts', 'keepWarm', 'revocationEndpoint'],
  ...['requireScope', 'strictTokenType', 'dpop', 'profile', 'credentialId'],
  ...['transport', 'proxy', 'ca', 'certificate'],
  ...HOOK_NAMES,
]

const YEAR_MS = 365 * 24 * 60 * 60 * 1000

// Figures below the least are what people write who think of seconds.
const TIMEOUT_BOUNDS = { leastMs: 100, mostMs: 10 * 60 * 1000 }
const LIFETIME_BOUNDS = { leastMs: 10_000, mostMs: YEAR_MS }
const WINDOW_BOUNDS = { leastMs: 1000, mostMs: YEAR_MS }
const MARGIN_BOUNDS = { leastMs: 100, mostMs: YEAR_MS }

/**
 * Checks one client's options, each read once and as an own property.
 * @param at the options' place, for messages: `''` or `clients.orders.`
 * @throws TypeError naming the option
 */
export function readClientOptions(given: unknown, name: string, at: string): ClientSettings {
  const o = ownOptions<ClientOptions>(given, at, OPTION_NAMES)
  if (o.issuer === undefined && o.tokenEndpoint === undefined && o.requestToken === undefined) {
    throw optionError(`${at}issuer`, 'or `tokenEndpoint` must be given', 'Is the environment variable set?')
  }
  const hooks = readHooks(o, at)
  const allowInsecureLoopback = flag(o.allowInsecureLoopback, `${at}allowInsecureLoopback`)
  const url = (option: 'tokenEndpoint' | 'revocationEndpoint', read: typeof endpointUrl) =>
    o[option] === undefined ? undefined : read(o[option], `${at}${option}`, allowInsecureLoopback)
  const timeoutMs = duration(o.timeoutMs, `${at}timeoutMs`, 15_000, TIMEOUT_BOUNDS)
  const settings: ClientSettings = {
    name,
    clientId: text(o.clientId, `${at}clientId`),
    issuer: o.issuer === undefined ? undefined : issuerUrl(o.issuer, `${at}issuer`, allowInsecureLoopback),
    tokenEndpoint: url('tokenEndpoint', tokenEndpointUrl),
    authentication: readAuthentication(o, at),
    grant: o.grant === undefined ? clientCredentials() : readGrant(o.grant, `${at}grant`),
    hooks,
    parameters: readTokenParameters(o, at),
    expectedIssuer: o.expectedIssuer === undefined ? undefined : text(o.expectedIssuer, `${at}expectedIssuer`),
    endpointOrigins: originList(o.endpointOrigins, `${at}endpointOrigins`, allowInsecureLoopback),
    allowInsecureLoopback,
    defaultLifetimeMs: duration(o.defaultLifetimeMs, `${at}defaultLifetimeMs`, undefined, LIFETIME_BOUNDS),
    limits: {
      refreshWindowMs: duration(
        o.refreshWindowMs,
        `${at}refreshWindowMs`,
        DEFAULT_LIMITS.refreshWindowMs,
        WINDOW_BOUNDS,
      ),
      safetyMarginMs: duration(o.safetyMarginMs, `${at}safetyMarginMs`, DEFAULT_LIMITS.safetyMarginMs, MARGIN_BOUNDS),
    },
    timeoutMs,
    attemptTimeoutMs: Math.min(duration(o.attemptTimeoutMs, `${at}attemptTimeoutMs`, 5000, TIMEOUT_BOUNDS), timeoutMs),
    maxAttempts: count(o.maxAttempts, `${at}maxAttempts`, 3, 10),
    keepWarm: flag(o.keepWarm, `${at}keepWarm`),
    revocationEndpoint: url('revocationEndpoint', endpointUrl),
    requireScope: flag(o.requireScope, `${at}requireScope`),
    strictTokenType: flag(o.strictTokenType, `${at}strictTokenType`),
    dpop: readProofs(o, at),
    credentialId: o.credentialId === undefined ? undefined : text(o.credentialId, `${at}credentialId`),
    transport: { transport: o.transport, proxy: o.proxy, ca: o.ca },
    certificate: readCertificate(o, at),
  }
  if (o.profile === 'fapi2') checkFapi2(o, settings, at)
  else if (o.profile !== undefined) throw optionError(`${at}profile`, "must be 'fapi2' or left out")
  return settings
}
