import type { ClientOptions } from '../client-options.ts'
import { optionError } from '../errors.ts'

/** A client's options without those that a provider's settings say. */
export type ProviderClientOptions<Said extends keyof ClientOptions = never> = Omit<
  ClientOptions,
  'issuer' | 'tokenEndpoint' | 'expectedIssuer' | 'endpointOrigins' | 'requestToken' | Said
>

/**
 * Checks the name of a host, with a port perhaps.
 * @throws TypeError naming the option, for a URL above all
 */
export function hostName(value: unknown, option: string, example: string): string {
  if (typeof value === 'string' && /^[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d{1,5})?$/i.test(value)) return value
  throw optionError(option, 'must be the name of a host, without `https://` and path', `Such as '${example}'.`)
}

/**
 * Checks one segment of a URL's path.
 * @throws TypeError naming the option
 */
export function pathSegment(value: unknown, option: string, example: string): string {
  // A URL has no such segments: they lead out of the path.
  const isSegment = typeof value === 'string' && value.isWellFormed() && !['', '.', '..'].includes(value)
  if (isSegment) return encodeURIComponent(value)
  throw optionError(
    option,
    'must be a non-empty string, and one segment of a path',
    `Such as '${example}'. Is the environment variable set?`,
  )
}
