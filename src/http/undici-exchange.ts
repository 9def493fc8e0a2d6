import type { AccessToken } from '../access-token.ts'
import type { TokenEventEmitter } from '../events.ts'
import type { TokenSource } from '../token-source.ts'
import { tokenVerdict } from './challenge.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'
import { isNonceWanted, tokenHeaderNames, tokenHeaders } from './token-headers.ts'
import type { Dispatch, DispatchController, DispatchHandler, DispatchOptions, UndiciAnswer } from './undici-dispatch.ts'
import { type CallerHeaders, ownValue, withOurs } from './undici-headers.ts'
import { type ReplayableRequest, type ReplayReason, Sending } from './undici-sending.ts'
import { tokenAtHand, waitForToken } from './undici-wait.ts'

/** What all requests of an interceptor have in common. */
export interface ExchangeRules {
  readonly dispatch: Dispatch
  readonly replay: ReplayMode
  readonly isTokenRejected: ((answer: UndiciAnswer) => boolean) | undefined
  readonly events: TokenEventEmitter
}

/** A request that may carry a token. */
export interface ApprovedRequest {
  readonly options: DispatchOptions
  readonly headers: CallerHeaders
  readonly handler: DispatchHandler
  readonly source: TokenSource
  /** The origin that may receive the token. */
  readonly origin: string
}

/** One request on its way: waits for its token, is sent, and once more if that token is rejected, or for a nonce. */
export class Exchange implements ReplayableRequest {
  readonly #rules: ExchangeRules
  readonly #request: ApprovedRequest
  readonly #sentAgainFor: ReplayReason[] = []

  constructor(rules: ExchangeRules, request: ApprovedRequest) {
    this.#rules = rules
    this.#request = request
  }

  /** Sends the request, at once if the token is at hand; gives what a dispatcher's `dispatch` gives. */
  start(): boolean {
    const { source, handler } = this.#request
    const token = tokenAtHand(source)
    if (token !== undefined) return this.#send(token)
    const fail = (error: Error, controller: DispatchController) => handler.onResponseError?.(controller, error)
    waitForToken(source, handler, {
      onToken: (token) => this.#sendLater(token),
      onFailure: fail,
      onAbort: fail,
    })
    return true
  }

  // In a turn in which nobody would catch what a dispatcher throws.
  #sendLater(token: AccessToken): void {
    try {
      this.#send(token)
    } catch (error) {
      this.#request.handler.onResponseError?.(null, error as Error)
    }
  }

  /** Takes the nonce from an answer; tells whether the API refuses the request for want of it. */
  isNonceWanted(token: AccessToken, { statusCode: status, headers }: UndiciAnswer): boolean {
    const { source } = this.#request
    if (source.settings().dpop === undefined) return false
    return isNonceWanted({ source, token, url: this.#url() }, { status, header: (name) => headers[name] })
  }

  /** Whether an answer says that the token is not accepted; its source knows then. */
  isRejected(token: AccessToken, answer: UndiciAnswer): boolean {
    const { isTokenRejected } = this.#rules
    const { statusCode, headers } = answer
    const isRejected =
      (statusCode === 401 && tokenVerdict(headers['www-authenticate']) === 'rejected') ||
      isTokenRejected?.(answer) === true
    if (isRejected) this.#request.source.invalidate(token)
    return isRejected
  }

  /** Whether the request may be sent once more. */
  mayReplay(reason: ReplayReason): boolean {
    const { method, body } = this.#request.options
    if (this.#sentAgainFor.includes(reason) || !mayReplay(this.#rules.replay, String(method))) return false
    return canSendTwice(body)
  }

  /** Sends the request once more, with this token. */
  replay(token: AccessToken, reason: ReplayReason): void {
    const { source, origin } = this.#request
    this.#sentAgainFor.push(reason)
    if (reason === 'token') this.#rules.events.emit('requestReplayed', () => ({ client: source.client, origin }))
    this.#sendLater(token)
  }

  #send(token: AccessToken): boolean {
    const { options, headers, handler, source } = this.#request
    const names = tokenHeaderNames(token)
    if (ownValue(headers, names[0] ?? '') !== undefined) {
      tellKept(this.#rules.events, source.client, this.#request.origin)
      return this.#rules.dispatch(options, handler)
    }
    const ours = tokenHeaders({ source, token, method: String(options.method), url: this.#url() })
    const sent = { ...options, headers: withOurs(headers, ours, names) }
    return this.#rules.dispatch(sent, new Sending(this, source, token, handler))
  }

  // A path has a slash in front, and is sent as it is.
  #url(): string {
    return `${this.#request.origin}${this.#request.options.path}`
  }
}

/** Tells that a request went out with a header of the caller's own. */
export function tellKept(events: TokenEventEmitter, client: string | undefined, origin: string): void {
  events.emit('authorizationKept', () => ({ client, origin }))
}
