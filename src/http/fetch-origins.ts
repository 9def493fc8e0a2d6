import { TokenError } from '../errors.ts'
import type { TokenSource } from '../token-source.ts'
import { ListedOrigins } from './listed-origins.ts'

/** Decides which URLs the tokens of one fetch may go to. */
export class FetchOrigins {
  readonly #listed: ListedOrigins
  // The origin found to be allowed last. With the slash after it, nothing that begins so is anywhere else.
  #known = ''
  #prefix: string | undefined
  #isSecure = false

  /** @throws TypeError naming the option `origins` */
  constructor(origins: readonly string[] | undefined, onOtherOrigin: 'refuse' | 'omit') {
    this.#listed = new ListedOrigins(origins, onOtherOrigin)
  }

  /**
   * The URL's origin if it may receive the token; `undefined` if the request is to go out without.
   * @throws TokenError `origin_refused`, `insecure_url`
   */
  receiver(href: string, source: TokenSource): string | undefined {
    const { allowInsecureLoopback } = source.settings()
    if (this.#prefix !== undefined && href.startsWith(this.#prefix)) {
      if (allowInsecureLoopback || this.#isSecure) return this.#known
    }
    const origin = this.#listed.receiver(parse(href), allowInsecureLoopback)
    if (origin === undefined) return undefined
    this.#known = origin
    this.#prefix = `${origin}/`
    this.#isSecure = origin.startsWith('https:')
    return origin
  }
}

function parse(href: string): URL {
  if (URL.canParse(href)) return new URL(href)
  throw new TokenError({
    code: 'origin_refused',
    message: 'The request was not sent: its URL is not absolute, so it is unknown where the token would go.',
    hint: 'Write the whole URL, such as https://api.example.com/orders.',
  })
}
