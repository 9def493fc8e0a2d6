import type { Readable } from 'node:stream'
import { AccessToken } from '../access-token.ts'
import type { TokenEventEmitter } from '../events.ts'
import type { TokenSource } from '../token-source.ts'
import { tokenVerdict } from './challenge.ts'
import { withOurs } from './fetch-headers.ts'
import { MOST_REDIRECTS, markRedirected, redirected, redirectOf, tooManyRedirects } from './fetch-redirect.ts'
import { again, type Outgoing } from './fetch-request.ts'
import { mayReplay, type ReplayMode } from './replay.ts'
import { type Header, tokenHeaders } from './token-headers.ts'

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
 * as they leave the origin, and if the token is rejected sends that request once more with another.
 * @throws what fetch throws; the signal's reason when it aborts
 */
export async function exchange(first: Outgoing, given: AccessToken, context: ExchangeContext): Promise<Response> {
  let request = first
  let token = given
  let carriesToken = true
  let isReplayed = false
  let redirects = 0
  try {
    for (;;) {
      const answer = await send(request, carriesToken ? tokenHeaders(token) : [], context)
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
      if (carriesToken && isRejected(answer, context)) {
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

function send(
  { input, headers, init }: Outgoing,
  ours: readonly Header[],
  context: ExchangeContext,
): Promise<Response> {
  return context.fetch(input, { ...init, headers: withOurs(headers, ours) })
}

function isRejected(answer: Response, { isTokenRejected }: ExchangeContext): boolean {
  // A fetch that follows redirects all the same does not say who answered.
  if (answer.redirected) return false
  if (answer.status === 401 && tokenVerdict(answer.headers.get('www-authenticate')) === 'rejected') return true
  try {
    return isTokenRejected?.(answer) === true
  } catch (error) {
    discard(answer)
    throw error
  }
}

/** The request and another token for it; `undefined` if the answer is the caller's. */
async function replayOf(
  request: Outgoing,
  rejected: AccessToken,
  answer: Response,
  { source, signal, replay }: ExchangeContext,
): Promise<{ request: Outgoing; token: AccessToken } | undefined> {
  const same = mayReplay(replay, request.method) ? await again(request) : undefined
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

// A body that nobody reads would hold its connection. Some implementations of fetch make it a stream of Node's.
function discard(answer: Response): void {
  const body = answer.body as ReadableStream | Readable | null
  if (body !== null && 'cancel' in body) body.cancel().catch(() => {})
  else body?.destroy()
}
