import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { AxiosInstance, AxiosRequestHeaders } from 'axios'
import type { ReadCertificate } from './client-certificate.ts'
import { type ProxyChooser, proxyChooser, proxyChooserOf } from './proxy.ts'
import { readTlsOptions, type TlsOptions } from './tls-options.ts'

/** As much of an axios instance as is used. */
export type AxiosLike = Pick<AxiosInstance, 'request' | 'defaults' | 'interceptors'>

// Long enough for a retry or the next key, shorter than servers keep an idle connection: one that the
// server is just closing fails the next request.
const IDLE_CONNECTION_MS = 4000

/** An axios instance, and how its https requests reach the server. */
export interface AxiosRoute {
  readonly instance: Pick<AxiosInstance, 'request'>
  readonly choose: ProxyChooser
  /** For the TLS connection inside a tunnel. */
  readonly tls: ConnectionOptions
}

/** What a route of our own is made of. */
export interface OwnRouteOptions extends TlsOptions {
  /** An http or https proxy's URL, or `false` for none. Default: what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say at each request. */
  proxy?: string | false | undefined
}

/**
 * Gives the route that shows a certificate, or none. There is one for each, so that a connection that showed an earlier
 * one is not used again.
 * @throws TypeError naming the option that is wrong
 */
export function ownRoutes(options: OwnRouteOptions): (certificate: ReadCertificate | undefined) => Promise<AxiosRoute> {
  const choose = proxyChooser(options.proxy)
  const authorities = readTlsOptions(options)
  const routes = new WeakMap<object, Promise<AxiosRoute>>()
  return (certificate) => {
    const known = routes.get(certificate ?? choose)
    if (known !== undefined) return known
    const secureContext = certificate?.secureContext({ ca: options.ca }) ?? authorities
    const route = ownRoute(choose, secureContext === undefined ? {} : { secureContext })
    routes.set(certificate ?? choose, route)
    return route
  }
}

async function ownRoute(choose: ProxyChooser, tls: ConnectionOptions): Promise<AxiosRoute> {
  const { default: axios } = await import('axios')
  const connection = { keepAlive: true, timeout: IDLE_CONNECTION_MS }
  // Not axios.create(), which copies axios.defaults. Agents of our own, because Node's global ones take a
  // proxy from the environment when NODE_USE_ENV_PROXY is set.
  const instance = new axios.Axios({
    adapter: 'http',
    headers: {} as AxiosRequestHeaders,
    httpAgent: new HttpAgent(connection),
    httpsAgent: new HttpsAgent({ ...connection, ...tls }),
  })
  return { instance, choose, tls }
}

/**
 * The route of a given instance: the proxy that axios would use, but always by CONNECT, which old versions do not do.
 * @throws ProxyError when the instance names a proxy that cannot be used
 */
export function routeOf(instance: AxiosLike): AxiosRoute {
  const { proxy, httpsAgent } = instance.defaults
  const agent = httpsAgent as HttpsAgent | undefined
  // Any other class of agent makes its own connections, through a tunnel perhaps.
  if (agent !== undefined && agent.constructor !== HttpsAgent) return { instance, choose: () => undefined, tls: {} }
  return { instance, choose: proxyChooserOf(proxy), tls: agent?.options ?? {} }
}
