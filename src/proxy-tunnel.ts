import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { type HttpProxy, ProxyError } from './proxy.ts'

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1]

/**
 * The agent of one https request through a proxy: CONNECT, then TLS to the server inside the tunnel.
 *
 * One per request, so that a proxy that does not answer is let go of together with the request.
 */
export class ProxyTunnel extends HttpsProxyAgent<string> {
  readonly #tls: ConnectionOptions

  /** @param tls for the connection inside the tunnel; the connection to the proxy has none of it */
  constructor(proxy: HttpProxy, tls: ConnectionOptions, signal: AbortSignal) {
    // As a header, not in the URL, which https-proxy-agent writes to its debug log.
    const headers = proxy.authorization === undefined ? {} : { 'Proxy-Authorization': proxy.authorization }
    super(proxy.url, { headers, signal })
    this.#tls = tls
  }

  override async connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    let status: number | undefined
    this.once('proxyConnect', (answer: { statusCode: number }) => {
      status = answer.statusCode
    })
    try {
      const socket = await super.connect(request, { ...options, ...this.#tls } as ConnectOptions)
      if (status === 200) return socket
    } catch (error) {
      if (status === 200) throw error
      throw unreachable((error as NodeJS.ErrnoException).code)
    }
    // Not the socket, which holds the proxy's answer as if it were the server's.
    throw refused(status)
  }
}

function refused(status: number | undefined): ProxyError {
  return new ProxyError(`the proxy answered CONNECT with status ${status}`, {
    hint:
      status === 407
        ? 'It wants other credentials: give them in the URL, `http://user:password@host:port`.'
        : 'Does it allow connections to this host and port? `proxy` and NO_PROXY say which requests use it.',
    retryable: status === undefined || status >= 500,
  })
}

function unreachable(code: string | undefined): ProxyError {
  return new ProxyError(`no answer from the proxy${code === undefined ? '' : ` (${code})`}`, {
    code,
    hint: 'Check `proxy` or HTTPS_PROXY: host, port, and http:// unless the proxy itself speaks TLS.',
    retryable: true,
  })
}
