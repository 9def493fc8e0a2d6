import { optionError } from './errors.ts'

/**
 * Reads the URL of an endpoint, as it is spelled.
 * @throws TypeError unless it is https, or plain http to this machine where that is allowed
 */
export function endpointUrl(value: unknown, option: string, allowInsecureLoopback: boolean): string {
  if (value instanceof URL) throw optionError(option, 'must be a string, not a URL object', 'Give its `href`.')
  // The URL parser would drop line breaks and outer spaces, and then what is shown is not what is used.
  if (typeof value !== 'string' || !/^[!-~]+$/.test(value) || !URL.canParse(value)) {
    throw optionError(option, 'must be an absolute URL of printable ASCII characters', hintForNoUrl(value))
  }
  const url = new URL(value)
  if (HOLDS_NOTHING.test(value)) {
    throw optionError(option, 'has a part that is "undefined" or a placeholder', 'Is the environment variable set?')
  }
  if (url.username !== '' || url.password !== '') {
    throw optionError(
      option,
      'must not hold a user name or password',
      'Give the credentials as `clientId` and `clientSecret`.',
    )
  }
  if (value.includes('#')) throw optionError(option, 'must not have a fragment', 'See RFC 6749 §3.2.')
  if (url.protocol === 'https:') return value
  if (url.protocol !== 'http:') {
    const hint = url.host === '' ? 'Begin it with `https://`.' : undefined
    throw optionError(option, `must be an https URL, got ${url.protocol}`, hint)
  }
  if (!isLoopback(url)) {
    throw optionError(option, 'must be an https URL', 'The client secret would cross the network in the clear.')
  }
  if (allowInsecureLoopback) return value
  throw optionError(option, 'must be an https URL', 'For tests against this machine set `allowInsecureLoopback: true`.')
}

// A host or a segment of the path that a template has left behind.
const HOLDS_NOTHING = /\/(?:undefined|null|\[object|%5Bobject|\$?\{[^/]*\}|<[^/]*>|your-tenant(?:-id)?)(?:[/:.?]|$)/i

function hintForNoUrl(value: unknown): string {
  const text = typeof value === 'string' ? value : ''
  if (/^(?:https?:\/\/)?(?=[^/]*:[^/]*:)[\da-f:]+(?:\/|$)/i.test(text)) {
    return 'An IPv6 address stands in brackets: `https://[::1]:8443/`.'
  }
  if (/^(["'`]).*\1$/.test(text)) return 'Take off the quotation marks.'
  if (/^[\w-]+(?:\.[\w-]+)+(?:[:/]|$)/.test(text)) return 'Begin it with `https://`.'
  return 'Is the environment variable set, without a line break?'
}

/** Reads the URL of the token endpoint. @throws TypeError like {@link endpointUrl}, and for the address of metadata */
export function tokenEndpointUrl(value: unknown, option: string, allowInsecureLoopback: boolean): string {
  const url = endpointUrl(value, option, allowInsecureLoopback)
  if (!url.includes('/.well-known/')) return url
  const hint = 'Give the issuer as `issuer`, or what is at that address as `token_endpoint`.'
  throw optionError(option, 'must be the token endpoint, not the address of metadata', hint)
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
