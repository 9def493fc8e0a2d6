import type { ClientOptions } from '../client-options.ts'
import { optionError } from '../errors.ts'
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
export function amazonCognito({ domain, region, ...options }: AmazonCognitoOptions): ClientOptions {
  const given = hostName(domain, 'domain', 'auth.example.com')
  const isPrefix = !given.includes('.')
  if (isPrefix !== (region !== undefined)) {
    const problem = isPrefix ? 'must be given for a domain that is a prefix' : 'has no effect beside a custom domain'
    throw optionError('region', problem, "Such as 'eu-central-1'.")
  }
  const host = isPrefix ? `${given}.auth.${hostName(region, 'region', 'eu-central-1')}.amazoncognito.com` : given
  return { ...options, tokenEndpoint: `https://${host}/oauth2/token` }
}
