import { type ClientRequest, type ClientRequestArgs, request as requestPlain } from 'node:http'
import { Agent, request as requestByTls } from 'node:https'
import { isIP, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { type HttpProxy, ProxyError } from './proxy.ts'

/** What a request says of its connection. */
interface TunnelledRequest {
  readonly signal: AbortSignal
  /** Whether it does not keep the process alive. */
  readonly background?: boolean | undefined
}

/**
 * The agent of one https request through a proxy: CONNECT, then TLS to the server inside the tunnel.
 *
 * One per request, so that a proxy that does not answer is let go of together with the request.
 * @see RFC 9110 §9.3.6
 */
export class ProxyTunnel extends Agent {
  readonly #proxy: HttpProxy
  readonly #tls: ConnectionOptions
  readonly #request: TunnelledRequest

  /** @param tls for the connection inside the tunnel; the connection to the proxy has none of it */
  constructor(proxy: HttpProxy, tls: ConnectionOptions, request: TunnelledRequest) {
    super()
    this.#proxy = proxy
    this.#tls = tls
    this.#request = request
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { host, port } = options
    const connecting = this.#reach(`${isIPv6(host ?? '') ? `[${host}]` : host}:${port}`).then((socket) => {
      const inside = { ...options, ...this.#tls, socket } as ClientRequestArgs
      return super.createConnection(inside) as Duplex
    })
    connecting.then(
      (socket) => callback?.(null, socket),
      (error) => callback?.(error, undefined as unknown as Duplex),
    )
  }

  /** A connection to the proxy that goes on to the server. */
  async #reach(server: string): Promise<Duplex> {
    const { authorization } = this.#proxy
    const { signal, background } = this.#request
    const connect = requestTo(this.#proxy, {
      method: 'CONNECT',
      path: server,
      headers: { host: server, ...(authorization !== undefined && { 'proxy-authorization': authorization }) },
      signal,
      // None that Node is told to lead through this very proxy.
      agent: false,
    })
    if (background) connect.once('socket', (socket) => socket.unref())
    return await new Promise<Duplex>((resolve, reject) => {
      connect.on('error', ({ code }: NodeJS.ErrnoException) => reject(unreachable(code)))
      connect.once('connect', ({ statusCode = 0 }, socket, first) => {
        if (statusCode >= 200 && statusCode < 300) {
          // What came along with the answer is the server's, whatever length the answer gives itself.
          if (first.length > 0) socket.unshift(first)
          resolve(socket)
          return
        }
        socket.destroy()
        reject(refused(statusCode))
      })
      connect.end()
    })
  }
}

function requestTo({ url }: HttpProxy, options: ClientRequestArgs): ClientRequest {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'http:') return requestPlain(url, options)
  // Else Node takes the name of the server from the header `host`.
  const servername = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : ''
  return requestByTls(url, { ...options, servername })
}

function refused(status: number): ProxyError {
  return new ProxyError(`the proxy answered CONNECT with status ${status}`, {
    hint:
      status === 407
        ? 'It wants other credentials: give them in the URL, `http://user:password@host:port`.'
        : 'Does it allow connections to this host and port? `proxy` and NO_PROXY say which requests use it.',
    retryable: status >= 500,
  })
}

function unreachable(code: string | undefined): ProxyError {
  return new ProxyError(`no answer from the proxy${code === undefined ? '' : ` (${code})`}`, {
    code,
    hint: 'Check `proxy` or HTTPS_PROXY: host, port, and http:// unless the proxy itself speaks TLS.',
    retryable: true,
  })
}
