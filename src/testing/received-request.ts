import type { IncomingHttpHeaders } from 'node:http'
import { inspect } from 'node:util'
import type { FaultKind } from './fault.ts'

/** Which part of a server a request is for. */
export type ServerEndpoint = 'token' | 'metadata' | 'revocation' | 'api' | 'other'

/** A request as it is read. */
export interface RequestParts {
  readonly endpoint: ServerEndpoint
  /** Counts the requests of this server, from 1. */
  readonly number: number
  /** Wall-clock time of arrival by the server's clock, epoch milliseconds. */
  readonly at: number
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** `x5t#S256` of the certificate that the client showed. @see RFC 8705 §3.1 */
  readonly certificate: string | undefined
}

const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'dpop']
const SECRET_FIELDS = [
  ...['client_secret', 'client_assertion', 'assertion', 'token', 'subject_token', 'actor_token', 'refresh_token'],
  ...['password', 'code'],
]
const HIDDEN = '[redacted]'

/** A request that arrived, and what became of it. Printed, it shows no secret and no token. */
export class ReceivedRequest {
  readonly endpoint: ServerEndpoint
  readonly number: number
  readonly at: number
  readonly method: string
  readonly url: string
  /** What went wrong with it on purpose. */
  fault: FaultKind | undefined
  /** The status of the answer; `undefined` while there is none. */
  status: number | undefined
  /** The client, once it is known: the one that authenticated, or that got the token which came along. */
  clientId: string | undefined
  /** Why it was refused, such as `invalid_client` or `expired`. */
  refusal: string | undefined
  readonly #parts: RequestParts
  #form: URLSearchParams | undefined

  /** @internal */
  constructor(parts: RequestParts) {
    this.#parts = parts
    this.endpoint = parts.endpoint
    this.number = parts.number
    this.at = parts.at
    this.method = parts.method
    this.url = parts.url
  }

  /** As they arrived, by lower-case name: with credentials. */
  get headers(): IncomingHttpHeaders {
    return this.#parts.headers
  }

  /** As it arrived: with credentials. */
  get body(): string {
    return this.#parts.body
  }

  /** The body's form fields, as they arrived: with credentials. */
  get form(): URLSearchParams {
    this.#form ??= new URLSearchParams(this.#parts.body)
    return this.#form
  }

  /** `x5t#S256` of the client's certificate. @see RFC 8705 §3.1 */
  get certificate(): string | undefined {
    return this.#parts.certificate
  }

  /** Everything, but for the values that are secret. */
  toJSON(): Record<string, unknown> {
    const { endpoint, number, at, method, fault, status, clientId, refusal } = this
    const headers = hidden(Object.entries(this.headers), SECRET_HEADERS)
    const isForm = this.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false
    // A body of any other kind is the caller's own, and may be as private as it is long.
    const body = isForm ? { form: hidden([...this.form], SECRET_FIELDS) } : { bodyLength: this.body.length }
    const url = this.url.replace(/\?.*/s, '?…')
    return {
      endpoint,
      number,
      at: new Date(at).toISOString(),
      method,
      url,
      status,
      fault,
      clientId,
      refusal,
      headers,
      ...body,
    }
  }

  /** @internal */
  [inspect.custom](): string {
    return `ReceivedRequest ${inspect(this.toJSON(), { depth: 4 })}`
  }
}

function hidden(entries: readonly (readonly [string, unknown])[], secret: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(entries.map(([name, value]) => [name, secret.includes(name) ? HIDDEN : value]))
}
