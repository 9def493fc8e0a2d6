import { AccessToken } from '../access-token.ts'
import { TokenError } from '../errors.ts'
import type { TokenSource } from '../token-source.ts'
import { tokenHeaderNames } from './token-headers.ts'
import type { AnswerHeaders, DispatchController, DispatchHandler, UndiciAnswer } from './undici-dispatch.ts'
import { tokenAtHand, waitForToken } from './undici-wait.ts'

// An answer that nobody wants is read to its end, so that the connection can be used again, unless it is long in coming.
const MOST_DRAINED_BYTES = 64 * 1024
const MOST_DRAINED_MS = 500

/** Why a request is sent once more: another token, or a nonce in its proof. */
export type ReplayReason = 'token' | 'nonce'

/** The request that is sent, as far as its answer concerns it. */
export interface ReplayableRequest {
  /** Whether an answer with this status has to be looked at. */
  isOfConcern(status: number): boolean
  /** Takes the nonce from an answer; tells whether the API refuses the request for want of it. */
  isNonceWanted(token: AccessToken, answer: UndiciAnswer): boolean
  /** Whether an answer says that the token is not accepted; its source knows then. */
  isRejected(token: AccessToken, answer: UndiciAnswer): boolean
  /** Whether the request may be sent once more. */
  mayReplay(reason: ReplayReason): boolean
  /** Sends it once more, with this token. */
  replay(token: AccessToken, reason: ReplayReason): void
}

/**
 * The handler of one sending with a token. Everything goes on to the caller's handler as it comes, unless the token is
 * rejected and the request can be sent again: then the answer is held until there is another token, and dropped.
 */
export class Sending implements DispatchHandler {
  readonly #request: ReplayableRequest
  readonly #source: TokenSource
  readonly #token: AccessToken
  readonly #handler: DispatchHandler
  #context: unknown
  // While the answer is held, what a dispatcher that cannot be paused tells nevertheless.
  #held: (() => void)[] | undefined
  #drain: { bytes: number; readonly timer: NodeJS.Timeout } | undefined
  #isDropped = false
  #isOver = false

  constructor(request: ReplayableRequest, source: TokenSource, token: AccessToken, handler: DispatchHandler) {
    this.#request = request
    this.#source = source
    this.#token = token
    this.#handler = handler
  }

  onRequestStart(controller: DispatchController, context: unknown): void {
    this.#context = context
    // undici takes `Authorization` off where a redirect leaves the origin; of our other headers it knows nothing.
    const isRedirected = (visited(context)?.length ?? 0) > 0
    if (isRedirected && tokenHeaderNames(this.#token).some((name) => name !== 'authorization')) {
      controller.abort(redirectRefused(this.#source.client))
      return
    }
    this.#handler.onRequestStart?.(controller, context)
  }

  onBodySent(chunk: Uint8Array): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onRequestUpgrade(controller: DispatchController, status: number, headers: AnswerHeaders, socket: unknown): void {
    this.#handler.onRequestUpgrade?.(controller, status, headers, socket)
  }

  onResponseStart(controller: DispatchController, status: number, headers: AnswerHeaders, message?: string): void {
    if (status < 200 || !this.#request.isOfConcern(status)) {
      this.#handler.onResponseStart?.(controller, status, headers, message)
      return
    }
    const pass = () => this.#handler.onResponseStart?.(controller, status, headers, message)
    this.#settle(controller, { statusCode: status, headers }, pass)
  }

  onResponseData(controller: DispatchController, chunk: Uint8Array): void {
    if (this.#isDropped) this.#countDrained(controller, chunk)
    else if (this.#held === undefined) this.#handler.onResponseData?.(controller, chunk)
    else this.#held.push(() => this.#handler.onResponseData?.(controller, chunk))
  }

  onResponseEnd(controller: DispatchController, trailers: AnswerHeaders): void {
    if (this.#isDropped || this.#held !== undefined)
      this.#end(() => this.#handler.onResponseEnd?.(controller, trailers))
    else this.#handler.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: DispatchController | null, error: Error): void {
    const pass = () => this.#handler.onResponseError?.(controller, error)
    const answer = answerIn(error)
    if (answer === undefined || controller === null || this.#held !== undefined || this.#isDropped) this.#end(pass)
    else {
      this.#isOver = true
      this.#settle(controller, answer, pass)
    }
  }

  /** Passes the answer on, or sends the request again in its place. */
  #settle(controller: DispatchController, answer: UndiciAnswer, pass: () => void): void {
    const isFromReceiver = cameFromReceiver(this.#context)
    if (isFromReceiver && this.#request.isNonceWanted(this.#token, answer)) {
      if (this.#request.mayReplay('nonce')) this.#replay(controller, this.#token, 'nonce')
      else pass()
      return
    }
    const isRejected = isFromReceiver && this.#request.isRejected(this.#token, answer)
    const mayReplay = isRejected && this.#request.mayReplay('token')
    const another = mayReplay ? tokenAtHand(this.#source) : this.#token
    if (another === undefined) this.#hold(controller, pass)
    else if (isSameToken(another, this.#token)) pass()
    else this.#replay(controller, another, 'token')
  }

  #hold(controller: DispatchController, pass: () => void): void {
    this.#held = [pass]
    if (!this.#isOver) controller.pause()
    waitForToken(this.#source, this.#handler, {
      onToken: (token) => {
        if (isSameToken(token, this.#token)) this.#release(controller)
        else this.#replay(controller, token, 'token')
      },
      // No token is no reason to keep the API's answer from the caller; the next request will say why there is none.
      onFailure: () => this.#release(controller),
      onAbort: (reason, waiting) => {
        this.#isDropped = true
        controller.abort(reason)
        this.#handler.onResponseError?.(waiting, reason)
      },
    })
  }

  #replay(controller: DispatchController, token: AccessToken, reason: ReplayReason): void {
    this.#isDropped = true
    this.#held = undefined
    if (!this.#isOver) {
      const timer = setTimeout(() => controller.abort(notWanted()), MOST_DRAINED_MS).unref()
      this.#drain = { bytes: 0, timer }
      controller.resume()
    }
    this.#request.replay(token, reason)
  }

  #release(controller: DispatchController): void {
    this.#handler.onRequestStart?.(controller, this.#context)
    // What arrives at once queues up behind what is held already.
    if (!this.#isOver) controller.resume()
    const held = this.#held ?? []
    for (let pass = held.shift(); pass !== undefined; pass = held.shift()) pass()
    this.#held = undefined
  }

  #end(pass: () => void): void {
    this.#isOver = true
    clearTimeout(this.#drain?.timer)
    if (this.#isDropped) return
    if (this.#held !== undefined) this.#held.push(pass)
    else pass()
  }

  #countDrained(controller: DispatchController, chunk: Uint8Array): void {
    if (this.#drain === undefined) return
    this.#drain.bytes += chunk.length
    if (this.#drain.bytes > MOST_DRAINED_BYTES) controller.abort(notWanted())
  }
}

const isSameToken = (one: AccessToken, other: AccessToken): boolean =>
  AccessToken.authorizationOf(one) === AccessToken.authorizationOf(other)

/** The URLs that a redirect interceptor between us and the server has visited. */
function visited(context: unknown): readonly URL[] | undefined {
  const history: unknown = (context as { history?: unknown } | null | undefined)?.history
  return Array.isArray(history) ? history : undefined
}

// After a redirect to another origin the answer comes from a server that never saw the token.
function cameFromReceiver(context: unknown): boolean {
  const urls = visited(context) ?? []
  return urls.every((url) => url.origin === urls[0]?.origin)
}

/** The answer that the interceptor `responseError` has made an error of. */
function answerIn(error: Error): UndiciAnswer | undefined {
  const { code, statusCode, headers } = error as Error & Partial<Record<'code' | 'statusCode' | 'headers', unknown>>
  if (code !== 'UND_ERR_RESPONSE' || typeof statusCode !== 'number') return undefined
  return { statusCode, headers: (headers ?? {}) as AnswerHeaders }
}

function notWanted(): Error {
  return new Error('The rest of an answer that rejects a token is not read.')
}

function redirectRefused(client: string): TokenError {
  return new TokenError({
    code: 'origin_refused',
    message: 'The redirect was not followed: the token would go along in headers that undici does not take off.',
    client,
    hint: 'Put the redirect interceptor after the one with the token: `compose(tokenInterceptor(…), redirect(…))`.',
  })
}
