import { optionError } from '../errors.ts'
import type { TokenManager, TokenSelection } from '../token-manager.ts'
import { TokenSource } from '../token-source.ts'

/** Which token each request of one HTTP client carries. */
export class RequestedToken {
  readonly #manager: TokenManager<string>
  readonly #byDefault: TokenSelection
  #source: TokenSource | undefined

  /** @throws TypeError naming a wrong option; TokenError `unknown_client` */
  constructor(manager: TokenManager<string>, byDefault: TokenSelection) {
    this.#manager = manager
    this.#byDefault = byDefault
    if (byDefault.client !== undefined || manager.hasDefaultClient()) this.#source = this.#sourceByDefault()
  }

  /** The source of requests that do not say, without asking for it: its client may have been removed since. */
  get held(): TokenSource | undefined {
    return this.#source
  }

  /** The source for what a request's `token` says. @throws TypeError if that is wrong; TokenError `unknown_client` */
  sourceFor(wanted: unknown): TokenSource {
    if (wanted instanceof TokenSource) return wanted
    if (wanted === undefined) {
      // One without a token to use is asked for anew: its client may have been removed, and configured again.
      if (this.#source?.peek() === undefined) this.#source = this.#sourceByDefault()
      return this.#source as TokenSource
    }
    if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) {
      throw optionError('token', 'must be an object of token parameters, a handle on a token, or false')
    }
    const { client } = wanted as TokenSelection
    const { client: named } = this.#byDefault
    const isOtherClient = client !== undefined && named !== undefined && client !== named
    return this.#manager.sourceOf(isOtherClient ? wanted : { ...this.#byDefault, ...wanted })
  }

  // Held, so that it stays the one source of its key.
  #sourceByDefault(): TokenSource {
    return this.#manager.source(this.#byDefault as TokenSelection & { client: string })
  }
}
