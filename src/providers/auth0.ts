import type { ClientOptions } from '../client-options.ts'
import { optionError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import { hostName, type ProviderClientOptions } from './provider.ts'

/** What a client at Auth0 is configured with. */
export interface Auth0Options extends ProviderClientOptions<'audience'> {
  /** The tenant's domain, such as `example.eu.auth0.com`, or a custom one. */
  readonly domain: string
  /** The API's identifier. Auth0 gives no token without one. */
  readonly audience: string
}

/**
 * A client's options for Auth0. Nothing is requested to find the endpoints.
 * @throws TypeError naming the option
 */
export function auth0(given: Auth0Options): ClientOptions {
  const { domain, ...options } = ownOptions<Auth0Options>(given, '')
  if (!options.audience) {
    throw optionError('audience', 'must be given', "Auth0 wants the API's identifier, as its settings show it.")
  }
  // The slash at the end belongs to the issuer.
  const issuer = `https://${hostName(domain, 'domain', 'example.eu.auth0.com')}/`
  return { ...options, issuer, tokenEndpoint: `${issuer}oauth/token` }
}
