import { optionError, TokenError } from '../errors.ts'
import type { TokenSource } from '../token-source.ts'
import { type AllowedOrigins, originOf, parseAllowedOrigins } from './origins.ts'

/** Decides which URLs the tokens of one fetch may go to. */
export class FetchOrigins {
  readonly #allowed: AllowedOrigins
  readonly #onOtherOrigin: 'refuse' | 'omit'
  // The origin found to be allowed last. With the slash after it, nothing that begins so is anywhere else.
  #known = ''
  #prefix: string | undefined

  /** @throws TypeError naming the option `origins` */
  constructor(origins: readonly string[] | undefined, onOtherOrigin: 'refuse' | 'omit') {
    if (origins === undefined || origins.length === 0) {
      throw optionError('origins', 'must be given', "Say which may get the token: ['https://api.example.com'].")
    }
    // Whether http to this machine is allowed is the client's setting, and looked at for every request.
    this.#allowed = parseAllowedOrigins(origins, 'origins', true)
    this.#onOtherOrigin = onOtherOrigin
  }

  /**
   * The URL's origin if it may receive the token; `undefined` if the request is to go out without.
   * @throws TokenError `origin_refused`, `insecure_url`
   */
  receiver(href: string, source: TokenSource): string | undefined {
    const { allowInsecureLoopback } = source.settings()
    if (this.#prefix !== undefined && href.startsWith(this.#prefix)) {
      if (allowInsecureLoopback || href.startsWith('https:')) return this.#known
    }
    const url = parse(href)
    if (this.#allowed.check(url) === 'allowed') {
      this.#known = originOf(href, allowInsecureLoopback)
      this.#prefix = `${this.#known}/`
      return this.#known
    }
    if (this.#onOtherOrigin === 'omit') return undefined
    throw this.#allowed.refusal(url)
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
