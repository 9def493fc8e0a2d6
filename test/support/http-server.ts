import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request as the server received it. */
export interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Respond = (response: ServerResponse, request: ReceivedRequest, incoming: IncomingMessage) => void

/** A real server on 127.0.0.1; `await using` closes it together with its connections. */
export interface TestServer extends AsyncDisposable {
  /** Such as `https://127.0.0.1:41235`. */
  readonly origin: string
  readonly port: number
  /** Everything that was received, in order. */
  readonly requests: ReceivedRequest[]
  /** How many connections were accepted. */
  readonly connections: number
  /** How many of them are open. */
  readonly open: number
  /** Resolves when no connection is open any more. */
  allClosed(): Promise<void>
}

/** Starts a server that answers with `respond` once `read` has read a request's body; with `tls` it speaks https. */
export async function startServer(
  respond: Respond,
  tls?: ServerOptions,
  read: (body: IncomingMessage) => Promise<string> = text,
): Promise<TestServer> {
  const requests: ReceivedRequest[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let onEmpty: (() => void)[] = []
  const onRequest = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = incoming
    const request = { method, url, headers, body: await read(incoming) }
    requests.push(request)
    respond(response, request, incoming)
  }
  const server = tls === undefined ? createServer() : createTlsServer(tls)
  // A client that goes away while it sends is a case under test, not a fault of the server.
  server.on('request', (incoming, response) => void onRequest(incoming, response).catch(() => {}))
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size > 0) return
      for (const resolve of onEmpty) resolve()
      onEmpty = []
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
    allClosed: () => new Promise((resolve) => (sockets.size === 0 ? resolve() : onEmpty.push(resolve))),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with a JSON document. */
export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
