import { optionError } from '../errors.ts'
import { type AllowedOrigins, originOf, parseAllowedOrigins } from './origins.ts'

/** The origins that an HTTP client without a base URL of its own may send its tokens to: those that are listed. */
export class ListedOrigins {
  readonly #allowed: AllowedOrigins
  readonly #onOtherOrigin: 'refuse' | 'omit'

  /** @throws TypeError naming the option `origins` */
  constructor(origins: readonly string[] | undefined, onOtherOrigin: 'refuse' | 'omit') {
    if (origins === undefined || (Array.isArray(origins) && origins.length === 0)) {
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
  receiver(url: URL, allowInsecureLoopback: boolean): string | undefined {
    if (this.#allowed.check(url) === 'allowed') return originOf(url.href, allowInsecureLoopback)
    if (this.#onOtherOrigin === 'omit') return undefined
    throw this.#allowed.refusal(url)
  }
}
