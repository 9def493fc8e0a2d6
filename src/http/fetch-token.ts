import { optionError } from '../errors.ts'
import type { TokenManager, TokenSelection } from '../token-manager.ts'
import { TokenSource } from '../token-source.ts'

/** Which token each request of one fetch carries. */
export class FetchToken {
  readonly #manager: TokenManager<string>
  readonly #byDefault: TokenSelection
  #source: TokenSource | undefined

  /** @throws TypeError naming a wrong option; TokenError `unknown_client` */
  constructor(manager: TokenManager<string>, byDefault: TokenSelection) {
    this.#manager = manager
    this.#byDefault = byDefault
    if (byDefault.client !== undefined || manager.hasDefaultClient()) this.#source = this.#defaultSource()
  }

  /** The source for what a request's `token` says. @throws TypeError if that is wrong; TokenError `unknown_client` */
  sourceFor(wanted: unknown): TokenSource {
    if (wanted instanceof TokenSource) return wanted
    if (wanted === undefined) {
      this.#source ??= this.#defaultSource()
      return this.#source
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
  #defaultSource(): TokenSource {
    return this.#manager.source(this.#byDefault as TokenSelection & { client: string })
  }
}
