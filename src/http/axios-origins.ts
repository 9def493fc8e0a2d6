import type { AxiosInstance } from 'axios'
import { TokenError } from '../errors.ts'
import type { TokenSource } from '../token-source.ts'
import type { PassageConfig } from './axios-passage.ts'
import { AllowedOrigins, originOf, parseAllowedOrigins, resolveRequestUrls, staysOnBase } from './origins.ts'

/** Decides where the tokens of one axios instance may go. */
export class AxiosOrigins {
  readonly #instance: AxiosInstance
  readonly #listed: AllowedOrigins | undefined
  readonly #onOtherOrigin: 'refuse' | 'omit'
  // The last base URL that was found to be allowed, and while the instance had which.
  #base: string | undefined
  #instanceBase: string | undefined
  #origin = ''

  /** @throws TypeError naming the option `origins` */
  constructor(instance: AxiosInstance, origins: readonly string[] | undefined, onOtherOrigin: 'refuse' | 'omit') {
    this.#instance = instance
    // Whether http to this machine is allowed is the client's setting, and looked at for every request.
    this.#listed = origins && parseAllowedOrigins(origins, 'origins', true)
    this.#onOtherOrigin = onOtherOrigin
  }

  /**
   * The request's origin if it is known without parsing that it may receive the token; `undefined` says only that
   * {@link receiver} has to look. Cheap: compares strings.
   */
  knownReceiver(config: PassageConfig, source: TokenSource): string | undefined {
    if (config.baseURL === undefined || config.baseURL !== this.#base || !staysOnBase(config.url)) return undefined
    if (this.#instance.defaults.baseURL !== this.#instanceBase) return undefined
    if (!this.#origin.startsWith('https:') && !source.settings().allowInsecureLoopback) return undefined
    return this.#origin
  }

  /**
   * The request's origin if it may receive the token; `undefined` if it is to go out without.
   * @throws TokenError `origin_refused`, `insecure_url`
   */
  receiver(config: PassageConfig, source: TokenSource): string | undefined {
    const { allowInsecureLoopback } = source.settings()
    const instanceBase = this.#instance.defaults.baseURL
    const allowed = this.#listed ?? originOfBase(instanceBase, allowInsecureLoopback)
    const urls = resolveRequestUrls(config.baseURL, config.url, config.allowAbsoluteUrls)
    for (const url of urls) {
      if (allowed.check(url) === 'allowed') originOf(url.href, allowInsecureLoopback)
      else if (this.#onOtherOrigin === 'omit') return undefined
      else throw allowed.refusal(url)
    }
    const { origin } = urls[0] as URL
    if (config.baseURL !== undefined && staysOnBase(config.url)) {
      this.#base = config.baseURL
      this.#instanceBase = instanceBase
      this.#origin = origin
    }
    return origin
  }
}

function originOfBase(baseURL: string | undefined, allowInsecureLoopback: boolean): AllowedOrigins {
  if (baseURL) return new AllowedOrigins([originOf(baseURL, allowInsecureLoopback)])
  throw new TokenError({
    code: 'origin_refused',
    message: 'The request was not sent: it is not known which origins may receive the token.',
    hint: "Give the axios instance a `baseURL`, or attach with `origins: ['https://api.example.com']`.",
  })
}
