import type { ClientOptions } from '../client-options.ts'
import { ownOptions } from '../option-values.ts'
import { hostName, type ProviderClientOptions, pathSegment } from './provider.ts'

/** What a client at Okta is configured with. */
export interface OktaOptions extends ProviderClientOptions {
  /** The organisation's domain, such as `example.okta.com`. */
  readonly domain: string
  /**
   * The id of a custom authorization server, or `'org'` for the organisation's own, which gives tokens for Okta's APIs and
   * wants `privateKeyJwt`. Default `default`.
   */
  readonly authorizationServer?: string | undefined
}

/**
 * A client's options for Okta. Nothing is requested to find the endpoints. Give `privateKeyJwt` the token endpoint as
 * `audience`, as Okta documents it: `https://example.okta.com/oauth2/default/v1/token`.
 * @throws TypeError naming the option
 */
export function okta(given: OktaOptions): ClientOptions {
  const { domain, authorizationServer = 'default', ...options } = ownOptions<OktaOptions>(given, '')
  const origin = `https://${hostName(domain, 'domain', 'example.okta.com')}`
  const id = pathSegment(authorizationServer, 'authorizationServer', 'default')
  const issuer = authorizationServer === 'org' ? origin : `${origin}/oauth2/${id}`
  const base = authorizationServer === 'org' ? `${origin}/oauth2` : issuer
  const revocationEndpoint = options.revocationEndpoint ?? `${base}/v1/revoke`
  return { ...options, issuer, tokenEndpoint: `${base}/v1/token`, revocationEndpoint }
}
