import type { Readable } from 'node:stream'
import { AccessToken } from '../access-token.ts'
import type { TokenEventEmitter } from '../events.ts'
import type { TokenSource } from '../token-source.ts'
import { tokenVerdict } from './challenge.ts'
import { withOurs } from './fetch-headers.ts'
import { MOST_REDIRECTS, markRedirected, redirected, redirectOf, tooManyRedirects } from './fetch-redirect.ts'
import { again, type Outgoing } from './fetch-request.ts'
import { mayReplay, type ReplayMode } from './replay.ts'
import { type Header, isNonceWanted, lastingHeaders, tokenHeaderNames, tokenHeaders } from './token-headers.ts'

/** What one request with a token needs besides itself. */
export interface ExchangeContext {
  readonly fetch: typeof globalThis.fetch
  readonly source: TokenSource
  /** The origin that may receive the token. */
  readonly origin: string
  readonly replay: ReplayMode
  readonly isTokenRejected: ((response: Response) => boolean) | undefined
  readonly events: TokenEventEmitter
}

/** Sends a request, with a token if there is one. @throws what fetch throws */
export function send(request: Outgoing, token: AccessToken | undefined, context: ExchangeContext): Promise<Response> {
  const { input, headers, init } = request
  const { redirect = 'follow' } = init
  const ours = token === undefined ? [] : headersFor(request, token, context)
  const names = token === undefined ? [] : tokenHeaderNames(token)
  const all = withOurs(headers, ours, names)
  return context.fetch(input, { ...init, redirect: redirect === 'follow' ? 'manual' : redirect, headers: all })
}

/** Whether an answer may be more than the caller's concern; most are not. */
export function isOfConcern({ status }: Response, { source, isTokenRejected }: ExchangeContext): boolean {
  return status >= 300 || isTokenRejected !== undefined || source.settings().dpop !== undefined
}

/**
 * Goes on from the first answer to a request with a token until there is one for the caller: follows redirects, without
 * the token as soon as they leave the origin; if the token is rejected sends that request once more with another, and
 * once more with the same if the API wants a nonce.
 * @throws what fetch throws; the signal's reason when it aborts
 */
export async function exchange(
  sent: Outgoing,
  firstAnswer: Response,
  firstToken: AccessToken,
  context: ExchangeContext,
): Promise<Response> {
  let request = sent
  let token = firstToken
  let carriesToken = true
  let isReplayed = false
  let isNonceSent = false
  let redirects = 0
  for (let answer = firstAnswer; ; answer = await send(request, carriesToken ? token : undefined, context)) {
    // A fetch that follows redirects all the same does not say who answered.
    const isFromReceiver = carriesToken && !answer.redirected
    const wantsNonce = isFromReceiver && takeNonce(request, token, answer, context)
    const location = redirectOf(request, answer)
    if (location !== undefined) {
      discard(answer)
      redirects += 1
      if (redirects > MOST_REDIRECTS) throw tooManyRedirects()
      request = await redirected(request, answer, location)
      // For good: what another origin sends back here is its doing.
      carriesToken &&= new URL(request.url).origin === context.origin
      continue
    }
    const same = wantsNonce && !isNonceSent ? await sameAgain(request, context) : undefined
    if (same !== undefined) {
      discard(answer)
      request = same
      isNonceSent = true
      continue
    }
    if (isFromReceiver && !wantsNonce && isRejected(answer, context)) {
      context.source.invalidate(token)
      const replay = isReplayed ? undefined : await replayOf(request, token, answer, context)
      if (replay !== undefined) {
        discard(answer)
        ;({ request, token } = replay)
        isReplayed = true
        context.events.emit('requestReplayed', () => ({ client: context.source.client, origin: context.origin }))
        continue
      }
    }
    return redirects === 0 ? answer : markRedirected(answer)
  }
}

function headersFor(request: Outgoing, token: AccessToken, { source }: ExchangeContext): readonly Header[] {
  if (source.settings().dpop === undefined) return lastingHeaders(token)
  return tokenHeaders({ source, token, method: sentMethod(request), url: request.url })
}

// These fetch writes in capitals, others it leaves as they are. Fetch Standard, normalize a method
function sentMethod({ init: { method = 'GET' } }: Outgoing): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method
}

function takeNonce({ url }: Outgoing, token: AccessToken, answer: Response, { source }: ExchangeContext): boolean {
  if (source.settings().dpop === undefined) return false
  const { status, headers } = answer
  return isNonceWanted({ source, token, url }, { status, header: (name) => headers.get(name) })
}

function isRejected(answer: Response, { isTokenRejected }: ExchangeContext): boolean {
  if (answer.status === 401 && tokenVerdict(answer.headers.get('www-authenticate')) === 'rejected') return true
  try {
    return isTokenRejected?.(answer) === true
  } catch (error) {
    discard(answer)
    throw error
  }
}

/** The request for another sending, if it may have one. */
async function sameAgain(request: Outgoing, { replay }: ExchangeContext): Promise<Outgoing | undefined> {
  return mayReplay(replay, request.init.method) ? await again(request) : undefined
}

/** The request and another token for it; `undefined` if the answer is the caller's. */
async function replayOf(
  request: Outgoing,
  rejected: AccessToken,
  answer: Response,
  context: ExchangeContext,
): Promise<{ request: Outgoing; token: AccessToken } | undefined> {
  const { source } = context
  const signal = request.init.signal ?? undefined
  const same = await sameAgain(request, context)
  if (same === undefined) return undefined
  try {
    const token = await source.tokenOrPromise({ signal })
    const isAnother = AccessToken.authorizationOf(token) !== AccessToken.authorizationOf(rejected)
    return isAnother ? { request: same, token } : undefined
  } catch (error) {
    // No token is no reason to keep the API's answer from the caller; the next request will say why there is none.
    if (!signal?.aborted) return undefined
    discard(answer)
    throw error
  }
}

// A body that nobody reads would hold its connection. Some implementations of fetch make it a stream of Node's, or give
// none.
function discard(answer: Response): void {
  const body = answer.body as ReadableStream | Readable | null | undefined
  if (body && 'cancel' in body) body.cancel().catch(() => {})
  else body?.destroy()
}
