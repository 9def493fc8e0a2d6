import type { ClientOptions } from '../client-options.ts'
import { endpointUrl } from '../endpoint-url.ts'
import { ownOptions } from '../option-values.ts'
import { type ProviderClientOptions, pathSegment } from './provider.ts'

/** What a client at Keycloak is configured with. */
export interface KeycloakOptions extends ProviderClientOptions {
  /** Where Keycloak is, such as `https://sso.example.com`; of versions before 17, with `/auth`. */
  readonly url: string
  readonly realm: string
}

/**
 * A client's options for Keycloak. Nothing is requested to find the endpoints; `privateKeyJwt` is addressed to the realm,
 * as "Signed JWT" wants it.
 * @throws TypeError naming the option
 */
export function keycloak(given: KeycloakOptions): ClientOptions {
  const { url, realm, ...options } = ownOptions<KeycloakOptions>(given, '')
  const server = endpointUrl(url, 'url', options.allowInsecureLoopback === true)
  const issuer = `${server.replace(/\/$/, '')}/realms/${pathSegment(realm, 'realm', 'orders')}`
  const base = `${issuer}/protocol/openid-connect`
  const revocationEndpoint = options.revocationEndpoint ?? `${base}/revoke`
  return { ...options, issuer, tokenEndpoint: `${base}/token`, revocationEndpoint }
}
