import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { type Clock, systemClock } from '../clock.ts'
import { type Answer, type Fault, type FaultKind, type FaultSource, isFaultKind, respond } from './fault.ts'
import { ReceivedRequest, type ServerEndpoint } from './received-request.ts'
import { thumbprintOf } from './signatures.ts'
import { TestAuthority, type TestCertificate } from './test-authority.ts'

/** What all servers of the kit can do. */
export interface ScriptedServerOptions {
  /**
   * Makes it speak https: `true` with a certificate of its own authority, which is then in `server.ca`; or an authority,
   * or a certificate with its key. Clients are asked for a certificate, and need not have one. Default: http.
   */
  readonly tls?: true | TestAuthority | TestCertificate | undefined
  /** Decides what goes wrong with requests for which nothing is scripted. Default: nothing does. */
  readonly fault?: FaultSource | undefined
  /** How many of the latest requests are kept in `requests`. Default 10,000. */
  readonly keepRequests?: number | undefined
  /** Time, for expiry and delays. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** A real server on 127.0.0.1, on a free port: records what arrives, and does wrong what it is told to. */
export abstract class ScriptedServer implements AsyncDisposable {
  /** The latest requests, oldest first. */
  readonly requests: ReceivedRequest[] = []
  /** How many faults of each kind there were. */
  readonly faults: Partial<Record<FaultKind, number>> = {}
  /** Decides what goes wrong with requests for which nothing is scripted. */
  fault: FaultSource | undefined
  /** The certificate of the authority to be trusted, PEM; `undefined` without https, or if the certificate was given. */
  readonly ca: string | undefined
  /** Its time. */
  readonly clock: Clock
  readonly #keep: number
  readonly #server: Server
  readonly #isTls: boolean
  readonly #sockets = new Set<Socket>()
  readonly #script = new Map<ServerEndpoint, Fault[]>()
  #received = 0
  #connections = 0

  /** @internal */
  protected constructor({ tls, fault, keepRequests = 10_000, clock = systemClock }: ScriptedServerOptions) {
    this.fault = fault
    this.clock = clock
    this.#keep = keepRequests
    const authority = tls === true ? new TestAuthority() : tls
    this.ca = authority instanceof TestAuthority ? authority.cert : undefined
    this.#isTls = authority !== undefined
    const server = authority === undefined ? createServer() : createTlsServer(tlsOptions(authority))
    // Clients reuse connections; one that is closed just then would be a fault that nobody scripted.
    server.keepAliveTimeout = 0
    server.on('request', (incoming, response) => {
      void this.#receive(incoming, response).catch((error: unknown) => tellOfMistake(response, error))
    })
    server.on('connection', (socket: Socket) => this.#keepTrack(socket))
    this.#server = server
  }

  /** Such as `http://127.0.0.1:41235`. */
  get origin(): string {
    return `${this.#isTls ? 'https' : 'http'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many requests have arrived, those no longer in `requests` included. */
  get received(): number {
    return this.#received
  }

  /** How many connections were accepted. */
  get connections(): number {
    return this.#connections
  }

  /** Closes the server and its connections, also those of requests that wait for an answer. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** @internal */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  /**
   * Scripts what goes wrong with the next requests to an endpoint, one fault each, after what is scripted already.
   * @throws RangeError for a kind that there is not
   */
  protected script(endpoint: ServerEndpoint, faults: readonly Fault[]): void {
    for (const { kind } of faults) if (!isFaultKind(kind)) throw new RangeError(`There is no fault "${kind}".`)
    this.#script.set(endpoint, [...(this.#script.get(endpoint) ?? []), ...faults])
  }

  /** @internal */
  protected abstract endpointOf(pathname: string): ServerEndpoint

  /** Does what the request asks for. @internal */
  protected abstract answer(request: ReceivedRequest): Answer

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const { method = '', url = '', headers } = incoming
    const body = await text(incoming)
    this.#received += 1
    const { pathname } = new URL(url, 'http://127.0.0.1')
    const request = new ReceivedRequest({
      ...{
        endpoint: this.endpointOf(pathname),
        number: this.#received,
        at: this.clock.now(),
        method,
        url,
        headers,
        body,
      },
      certificate: shownCertificate(incoming.socket),
    })
    this.requests.push(request)
    if (this.requests.length > this.#keep) this.requests.shift()
    const fault = this.#script.get(request.endpoint)?.shift() ?? this.fault?.(request)
    if (fault !== undefined) {
      request.fault = fault.kind
      this.faults[fault.kind] = (this.faults[fault.kind] ?? 0) + 1
    }
    const { clock } = this
    const sleep = (ms: number) => (ms > 0 ? clock.sleep(ms, gone.signal) : Promise.resolve())
    const work = respond({ response, sleep, now: () => clock.now(), answer: () => this.answer(request) }, fault)
    // Who has gone away gets no answer; that is how a fault often ends.
    await work.catch((error: unknown) => {
      if (!gone.signal.aborted) throw error
    })
    if (response.headersSent) request.status = response.statusCode
  }

  #keepTrack(socket: Socket): void {
    this.#connections += 1
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}

/** A function of the test's own has failed, or the client is gone. */
function tellOfMistake(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) response.destroy()
  else response.writeHead(500, { 'content-type': 'text/plain' }).end(`A function of the test failed: ${error}`)
}

function tlsOptions(given: TestAuthority | TestCertificate): ServerOptions {
  const { key, cert } = given instanceof TestAuthority ? given.issue() : given
  // Whether a certificate is that of the client is told by its thumbprint.
  return { key, cert, requestCert: true, rejectUnauthorized: false }
}

function shownCertificate(socket: Socket): string | undefined {
  const shown = (socket as Partial<TLSSocket>).getPeerX509Certificate?.()
  return shown && thumbprintOf(shown)
}
