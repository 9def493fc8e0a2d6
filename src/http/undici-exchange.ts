import type { AccessToken } from '../access-token.ts'
import type { TokenEventEmitter } from '../events.ts'
import type { TokenSource } from '../token-source.ts'
import { tokenVerdict } from './challenge.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'
import { type Header, isNonceWanted, lastingHeaders, tokenHeaderNames, tokenHeaders } from './token-headers.ts'
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

/** One request on its way: waits for its token, is sent, and once more if that token is rejected, or for a nonce. */
export class Exchange implements ReplayableRequest {
  readonly #rules: ExchangeRules
  readonly #options: DispatchOptions
  readonly #headers: CallerHeaders
  readonly #handler: DispatchHandler
  readonly #source: TokenSource
  readonly #origin: string
  #sentAgainFor: readonly ReplayReason[] = NEVER

  /**
   * @param options a copy
   * @param headers those of the options, a copy too
   * @param origin the one that may receive the token
   */
  constructor(
    rules: ExchangeRules,
    options: DispatchOptions,
    headers: CallerHeaders,
    handler: DispatchHandler,
    source: TokenSource,
    origin: string,
  ) {
    this.#rules = rules
    this.#options = options
    this.#headers = headers
    this.#handler = handler
    this.#source = source
    this.#origin = origin
  }

  /** Sends the request, at once if the token is at hand; gives what a dispatcher's `dispatch` gives. */
  start(): boolean {
    const source = this.#source
    const handler = this.#handler
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
      this.#handler.onResponseError?.(null, error as Error)
    }
  }

  /** Whether an answer with this status has to be looked at. */
  isOfConcern(status: number): boolean {
    return status === 401 || this.#rules.isTokenRejected !== undefined || this.#source.settings().dpop !== undefined
  }

  /** Takes the nonce from an answer; tells whether the API refuses the request for want of it. */
  isNonceWanted(token: AccessToken, { statusCode: status, headers }: UndiciAnswer): boolean {
    const source = this.#source
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
    if (isRejected) this.#source.invalidate(token)
    return isRejected
  }

  /** Whether the request may be sent once more. */
  mayReplay(reason: ReplayReason): boolean {
    const { method, body } = this.#options
    if (this.#sentAgainFor.includes(reason) || !mayReplay(this.#rules.replay, String(method))) return false
    return canSendTwice(body)
  }

  /** Sends the request once more, with this token. */
  replay(token: AccessToken, reason: ReplayReason): void {
    const { client } = this.#source
    this.#sentAgainFor = [...this.#sentAgainFor, reason]
    if (reason === 'token') this.#rules.events.emit('requestReplayed', () => ({ client, origin: this.#origin }))
    this.#sendLater(token)
  }

  #send(token: AccessToken): boolean {
    const { dispatch, events } = this.#rules
    const source = this.#source
    const { hooks, dpop } = source.settings()
    const names = tokenHeaderNames(token)
    // Without a hook it was looked for before.
    if (hooks.applyToken !== undefined && ownValue(this.#headers, names[0] ?? '') !== undefined) {
      tellKept(events, source.client, this.#origin)
      return dispatch(this.#options, this.#handler)
    }
    const ours = dpop === undefined ? lastingHeaders(token) : this.#provenHeaders(token)
    const headers = withOurs(this.#headers, ours, names)
    return dispatch({ ...this.#options, headers }, new Sending(this, source, token, this.#handler))
  }

  #provenHeaders(token: AccessToken): readonly Header[] {
    return tokenHeaders({ source: this.#source, token, method: String(this.#options.method), url: this.#url() })
  }

  // A path has a slash in front, and is sent as it is.
  #url(): string {
    return `${this.#origin}${this.#options.path}`
  }
}

const NEVER: readonly ReplayReason[] = []

/** Tells that a request went out with a header of the caller's own. */
export function tellKept(events: TokenEventEmitter, client: string | undefined, origin: string): void {
  events.emit('authorizationKept', () => ({ client, origin }))
}
