import type { ClientOptions } from '../client-options.ts'
import { optionError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import { hostName, type ProviderClientOptions } from './provider.ts'

/** What an app client of an Amazon Cognito user pool is configured with. */
export interface AmazonCognitoOptions extends ProviderClientOptions<'resource'> {
  /** The user pool's domain: a prefix, such as `example`, with `region`; or a custom domain, such as `auth.example.com`. */
  readonly domain: string
  /** The region of a domain that is a prefix, such as `eu-central-1`. */
  readonly region?: string | undefined
}

/**
 * A client's options for Amazon Cognito. Scopes are those of resource servers, such as `orders/read`.
 * @throws TypeError naming the option
 */
export function amazonCognito(given: AmazonCognitoOptions): ClientOptions {
  const { domain, region, ...options } = ownOptions<AmazonCognitoOptions>(given, '')
  const named = hostName(domain, 'domain', 'auth.example.com')
  const isPrefix = !named.includes('.')
  if (isPrefix !== (region !== undefined)) {
    const problem = isPrefix ? 'must be given for a domain that is a prefix' : 'has no effect beside a custom domain'
    throw optionError('region', problem, "Such as 'eu-central-1'.")
  }
  const host = isPrefix ? `${named}.auth.${hostName(region, 'region', 'eu-central-1')}.amazoncognito.com` : named
  return { ...options, tokenEndpoint: `https://${host}/oauth2/token` }
}
