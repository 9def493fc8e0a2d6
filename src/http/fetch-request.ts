import { BodyRecord } from './fetch-body-record.ts'
import { type CallerHeaders, readHeaders } from './fetch-headers.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'

/** One request as a caller of fetch wants it, each part of it read once: an object may say something else later. */
export interface Outgoing {
  readonly input: string | Request
  readonly url: string
  readonly headers: CallerHeaders
  /** Everything else, the body and `redirect` included. */
  readonly init: RequestInit
  /** Set if the body is that of a `Request`, and may be needed again. */
  readonly record: BodyRecord | undefined
}

/**
 * Reads what a caller handed to fetch.
 * @param init a copy
 * @throws TypeError for headers that fetch does not take either
 */
export function readRequest(input: string | URL | Request, init: RequestInit): Outgoing {
  if (!isRequest(input)) {
    const url = String(input)
    return { input: url, url, headers: readHeaders(init.headers), init, record: undefined }
  }
  const { headers = input.headers } = init
  const all = Object.assign(definedOf(input, REQUEST_MEMBERS), definedOf(init, Object.keys(init)))
  return { input, url: input.url, headers: readHeaders(headers), init: all, record: undefined }
}

/** The request, with the body of a `Request` copied as it is sent, if that may be needed. */
export function recorded(outgoing: Outgoing, replay: ReplayMode): Outgoing {
  const { input, init } = outgoing
  if (typeof input === 'string' || input.body == null || init.body != null) return outgoing
  // One that can't be sent is for fetch to refuse.
  const isSendable = !input.bodyUsed && !input.body.locked
  const isKept = isSendable && (follows(outgoing) || mayReplay(replay, init.method))
  return { ...outgoing, record: new BodyRecord(isKept ? input.clone().body : null) }
}

/** Whether redirects are followed here, in place of fetch. */
export function follows({ init: { redirect = 'follow' } }: Outgoing): boolean {
  return redirect === 'follow'
}

/**
 * What is given beside the URL, read once, from a `Request` or any other object that has it from its class too; never
 * from `Object.prototype`.
 */
export function readInit<Init extends RequestInit>(init: Init | null | undefined): Partial<Init> {
  if (init === undefined || init === null) return {}
  const prototype: unknown = Object.getPrototypeOf(init)
  if (prototype === Object.prototype || prototype === null) return { ...init }
  return { ...definedOf(init, INIT_MEMBERS), ...init }
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

function definedOf(holder: object, names: readonly string[]): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const name of names) {
    const value = (holder as Record<string, unknown>)[name]
    if (value !== undefined) members[name] = value
  }
  return members
}

// By its tag, since there are as many classes of that name as there are implementations of fetch.
function isRequest(input: unknown): input is Request {
  return typeof input !== 'string' && Object.prototype.toString.call(input) === '[object Request]'
}
