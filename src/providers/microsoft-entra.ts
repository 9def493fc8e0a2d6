import type { ClientOptions } from '../client-options.ts'
import { optionError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import { hostName, type ProviderClientOptions, pathSegment } from './provider.ts'

/** What an application at Microsoft Entra is configured with. */
export interface MicrosoftEntraOptions extends ProviderClientOptions<'scope' | 'resource' | 'audience'> {
  /** The directory (tenant): its id or one of its domains. */
  readonly tenant: string
  /** The API: its application ID URI, such as `api://orders` or `https://graph.microsoft.com`. */
  readonly resource: string
  /** The host of the cloud. Default `login.microsoftonline.com`. */
  readonly authority?: string | undefined
}

/**
 * A client's options for Microsoft Entra: asks for `<resource>/.default`, which is all that an application is granted
 * there, and heeds `refresh_in`. With a federated credential, `clientAuthentication` is a `workloadIdentity`.
 * @throws TypeError naming the option
 */
export function microsoftEntra(given: MicrosoftEntraOptions): ClientOptions {
  const {
    tenant,
    resource,
    authority = 'login.microsoftonline.com',
    ...options
  } = ownOptions<MicrosoftEntraOptions>(given, '')
  if (typeof resource !== 'string' || resource === '') {
    throw optionError('resource', 'must be the application ID URI of the API', "Such as 'api://orders'.")
  }
  const host = hostName(authority, 'authority', 'login.microsoftonline.com')
  const directory = pathSegment(tenant, 'tenant', '72f988bf-86f1-41af-91ab-2d7cd011db47')
  // Where a secret is all there is: the server takes it in the form whatever characters it has.
  const bySecret = options.clientSecret === undefined ? undefined : 'client_secret_post'
  return {
    ...options,
    clientAuthentication: options.clientAuthentication ?? bySecret,
    tokenEndpoint: `https://${host}/${directory}/oauth2/v2.0/token`,
    scope: resource.endsWith('/.default') ? resource : `${resource}/.default`,
  }
}
