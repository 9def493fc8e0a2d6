import { clientAuthentication } from '../client-authentication/client-authentication.ts'
import type { ClientOptions } from '../client-options.ts'
import { optionError } from '../errors.ts'
import { jwtBearer } from '../grant/jwt-bearer.ts'
import { ownOptions, text } from '../option-values.ts'
import type { ProviderClientOptions } from './provider.ts'

/** The content of a service account's key file, as far as it is used. */
export interface GoogleServiceAccountKey {
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id?: string | undefined
  /** Default `https://oauth2.googleapis.com/token`. */
  readonly token_uri?: string | undefined
}

/** What a Google service account is configured with. */
export interface GoogleServiceAccountOptions
  extends ProviderClientOptions<
    'clientId' | 'clientSecret' | 'clientAuthentication' | 'basicEncoding' | 'grant' | 'resource' | 'audience'
  > {
  /** The key file's content: `JSON.parse(await readFile(path, 'utf8'))`. */
  readonly credentials: GoogleServiceAccountKey
  /** The APIs' scopes, such as `https://www.googleapis.com/auth/pubsub`. */
  readonly scope: string | readonly string[]
  /** The user of the domain on whose behalf the account acts, where that has been delegated to it. */
  readonly subject?: string | undefined
}

/**
 * A client's options for a Google service account: an assertion that the account signs is the grant.
 * @throws TypeError naming the option
 * @see RFC 7523 §2.1
 */
export function googleServiceAccount(given: GoogleServiceAccountOptions): ClientOptions {
  const { credentials, subject, ...options } = ownOptions<GoogleServiceAccountOptions>(given, '')
  const key = ownOptions<GoogleServiceAccountKey>(credentials, 'credentials.')
  const issuer = text(key.client_email, 'credentials.client_email')
  if (!key.private_key) {
    throw optionError('credentials.private_key', 'is missing', 'Is it the key file of a service account, and whole?')
  }
  if (!options.scope?.length) throw optionError('scope', 'must be given', 'Such as an API’s scope in Google’s list.')
  const tokenEndpoint = key.token_uri ?? 'https://oauth2.googleapis.com/token'
  return {
    ...options,
    tokenEndpoint,
    clientId: issuer,
    // The assertion is all: there is no client beside the account.
    clientAuthentication: clientAuthentication('none', () => {}),
    grant: jwtBearer({
      key: key.private_key,
      algorithm: 'RS256',
      keyId: key.private_key_id,
      issuer,
      subject: subject ?? null,
      audience: tokenEndpoint,
      scopeInClaims: true,
    }),
  }
}
