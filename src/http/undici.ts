import { optionError, TokenError } from '../errors.ts'
import type { TokenManager } from '../token-manager.ts'
import { type ApiRequestOptions, readApiRequestOptions } from './api-request-options.ts'
import { checkManager, ownToken, RequestedToken, withoutToken } from './requested-token.ts'
import type { Dispatch, DispatchHandler, DispatchOptions, UndiciAnswer } from './undici-dispatch.ts'
import { Exchange, type ExchangeRules, tellKept } from './undici-exchange.ts'
import { ownValue, readHeaders } from './undici-headers.ts'
import { UndiciOrigins } from './undici-origins.ts'

export type { AnswerHeaders, TokenDispatchOptions, UndiciAnswer } from './undici-dispatch.ts'

/** Which token requests carry, and where it may go. */
export interface TokenInterceptorOptions<Name extends string = string> extends ApiRequestOptions<Name, UndiciAnswer> {
  /**
   * The origins that may receive the token, such as `https://api.example.com`, or `https://*.example.com` for one label.
   * There is no default.
   */
  readonly origins: readonly string[]
}

/** For `compose()` of a dispatcher of undici, of whichever version. */
export type TokenInterceptor = <Inner extends (options: never, handler: never) => boolean>(
  dispatch: Inner,
  origin?: string | null,
) => Inner

/**
 * Makes an interceptor by which every request of an undici dispatcher carries a valid access token.
 *
 * It sets `Authorization: Bearer …` on requests to the origins listed; when the API answers 401 because of the token,
 * gets another and sends the request once more, unless its body was a stream. A request's own `Authorization` header
 * is left alone, and CONNECT carries none. Aborting a request ends its wait for a token too. Bodies are never buffered.
 * In undici's options of a request, `token` says which token it carries, if another than the interceptor's.
 *
 * In `compose`, `cache` and `deduplicate` belong before it, so that they tell apart what different tokens get;
 * `redirect` and `retry` best after it, so that each hop and attempt is looked at anew. A `redirect` before it follows
 * to other origins without `Authorization`, and not at all where the token goes in other headers.
 *
 * Requests fail with a `TokenError` when no token can be had, or when the token must not go where they go
 * (`origin_refused`, `insecure_url`); they are then not sent. A wrong `token` is a `TypeError`.
 *
 * @throws TypeError naming a wrong option
 * @throws TokenError `unknown_client` if there is no client of that name
 * @see RFC 6750 §2.1
 */
export function tokenInterceptor<Name extends string = never>(
  manager: TokenManager<Name>,
  options: TokenInterceptorOptions<NoInfer<Name>>,
): TokenInterceptor {
  checkManager(manager, options)
  const { byDefault, origins: listed, ...rules } = readApiRequestOptions(options ?? {})
  const { events } = manager
  const origins = new UndiciOrigins(listed, rules.onOtherOrigin)
  const tokens = new RequestedToken(manager as unknown as TokenManager<string>, byDefault)

  return function intercept<Inner extends (options: never, handler: never) => boolean>(
    inner: Inner,
    only?: string | null,
  ): Inner {
    if (typeof inner !== 'function') {
      throw optionError('dispatch', 'must be a function', 'Give the interceptor to `compose()` of a dispatcher.')
    }
    const dispatch = inner as unknown as Dispatch
    const context: ExchangeRules = { ...rules, dispatch, events }
    // Handlers of requests that were led to another origin, by a redirect most likely. What comes back is its doing.
    const mayLeaveOut = rules.onOtherOrigin === 'omit'
    const astray = new WeakSet<DispatchHandler>()

    function dispatchWithToken(given: DispatchOptions, handler: DispatchHandler): boolean {
      const wanted = ownToken(given)
      const options = withoutToken({ ...given })
      const headers = readHeaders(options.headers)
      // What was read goes on: an iterator gives it once.
      if (options.headers && headers !== undefined) Object.assign(options, { headers })
      if (wanted === false || options.method === 'CONNECT' || headers === undefined) {
        return dispatch(options, handler)
      }
      if (mayLeaveOut && astray.has(handler)) return dispatch(options, handler)
      const chosen = wanted === undefined ? tokens.held : tokens.sourceFor(wanted)
      // With a hook, only a token tells in which header it goes.
      const isHeaderKnown = chosen?.settings().hooks.applyToken === undefined
      if (isHeaderKnown && ownValue(headers, 'authorization') !== undefined) {
        tellKept(events, chosen?.client, originIn(options))
        return dispatch(options, handler)
      }
      const source = wanted === undefined || chosen === undefined ? tokens.sourceFor(undefined) : chosen
      const origin = origins.receiver(options, only ?? undefined, source)
      if (origin === undefined) {
        astray.add(handler)
        return dispatch(options, handler)
      }
      const sent = typeof options.origin === 'string' ? options : { ...options, origin }
      return new Exchange(context, sent, headers, handler, source, origin).start()
    }

    // undici counts the parameters.
    return function tokenDispatch(options: DispatchOptions, handler: DispatchHandler): boolean {
      try {
        return dispatchWithToken(options, handler)
      } catch (error) {
        if (!(error instanceof TokenError) || handler.onResponseError === undefined) throw error
        handler.onResponseError(null, error)
        return true
      }
    } as unknown as Inner
  }
}

function originIn({ origin }: DispatchOptions): string {
  const text = String(origin ?? '')
  return URL.canParse(text) ? new URL(text).origin : ''
}
