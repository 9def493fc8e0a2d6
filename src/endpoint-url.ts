import { optionError } from './errors.ts'

/**
 * Reads the URL of an endpoint, as it is spelled.
 * @throws TypeError unless it is https, or plain http to this machine where that is allowed
 */
export function endpointUrl(value: unknown, option: string, allowInsecureLoopback: boolean): string {
  if (value instanceof URL) throw optionError(option, 'must be a string, not a URL object', 'Give its `href`.')
  // The URL parser would drop line breaks and outer spaces, and then what is shown is not what is used.
  if (typeof value !== 'string' || !/^[!-~]+$/.test(value) || !URL.canParse(value)) {
    throw optionError(
      option,
      'must be an absolute URL of printable ASCII characters',
      'Is the environment variable set, without a line break?',
    )
  }
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') {
    throw optionError(
      option,
      'must not hold a user name or password',
      'Give the credentials as `clientId` and `clientSecret`.',
    )
  }
  if (value.includes('#')) throw optionError(option, 'must not have a fragment', 'See RFC 6749 §3.2.')
  if (url.protocol === 'https:') return value
  if (url.protocol !== 'http:') throw optionError(option, `must be an https URL, got ${url.protocol}`)
  if (!isLoopback(url)) {
    throw optionError(option, 'must be an https URL', 'The client secret would cross the network in the clear.')
  }
  if (allowInsecureLoopback) return value
  throw optionError(option, 'must be an https URL', 'For tests against this machine set `allowInsecureLoopback: true`.')
}

/** Reads an issuer identifier. @throws TypeError like {@link endpointUrl}, and for a query. @see RFC 8414 §2 */
export function issuerUrl(value: unknown, option: string, allowInsecureLoopback: boolean): string {
  const issuer = endpointUrl(value, option, allowInsecureLoopback)
  if (issuer.includes('/.well-known/')) {
    throw optionError(option, 'must be the issuer, not the address of its metadata', 'Leave out `/.well-known/…`.')
  }
  if (!issuer.includes('?')) return issuer
  throw optionError(option, 'must not have a query', 'See RFC 8414 §2.')
}

/** Reads a list of origins; none by default. @throws TypeError naming the option */
export function originList(value: unknown, option: string, allowInsecureLoopback: boolean): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw optionError(option, 'must be a list of origins', "Such as ['https://as.example'].")
  return value.map((item) => {
    const url = new URL(endpointUrl(item, option, allowInsecureLoopback))
    if (url.href === `${url.origin}/`) return url.origin
    throw optionError(option, 'must be a list of origins: without path and query', `Write '${url.origin}'.`)
  })
}

/** Whether a URL points at this machine by address or as `localhost`. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

/** A URL as far as it may be shown: queries hold credentials too often. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
