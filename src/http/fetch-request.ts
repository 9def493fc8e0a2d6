import { BodyRecord } from './fetch-body-record.ts'
import { type CallerHeaders, readHeaders } from './fetch-headers.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'

/** One request as it is handed to fetch, but for its headers. */
export interface Outgoing {
  readonly input: string | Request
  readonly url: string
  readonly method: string
  readonly headers: CallerHeaders
  /** Everything else, the body and `redirect` included. */
  readonly init: RequestInit
  /** Whether redirects are followed here, and not by fetch. */
  readonly follows: boolean
  /** Set if the body is that of a `Request`. */
  readonly record: BodyRecord | undefined
}

/** What a caller handed to fetch, with the URL as text: an object may say something else when it is read again. */
export class FetchCall {
  readonly input: string | Request
  readonly url: string
  readonly headers: CallerHeaders
  readonly signal: AbortSignal | undefined
  readonly #request: Request | undefined
  readonly #init: RequestInit

  /** @throws TypeError for headers that fetch does not take either */
  constructor(input: string | URL | Request, init: RequestInit) {
    this.#request = isRequest(input) ? input : undefined
    this.#init = this.#request === undefined ? init : { ...membersOf(this.#request, REQUEST_MEMBERS), ...defined(init) }
    this.input = this.#request ?? String(input)
    this.url = this.#request?.url ?? (this.input as string)
    const { headers = this.#request?.headers, signal = this.#request?.signal } = init
    this.headers = readHeaders(headers)
    this.signal = signal ?? undefined
  }

  /** The request to send, as often as its body allows. Copies the body of a `Request` if that may be needed. */
  outgoing(replay: ReplayMode): Outgoing {
    const { input, url, headers } = this
    const request = this.#request
    const { method = 'GET', redirect = 'follow', body } = this.#init
    const follows = redirect === 'follow'
    const init: RequestInit = { ...this.#init, redirect: follows ? 'manual' : redirect }
    const ofRequest = (body ?? null) === null ? (request?.body ?? null) : null
    // One that can't be sent is for fetch to refuse.
    const isKept = !request?.bodyUsed && !ofRequest?.locked && (follows || mayReplay(replay, method))
    const record = ofRequest === null ? undefined : new BodyRecord(isKept ? request?.clone().body : null)
    return { input, url, method, headers, init, follows, record }
  }
}

/**
 * What is given beside the URL, read once, from a `Request` or any other object that has it from its class too; never
 * from `Object.prototype`.
 */
export function readInit<Init extends RequestInit>(init: Init | null | undefined): Partial<Init> {
  const prototype: unknown = Object.getPrototypeOf(init ?? {})
  const isPlain = prototype === Object.prototype || prototype === null
  const inherited = isPlain ? undefined : membersOf(init as Init, INIT_MEMBERS)
  return { ...inherited, ...init } as Partial<Init>
}

/** The same request for a second sending; `undefined` if its body could only be sent once. */
export async function again(request: Outgoing): Promise<Outgoing | undefined> {
  const { init, record } = request
  if (record === undefined) return canSendTwice(init.body) ? request : undefined
  const body = await record.whole()
  return body && { ...request, init: { ...init, body } }
}

// A `Request` that is changed forgets its referrer, and one for another URL has none of these. Body and headers are
// looked after apart.
const REQUEST_MEMBERS = [
  ...['cache', 'credentials', 'integrity', 'keepalive', 'method', 'mode'],
  ...['redirect', 'referrer', 'referrerPolicy', 'signal'],
]
const INIT_MEMBERS = [...REQUEST_MEMBERS, 'body', 'dispatcher', 'duplex', 'headers', 'priority', 'token', 'window']

function membersOf(holder: object, names: readonly string[]): object {
  return defined(Object.fromEntries(names.map((name) => [name, (holder as Record<string, unknown>)[name]])))
}

function defined(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

// By its tag, since there are as many classes of that name as there are implementations of fetch.
function isRequest(input: unknown): input is Request {
  return Object.prototype.toString.call(input) === '[object Request]'
}
