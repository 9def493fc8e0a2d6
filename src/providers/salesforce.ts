import type { ClientOptions } from '../client-options.ts'
import { ownOptions } from '../option-values.ts'
import { hostName, type ProviderClientOptions } from './provider.ts'

/** What a connected app at Salesforce is configured with. */
export interface SalesforceOptions extends ProviderClientOptions<'scope' | 'resource' | 'audience'> {
  /** The organisation's My Domain, such as `example.my.salesforce.com`. */
  readonly domain: string
}

const SHORTEST_SESSION_MS = 15 * 60_000

/**
 * A client's options for Salesforce, which does not say how long a token lives: as long as the session policy of the app
 * says. Without `defaultLifetimeMs`, 15 minutes are assumed, the shortest that can be set there.
 * @throws TypeError naming the option
 */
export function salesforce(given: SalesforceOptions): ClientOptions {
  const { domain, ...options } = ownOptions<SalesforceOptions>(given, '')
  const origin = `https://${hostName(domain, 'domain', 'example.my.salesforce.com')}`
  return {
    ...options,
    defaultLifetimeMs: options.defaultLifetimeMs ?? SHORTEST_SESSION_MS,
    revocationEndpoint: options.revocationEndpoint ?? `${origin}/services/oauth2/revoke`,
    tokenEndpoint: `${origin}/services/oauth2/token`,
  }
}
