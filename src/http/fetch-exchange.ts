import type { Readable } from 'node:stream'
import { AccessToken } from '../access-token.ts'
import type { TokenEventEmitter } from '../events.ts'
import type { TokenSource } from '../token-source.ts'
import { tokenVerdict } from './challenge.ts'
import { withOurs } from './fetch-headers.ts'
import { MOST_REDIRECTS, markRedirected, redirected, redirectOf, tooManyRedirects } from './fetch-redirect.ts'
import { again, type Outgoing } from './fetch-request.ts'
import { mayReplay, type ReplayMode } from './replay.ts'
import { isNonceWanted, tokenHeaderNames, tokenHeaders } from './token-headers.ts'

/** What one request with a token needs besides itself. */
export interface ExchangeContext {
  readonly fetch: typeof globalThis.fetch
  readonly source: TokenSource
  /** The origin that may receive the token. */
  readonly origin: string
  readonly signal: AbortSignal | undefined
  readonly replay: ReplayMode
  readonly isTokenRejected: ((response: Response) => boolean) | undefined
  readonly events: TokenEventEmitter
}

/**
 * Sends a request with a token until there is an answer for the caller: follows redirects, without the token as soon
 * as they leave the origin; if the token is rejected sends that request once more with another, and once more with the
 * same if the API wants a nonce.
 * @throws what fetch throws; the signal's reason when it aborts
 */
export async function exchange(first: Outgoing, given: AccessToken, context: ExchangeContext): Promise<Response> {
  let request = first
  let token = given
  let carriesToken = true
  let isReplayed = false
  let isNonceSent = false
  let redirects = 0
  try {
    for (;;) {
      const answer = await send(request, carriesToken ? token : undefined, context)
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
  } finally {
    first.record?.drop()
  }
}

function send(request: Outgoing, token: AccessToken | undefined, context: ExchangeContext): Promise<Response> {
  const { input, url, headers, init } = request
  const { source } = context
  const ours = token === undefined ? [] : tokenHeaders({ source, token, method: sentMethod(request), url })
  const names = token === undefined ? [] : tokenHeaderNames(token)
  return context.fetch(input, { ...init, headers: withOurs(headers, ours, names) })
}

// These fetch writes in capitals, others it leaves as they are. Fetch Standard, normalize a method
function sentMethod({ method }: Outgoing): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method
}

function takeNonce({ url }: Outgoing, token: AccessToken, answer: Response, { source }: ExchangeContext): boolean {
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
  return mayReplay(replay, request.method) ? await again(request) : undefined
}

/** The request and another token for it; `undefined` if the answer is the caller's. */
async function replayOf(
  request: Outgoing,
  rejected: AccessToken,
  answer: Response,
  context: ExchangeContext,
): Promise<{ request: Outgoing; token: AccessToken } | undefined> {
  const { source, signal } = context
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
