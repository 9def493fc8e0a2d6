import type { ClientRequestArgs } from 'node:http'
import { Agent, type AgentOptions, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { ClientCertificate, ReadCertificate } from './client-certificate.ts'
import { optionError } from './errors.ts'

// On the options that Node makes of each request and keeps with its connection, so that both keep the certificate
// with which they began.
const SHOWN: unique symbol = Symbol('certificate shown')

type Stamped = RequestOptions & { [SHOWN]?: ReadCertificate | undefined }

/** An agent whose connections show a certificate that may change, and are kept apart by it. */
export class CertificateAgent extends Agent {
  readonly #certificate: ClientCertificate
  readonly #shownBy = new WeakMap<Duplex, ReadCertificate>()
  #last: ReadCertificate | undefined

  /** @throws TypeError for an option that brings a certificate of its own */
  constructor(certificate: ClientCertificate, options: AgentOptions) {
    for (const name of ['cert', 'key', 'pfx', 'passphrase', 'secureContext'] as const) {
      if (options[name] !== undefined) throw optionError(name, 'must not be given', 'The agent brings the certificate.')
    }
    super({ keepAlive: true, ...options })
    this.#certificate = certificate
  }

  // The name is what connections and TLS sessions are shared by.
  override getName(options: Stamped = {}): string {
    if (!(SHOWN in options)) options[SHOWN] = this.#shown()
    return `${super.getName(options)}:${options[SHOWN]?.thumbprint}`
  }

  override createConnection(
    options: ClientRequestArgs & Stamped,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const connect = (certificate: ReadCertificate) => {
      const secureContext = certificate.secureContext(this.options)
      return super.createConnection({ ...options, secureContext } as ClientRequestArgs) as Duplex
    }
    const shown = options[SHOWN]
    if (shown !== undefined) {
      const socket = connect(shown)
      this.#shownBy.set(socket, shown)
      return socket
    }
    // No token has been asked for yet. The connection serves this request alone.
    const read = this.#certificate.read({ client: 'of this agent' }).then(connect)
    read.then(
      (socket) => callback?.(null, socket),
      (error) => callback?.(error, undefined as unknown as Duplex),
    )
    return undefined
  }

  override keepSocketAlive(socket: Duplex): boolean {
    if (this.#shownBy.get(socket) !== this.#shown()) return false
    return super.keepSocketAlive(socket) as unknown as boolean
  }

  #shown(): ReadCertificate | undefined {
    const shown = this.#certificate.shown()
    if (shown === this.#last) return shown
    this.#last = shown
    const idle = Object.values(this.freeSockets).flatMap((sockets) => sockets ?? [])
    for (const socket of idle) if (this.#shownBy.get(socket) !== shown) socket.destroy()
    return shown
  }
}
