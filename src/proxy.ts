import type { AxiosProxyConfig } from 'axios'
import { getProxyForUrl } from 'proxy-from-env'
import { optionError } from './errors.ts'

/** A proxy's URL, and its credentials apart from it, because the URL is what gets logged. */
export interface HttpProxy {
  readonly url: string
  /** The value of `Proxy-Authorization`. */
  readonly authorization: string | undefined
}

/** Something went wrong on this side of the tunnel. Names the proxy no further: its URL may hold a password. */
export class ProxyError extends Error {
  readonly code: string | undefined
  readonly hint: string
  readonly retryable: boolean

  constructor(problem: string, init: { hint: string; retryable: boolean; code?: string | undefined }) {
    super(problem)
    this.code = init.code
    this.hint = init.hint
    this.retryable = init.retryable
  }
}

/** Which proxy a request for a URL goes through, if any. @throws ProxyError when the environment names none that can be used */
export type ProxyChooser = (url: string) => HttpProxy | undefined

/**
 * Reads the option `proxy`: a URL, `false`, or nothing for what the environment says at each request.
 * @throws TypeError naming the option
 */
export function proxyChooser(option: string | false | undefined): ProxyChooser {
  if (option === false) return () => undefined
  if (option === undefined) return proxyOfEnvironment
  const proxy = readProxy(option)
  if (proxy !== undefined) return () => proxy
  throw optionError(
    'proxy',
    'must be the URL of an http or https proxy, or false',
    'For example http://proxy.example.com:3128.',
  )
}

/** The proxy that an axios instance is configured with, chosen as axios would. */
export function proxyChooserOf(config: AxiosProxyConfig | false | undefined): ProxyChooser {
  if (!config) return proxyChooser(config)
  const host = config.host.includes(':') && !config.host.startsWith('[') ? `[${config.host}]` : config.host
  const proxy = readProxy(`${(config.protocol ?? 'http').replace(/:$/, '')}://${host}:${config.port}`)
  if (proxy === undefined) throw unusable('the `transport` names', 'Its `proxy` must be an http or https proxy.')
  return () => (config.auth ? { ...proxy, authorization: basic(config.auth.username, config.auth.password) } : proxy)
}

function proxyOfEnvironment(url: string): HttpProxy | undefined {
  const named = getProxyForUrl(url)
  if (named === '') return undefined
  const proxy = readProxy(named)
  if (proxy !== undefined) return proxy
  throw unusable(
    'the environment names',
    'HTTPS_PROXY or ALL_PROXY must be the URL of an http or https proxy; `proxy: false` ignores them.',
  )
}

function unusable(whoNames: string, hint: string): ProxyError {
  return new ProxyError(`${whoNames} a proxy that cannot be used`, { hint, retryable: false })
}

function readProxy(text: unknown): HttpProxy | undefined {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return undefined
  try {
    const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
    const authorization = username === '' && password === '' ? undefined : basic(username, password)
    return { url: url.origin, authorization }
  } catch {
    return undefined
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
