import type { AccessToken } from '../access-token.ts'
import type { TokenSource } from '../token-source.ts'
import type { DispatchController, DispatchHandler } from './undici-dispatch.ts'

/** The token if it can be used without waiting; starts a refresh that is due. By one look at the clocks. */
export function tokenAtHand(source: TokenSource): AccessToken | undefined {
  const state = source.state()
  if (state === 'refresh due') source.refreshInBackground()
  const token = state === 'fresh' || state === 'refresh due' ? source.current() : undefined
  if (token !== undefined) source.used(token)
  return token
}

/** What becomes of a wait for a token: one of these, once. */
export interface WaitOutcome {
  onToken(token: AccessToken): void
  /** No token can be had. */
  onFailure(error: Error, controller: DispatchController): void
  /** The handler gave up the request. */
  onAbort(reason: Error, controller: DispatchController): void
}

/**
 * Waits for a request's token, as long as its handler wants: it is told that the request has started, and may abort it
 * like any other.
 */
export function waitForToken(source: TokenSource, handler: DispatchHandler, outcome: WaitOutcome): void {
  const ending = new AbortController()
  const controller = new WaitingController((reason) => {
    ending.abort()
    outcome.onAbort(reason, controller)
  })
  const onFailure = (error: Error) => {
    if (!controller.aborted) outcome.onFailure(error, controller)
  }
  try {
    handler.onRequestStart?.(controller, null)
    const found = Promise.resolve(source.tokenOrPromise({ signal: ending.signal }))
    void found.then((token) => {
      if (!controller.aborted) outcome.onToken(token)
    }, onFailure)
  } catch (error) {
    onFailure(error as Error)
  }
}

/** Stands for the controller of a request that is not sent yet. */
class WaitingController implements DispatchController {
  readonly #onAbort: (reason: Error) => void
  #reason: Error | null = null
  #paused = false
  /** There are none. */
  readonly rawHeaders: null = null
  /** There are none. */
  readonly rawTrailers: null = null

  constructor(onAbort: (reason: Error) => void) {
    this.#onAbort = onAbort
  }

  get aborted(): boolean {
    return this.#reason !== null
  }

  get paused(): boolean {
    return this.#paused
  }

  get reason(): Error | null {
    return this.#reason
  }

  abort(reason?: Error): void {
    if (this.#reason !== null) return
    this.#reason = reason ?? abortError()
    this.#onAbort(this.#reason)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }
}

// undici's, which is not loaded here, so that its class is not at hand.
function abortError(): Error {
  const error = new Error('Request aborted')
  error.name = 'AbortError'
  return Object.assign(error, { code: 'UND_ERR_ABORTED' })
}
