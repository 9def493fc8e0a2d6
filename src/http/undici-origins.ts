import { TokenError } from '../errors.ts'
import type { TokenSource } from '../token-source.ts'
import { ListedOrigins } from './listed-origins.ts'
import type { DispatchOptions } from './undici-dispatch.ts'

/** Decides which of a dispatcher's requests may carry the token. */
export class UndiciOrigins {
  readonly #listed: ListedOrigins
  // The last origin that was found to be allowed, as it was given.
  #known: string | undefined
  #receiver = ''
  #isSecure = false

  /** @throws TypeError naming the option `origins` */
  constructor(origins: readonly string[] | undefined, onOtherOrigin: 'refuse' | 'omit') {
    this.#listed = new ListedOrigins(origins, onOtherOrigin)
  }

  /**
   * The request's origin if it may receive the token; `undefined` if the request is to go out without.
   * @param only the one origin that the dispatcher connects to, whatever the request says; if that is known
   * @throws TokenError `origin_refused`, `insecure_url`
   */
  receiver({ origin, path }: DispatchOptions, only: string | undefined, source: TokenSource): string | undefined {
    // undici sends an absolute URL to the origin as it is; a gateway there may pass it on to the host in it.
    if (typeof path !== 'string' || path[0] !== '/') throw noPath()
    const receiver = this.#find(origin ?? only, source)
    if (receiver !== undefined && only !== undefined && receiver !== only) throw otherDispatcher(receiver, only)
    return receiver
  }

  #find(given: unknown, source: TokenSource): string | undefined {
    const { allowInsecureLoopback } = source.settings()
    if (this.#known !== undefined && given === this.#known) {
      if (allowInsecureLoopback || this.#isSecure) return this.#receiver
    }
    const text = String(given ?? '')
    if (!URL.canParse(text)) throw noOrigin()
    const origin = this.#listed.receiver(new URL(text), allowInsecureLoopback)
    if (origin === undefined) return undefined
    this.#receiver = origin
    this.#isSecure = origin.startsWith('https:')
    this.#known = text
    return origin
  }
}

function noOrigin(): TokenError {
  return new TokenError({
    code: 'origin_refused',
    message:
      'The request was not sent: it does not say to which origin it goes, so it is unknown where the token would go.',
    hint: "Give the request an `origin`, such as 'https://api.example.com'. A Pool or Client of undici 7 needs it too.",
  })
}

function noPath(): TokenError {
  return new TokenError({
    code: 'origin_refused',
    message: 'The request was not sent: its `path` does not start with a slash.',
    hint: "Give what comes after the origin as `path`, such as '/orders'.",
  })
}

function otherDispatcher(receiver: string, only: string): TokenError {
  return new TokenError({
    code: 'origin_refused',
    message: `The request to ${receiver} was not sent: the dispatcher that it was given to connects to ${only} only.`,
    hint: 'Send it by an Agent, which connects to the `origin` of each request.',
  })
}
