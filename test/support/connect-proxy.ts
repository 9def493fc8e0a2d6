import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { TestCertificate } from './tls.ts'

export interface ConnectProxyOptions {
  /** Where every tunnel ends, whatever host was asked for. */
  to: { readonly port: number }
  /** Answers CONNECT with this status, or this text, instead of opening a tunnel; a function is called instead of any answer. */
  refuse?: number | string | (() => void)
  /** The answer that opens a tunnel. Default: status 200, and nothing else. */
  accept?: string
  /** Makes it an https proxy. */
  tls?: TestCertificate & { readonly ca?: string }
}

/** An http proxy on 127.0.0.1 that keeps everything it could read; `await using` closes it. */
export interface ConnectProxy extends AsyncDisposable {
  /** Such as `http://127.0.0.1:41235`. */
  readonly url: string
  readonly port: number
  /** The CONNECT requests, in order. */
  readonly tunnels: {
    readonly target: string
    readonly headers: IncomingHttpHeaders
    readonly clientCertificate: boolean
    /** The name by which an https proxy was called in the TLS handshake; a handshake names no IP address. */
    readonly serverName: string | undefined
  }[]
  /** Requests that came without CONNECT, for the proxy to read and to forward. */
  readonly forwards: string[]
  /** Every byte that went through or ended here, as text. */
  readonly seen: string
  /** Resolves when the client has closed all its connections. */
  allClosed(): Promise<void>
}

export async function startConnectProxy(options: ConnectProxyOptions): Promise<ConnectProxy> {
  const { to, refuse, accept = 'HTTP/1.1 200 Connection established\r\n\r\n', tls } = options
  const tunnels: ConnectProxy['tunnels'] = []
  const forwards: string[] = []
  const sockets = new Set<Socket>()
  let seen = ''
  let onEmpty: (() => void)[] = []
  const server: Server =
    tls === undefined ? createServer() : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false })
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      seen += bytes.toString('latin1')
    })
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) for (const resolve of onEmpty) resolve()
      if (sockets.size === 0) onEmpty = []
    })
  })
  server.on('request', (request, response) => {
    forwards.push(`${request.method} ${request.url}`)
    response.writeHead(502).end()
  })
  server.on('connect', (request, client: Duplex) => {
    const { servername, getPeerCertificate } = client as Partial<TLSSocket>
    const clientCertificate = Object.keys(getPeerCertificate?.call(client) ?? {}).length > 0
    const serverName = servername || undefined
    tunnels.push({ target: request.url ?? '', headers: request.headers, clientCertificate, serverName })
    if (typeof refuse === 'function' || typeof refuse === 'string') {
      client.on('end', () => client.destroy()).resume()
      if (typeof refuse === 'string') client.write(refuse)
      else refuse()
      return
    }
    if (refuse !== undefined) {
      client.end(`HTTP/1.1 ${refuse} Refused\r\ncontent-length: 24\r\n\r\n{"access_token":"proxy"}`)
      return
    }
    client.write(accept)
    const upstream = connect(to.port, '127.0.0.1')
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    tunnels,
    forwards,
    get seen() {
      return seen
    },
    allClosed: () => new Promise((resolve) => (sockets.size === 0 ? resolve() : onEmpty.push(resolve))),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
