import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { AgentConnectOpts } from 'agent-base'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { type Proxy, ProxyError } from './proxy.ts'

/**
 * The agent of one https request through a proxy: CONNECT, then TLS to the server inside the tunnel.
 *
 * One per request, so that a proxy that does not answer is let go of together with the request.
 */
export class ProxyTunnel extends HttpsProxyAgent<string> {
  readonly #tls: ConnectionOptions
  readonly #signal: AbortSignal
  readonly #abandon: AbortController

  /** @param tls for the connection inside the tunnel; the connection to the proxy has none of it */
  constructor(proxy: Proxy, tls: ConnectionOptions, signal: AbortSignal) {
    const abandon = new AbortController()
    // As a header, not in the URL, which https-proxy-agent writes to its debug log.
    const headers = proxy.authorization === undefined ? {} : { 'Proxy-Authorization': proxy.authorization }
    super(proxy.url, { headers, signal: abandon.signal })
    this.#tls = tls
    this.#signal = signal
    this.#abandon = abandon
  }

  override async connect(request: ClientRequest, options: AgentConnectOpts): Promise<Socket> {
    let status: number | undefined
    this.once('proxyConnect', (answer: { statusCode: number }) => {
      status = answer.statusCode
    })
    // Only until there is a tunnel: after that the request owns the connection.
    const onAbort = () => this.#abandon.abort()
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      const socket = await super.connect(request, { ...options, ...this.#tls } as AgentConnectOpts)
      if (status === 200) return socket
      // Otherwise the proxy's answer would be taken for the server's.
      socket.destroy()
    } catch (error) {
      if (status === 200) throw error
      throw unreachable((error as NodeJS.ErrnoException).code)
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
    }
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
