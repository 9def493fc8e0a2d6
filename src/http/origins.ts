import { isLoopback } from '../endpoint-url.ts'
import { optionError, TokenError } from '../errors.ts'

/** The origins that a client's token may be sent to. Made by {@link parseAllowedOrigins}. */
export class AllowedOrigins {
  readonly #origins: ReadonlySet<string>

  /** @param origins canonical origins, as `URL.origin` gives them, and wildcards such as `https://*.example.com` */
  constructor(origins: Iterable<string>) {
    this.#origins = new Set(origins)
  }

  /** How many origins are listed, a wildcard counting as one. */
  get size(): number {
    return this.#origins.size
  }

  /** The list as a reader of an error message needs it. */
  toString(): string {
    return this.size === 0 ? 'none' : [...this.#origins].join(', ')
  }

  /**
   * Whether the URL's origin is listed: same scheme, host and port, or one label more than a wildcard.
   * A trailing dot makes another host.
   */
  has(url: URL): boolean {
    // A blob: URL reports the origin it was made on.
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return false
    if (this.#origins.has(url.origin)) return true
    const dot = url.host.indexOf('.')
    return dot > 0 && this.#origins.has(`${url.protocol}//*${url.host.slice(dot)}`)
  }

  /**
   * Decides whether a request to this URL may carry the token; `other` leaves it to the caller what to do instead.
   * @throws TokenError `origin_refused` for a URL with a user name or password, which would displace the token;
   *   `insecure_url` for `http:` to a host that is listed with `https:`
   */
  check(url: URL): 'allowed' | 'other' {
    refuseUserInfo(url)
    if (this.has(url)) return 'allowed'
    if (url.protocol !== 'http:') return 'other'
    const secure = new URL(url)
    secure.protocol = 'https:'
    if (this.has(secure)) throw insecureUrl(url)
    return 'other'
  }

  /** The error for a request that {@link check} calls `other` and that is not to go out without the token. */
  refusal(url: URL): TokenError {
    return new TokenError({
      code: 'origin_refused',
      message: `The request to ${shown(url)} was not sent: its origin may not receive the token (allowed: ${this}).`,
      hint: 'If that API is meant to see the token, add its origin to the option `origins`.',
    })
  }
}

/**
 * Reads a list of origins from an option.
 *
 * An entry is `https://api.example.com`, with a port where it is not 443, or `https://*.example.com`, which stands
 * for exactly one label in that place. `http:` is for this machine only, with `allowInsecureLoopback`.
 *
 * @param option the option's name, for the message
 * @throws TypeError naming the option and the entry
 */
export function parseAllowedOrigins(
  origins: readonly string[],
  option: string,
  allowInsecureLoopback: boolean,
): AllowedOrigins {
  if (!Array.isArray(origins))
    throw optionError(option, 'must be a list of origins', "Such as ['https://api.example.com'].")
  return new AllowedOrigins(origins.map((entry, i) => parseOrigin(entry, `${option}[${i}]`, allowInsecureLoopback)))
}

// Scheme and authority with nothing after them; what a host may be is for the URL parser to say.
const BARE_ORIGIN = /^https?:\/\/[^\s/\\?#@]+\/?$/i
const WILDCARD_HOST = /^\*\.[^*.]+\.[^*]*[^*.]$/

function parseOrigin(entry: unknown, option: string, allowInsecureLoopback: boolean): string {
  if (typeof entry !== 'string' || !BARE_ORIGIN.test(entry) || !URL.canParse(entry)) {
    throw optionError(option, 'must be an origin', "Scheme, host and perhaps port, such as 'https://api.example.com'.")
  }
  const url = new URL(entry)
  if (url.hostname.includes('*') && !(url.protocol === 'https:' && WILDCARD_HOST.test(url.hostname))) {
    throw optionError(option, 'has a wildcard in the wrong place', "The only form is 'https://*.example.com'.")
  }
  if (isSecure(url, allowInsecureLoopback)) return url.origin
  throw optionError(option, 'must be an https origin', insecureHint(url))
}

/**
 * The origin of an API's base URL.
 * @throws TokenError `origin_refused` when it is not an absolute URL or has a user name or password;
 *   `insecure_url` when it is neither https nor, with `allowInsecureLoopback`, http to this machine
 */
export function originOf(baseURL: string, allowInsecureLoopback: boolean): string {
  const url = parseUrl(baseURL)
  refuseUserInfo(url)
  if (!isSecure(url, allowInsecureLoopback)) throw insecureUrl(url)
  return url.origin
}

/**
 * Where axios may send a request with this `baseURL` and `url`.
 *
 * Usually one URL. With an absolute `url` and `allowAbsoluteUrls: false` there are two: axios before 1.8, and one or
 * the other of its adapters for some releases after, follows the absolute URL all the same. The token may go out only
 * if every URL returned is allowed. Query parameters that axios adds can't change the origin and are left out.
 *
 * @throws TokenError `origin_refused` when one of them is not an absolute URL
 */
export function resolveRequestUrls(
  baseURL: string | undefined,
  url: string | undefined,
  allowAbsoluteUrls: boolean | undefined,
): URL[] {
  // Callers without types pass URL objects, which axios turns into text too.
  const path = String(url ?? '')
  const base = String(baseURL ?? '')
  if (base === '') return [parseUrl(path)]
  const combined = path === '' ? base : `${withoutTrailingSlashes(base)}/${path.replace(/^\/+/, '')}`
  if (!ABSOLUTE_FOR_AXIOS.test(path)) return [parseUrl(combined)]
  return (allowAbsoluteUrls ?? true) ? [parseUrl(path)] : [parseUrl(combined), parseUrl(path)]
}

const ABSOLUTE_FOR_AXIOS = /^(?:[a-z][a-z\d+\-.]*:)?\/\//i

function withoutTrailingSlashes(text: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === '/') end -= 1
  return text.slice(0, end)
}

const SPACE = 0x20
const SLASH = 0x2f
const BACKSLASH = 0x5c

/**
 * Whether this `url`, put after an approved `baseURL`, cannot leave the base's origin. Cheap: no parsing, no
 * allocation. `false` means only that {@link resolveRequestUrls} has to look.
 *
 * True for nothing at all, for a path that starts with a single `/`, and for anything without a colon that starts with
 * no slash. That holds for axios, which appends such a `url` to the base, and for resolving it as a reference, where
 * backslashes count as slashes, and control characters and spaces at the start are dropped.
 */
export function staysOnBase(url: string | undefined): boolean {
  if (url === undefined || url === '') return true
  if (typeof url !== 'string') return false
  const first = url.charCodeAt(0)
  if (first === SLASH) {
    const second = url.charCodeAt(1)
    return second !== SLASH && second !== BACKSLASH && !(second <= SPACE)
  }
  return first > SPACE && first !== BACKSLASH && !url.includes(':')
}

function parseUrl(text: string): URL {
  if (URL.canParse(text)) return new URL(text)
  // The text itself may hold credentials or personal data, and is at hand where the request is made.
  throw new TokenError({
    code: 'origin_refused',
    message: 'The request was not sent: its URL is not absolute, so it is unknown where the token would go.',
    hint: 'Set `baseURL` to an absolute URL such as https://api.example.com, or give one in `url`.',
  })
}

function refuseUserInfo(url: URL): void {
  if (url.username === '' && url.password === '') return
  throw new TokenError({
    code: 'origin_refused',
    message: `The request to ${shown(url)} was not sent: its URL holds a user name or password.`,
    hint: 'They would replace the token, or disguise another host. Remove everything up to the `@`.',
  })
}

function isSecure(url: URL, allowInsecureLoopback: boolean): boolean {
  return url.protocol === 'https:' || (allowInsecureLoopback && url.protocol === 'http:' && isLoopback(url))
}

function insecureUrl(url: URL): TokenError {
  const message = `The request to ${shown(url)} was not sent: the token goes over https only.`
  return new TokenError({ code: 'insecure_url', message, hint: insecureHint(url) })
}

function insecureHint(url: URL): string {
  const local = url.protocol === 'http:' && isLoopback(url)
  return local
    ? 'For tests against this machine set `allowInsecureLoopback: true`.'
    : 'Use the https address of the API.'
}

/** Scheme, host and port only: paths and queries hold data that belongs in no message. */
function shown(url: URL): string {
  return url.host === '' ? `a ${url.protocol} URL` : `${url.protocol}//${url.host}`
}
