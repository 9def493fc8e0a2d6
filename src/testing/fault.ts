import type { ServerResponse } from 'node:http'
import type { ReceivedRequest } from './received-request.ts'

/** An error that a token endpoint may answer with. @see RFC 6749 §5.2, RFC 8707 §2, RFC 9449 §5 */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'

interface Delay {
  /** How long the server waits first, in milliseconds of its clock. Default 0. */
  readonly afterMs?: number | undefined
}

/**
 * What goes wrong with one request. A request that meets one of these is not acted upon:
 *
 * - `hang`: there is never an answer;
 * - `resetBeforeHeaders`: the connection is reset instead;
 * - `status`: an answer with this status, such as 503, and what else is given; an object is sent as JSON;
 * - `tooManyRequests`: 429, with `Retry-After` if a time is given, in seconds or as a date;
 * - `oauthError`: the JSON error of a token endpoint, 401 for `invalid_client` and else 400;
 * - `redirect`: 302, or another status, to `location`;
 * - `html`: 200 with a web page, as from a captive portal;
 * - `hugeBody`: 200 with endless-looking JSON, 1 MiB unless given.
 *
 * With these, the server does what it is asked, and its answer suffers on the way:
 *
 * - `latency`: nothing but the delay;
 * - `resetAfterHeaders`: the connection is reset after half of the body;
 * - `truncatedBody`: it is closed after half of what `Content-Length` says;
 * - `malformedJson`: the body ends early, and `Content-Length` agrees;
 * - `wrongContentType`: the body is said to be `text/plain`;
 * - `slowDrip`: headers at once, then byte by byte, one every `everyMs` (default 100).
 */
export type Fault = Delay &
  (
    | { readonly kind: 'latency'; readonly afterMs: number }
    | { readonly kind: 'hang' }
    | { readonly kind: 'resetBeforeHeaders' }
    | { readonly kind: 'resetAfterHeaders' }
    | { readonly kind: 'truncatedBody' }
    | { readonly kind: 'malformedJson' }
    | { readonly kind: 'wrongContentType' }
    | { readonly kind: 'html' }
    | {
        readonly kind: 'status'
        readonly status: number
        readonly headers?: Readonly<Record<string, string>> | undefined
        readonly body?: string | object | undefined
      }
    | {
        readonly kind: 'tooManyRequests'
        readonly retryAfterMs?: number | undefined
        /** How `Retry-After` says it. Default `seconds`. */
        readonly retryAfterAs?: 'seconds' | 'date' | undefined
      }
    | { readonly kind: 'oauthError'; readonly error: OAuthError; readonly description?: string | undefined }
    | {
        readonly kind: 'redirect'
        readonly location: string
        readonly status?: 301 | 302 | 303 | 307 | 308 | undefined
      }
    | { readonly kind: 'hugeBody'; readonly bytes?: number | undefined }
    | { readonly kind: 'slowDrip'; readonly everyMs?: number | undefined }
  )

/** The name of a kind of {@link Fault}. */
export type FaultKind = Fault['kind']

/** Decides for each request what goes wrong with it, `undefined` for nothing. */
export type FaultSource = (request: ReceivedRequest) => Fault | undefined

/** What a server sends when nothing goes wrong. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An object is sent as JSON. */
  readonly body?: unknown
}

/** How an answer with a {@link Fault} reaches the wire. */
export interface Exchange {
  readonly response: ServerResponse
  /** What the server answers; it does what it was asked when this is called. */
  readonly answer: () => Answer
  /** Waits; rejects when the client is gone or the server closes. */
  readonly sleep: (ms: number) => Promise<void>
  /** Wall-clock time, epoch milliseconds. */
  readonly now: () => number
}

/** Answers one request, wrong in the way that is given; resolves when everything is written. */
export async function respond(exchange: Exchange, fault: Fault | undefined): Promise<void> {
  if (fault === undefined) return send(exchange.response, exchange.answer())
  if (isSuffered(fault)) {
    const answer = exchange.answer()
    await exchange.sleep(fault.afterMs ?? 0)
    return await suffer(exchange, answer, fault)
  }
  await exchange.sleep(fault.afterMs ?? 0)
  if (fault.kind === 'hang') return await exchange.sleep(Infinity)
  if (fault.kind === 'resetBeforeHeaders') return reset(exchange.response)
  send(exchange.response, instead(fault, exchange.now()))
}

const INSTEAD = [
  ...([
    'hang',
    'resetBeforeHeaders',
    'status',
    'tooManyRequests',
    'oauthError',
    'redirect',
    'html',
    'hugeBody',
  ] as const),
]
const SUFFERED = [
  ...(['latency', 'resetAfterHeaders', 'truncatedBody', 'malformedJson', 'wrongContentType', 'slowDrip'] as const),
]
type Suffered = Extract<Fault, { kind: (typeof SUFFERED)[number] }>

export function isFaultKind(kind: string): kind is FaultKind {
  return ([...INSTEAD, ...SUFFERED] as string[]).includes(kind)
}

function isSuffered(fault: Fault): fault is Suffered {
  return (SUFFERED as readonly string[]).includes(fault.kind)
}

async function suffer({ response, sleep }: Exchange, answer: Answer, fault: Suffered): Promise<void> {
  const { headers, body } = written(answer)
  const half = body.subarray(0, Math.ceil(body.length / 2))
  switch (fault.kind) {
    case 'latency':
      return send(response, answer)
    case 'malformedJson':
      return send(response, { ...answer, headers, body: half.toString() })
    case 'wrongContentType':
      return send(response, { ...answer, headers: { ...headers, 'content-type': 'text/plain' }, body: body.toString() })
    case 'resetAfterHeaders':
      await partly(response, answer.status, headers, body, half)
      // Except on Linux a reset overtakes what the client has not read yet.
      await new Promise((resolve) => setTimeout(resolve, 10))
      return reset(response)
    case 'truncatedBody':
      await partly(response, answer.status, headers, body, half)
      response.socket?.end()
      return
    case 'slowDrip':
      response.writeHead(answer.status, { ...headers, 'content-length': body.length }).flushHeaders()
      for (const byte of body) {
        response.write(Buffer.of(byte))
        await sleep(fault.everyMs ?? 100)
      }
      response.end()
  }
}

function instead(fault: Exclude<Fault, Suffered | { kind: 'hang' | 'resetBeforeHeaders' }>, now: number): Answer {
  switch (fault.kind) {
    case 'status':
      return fault
    case 'tooManyRequests':
      return { status: 429, headers: retryAfter(fault, now), body: '' }
    case 'oauthError':
      return oauthError(fault.error, fault.description)
    case 'redirect':
      return { status: fault.status ?? 302, headers: { location: fault.location }, body: '' }
    case 'html':
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Sign in</title>' }
    case 'hugeBody':
      return { status: 200, body: { padding: 'x'.repeat(fault.bytes ?? 1024 * 1024) } }
  }
}

/** The answer of a token endpoint to a request that it refuses. @see RFC 6749 §5.2 */
export function oauthError(error: OAuthError, description?: string): Answer {
  const headers = { 'cache-control': 'no-store' }
  const body = { error, ...(description !== undefined && { error_description: description }) }
  if (error !== 'invalid_client') return { status: 400, headers, body }
  return { status: 401, headers: { ...headers, 'www-authenticate': 'Basic realm="test"' }, body }
}

function retryAfter(
  { retryAfterMs, retryAfterAs }: Extract<Fault, { kind: 'tooManyRequests' }>,
  now: number,
): Record<string, string> {
  if (retryAfterMs === undefined) return {}
  // Rounded up: whoever comes at the time that is said must not be too early.
  const seconds = String(Math.ceil(retryAfterMs / 1000))
  const date = new Date(Math.ceil((now + retryAfterMs) / 1000) * 1000).toUTCString()
  return { 'retry-after': retryAfterAs === 'date' ? date : seconds }
}

function written({ headers = {}, body = '' }: Answer): { headers: Record<string, string>; body: Buffer } {
  if (typeof body === 'string') return { headers: { ...headers }, body: Buffer.from(body) }
  return { headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(JSON.stringify(body)) }
}

function send(response: ServerResponse, answer: Answer): void {
  const { headers, body } = written(answer)
  response.writeHead(answer.status, { ...headers, 'content-length': body.length }).end(body)
}

/** Sends headers and a part of the body, and waits until they are on their way. */
async function partly(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Buffer,
  part: Buffer,
): Promise<void> {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  await new Promise<void>((resolve) => response.write(part, () => resolve()))
}

/** Ends the connection as a crashed process does. */
function reset({ socket }: ServerResponse): void {
  // Of TLS only the connection below can be reset.
  const below = (socket as { _parent?: { resetAndDestroy?(): void } } | null)?._parent
  if (below?.resetAndDestroy) below.resetAndDestroy()
  else socket?.resetAndDestroy()
}
