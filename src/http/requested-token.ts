import { AccessToken } from '../access-token.ts'
import { optionError } from '../errors.ts'
import { isEmptyInstance } from '../option-values.ts'
import type { TokenManager, TokenSelection } from '../token-manager.ts'
import { TokenSource } from '../token-source.ts'

/** Whether this is a manager, of whichever copy of evertoken. */
export function isManager(given: unknown): boolean {
  return typeof (given as Partial<TokenManager> | null | undefined)?.hasDefaultClient === 'function'
}

/** @param next what was given after it @throws TypeError for something that is no manager */
export function checkManager(given: unknown, next: unknown): void {
  if (!isManager(given)) throw optionError('manager', 'must be a TokenManager', hintFor(given, next))
}

function hintFor(given: unknown, next: unknown): string {
  if (isManager(next)) return 'It comes before the options.'
  if (given instanceof TokenSource) return 'Give the handle as `token` of a request.'
  if (given instanceof Promise) return 'This is a promise: await it.'
  return 'Make one of your options: `new TokenManager({ … })`.'
}

/** What the options of a request say about its token: their own only, because a prototype may be polluted. */
export function ownToken<Wanted>(options: { readonly token?: Wanted }): Wanted | undefined {
  return Object.hasOwn(options, 'token') ? options.token : undefined
}

/** The options of a request without what they say about its token: themselves, or else a copy. */
export function withoutToken<Options extends { readonly token?: unknown }>(options: Options): Omit<Options, 'token'> {
  if (!Object.hasOwn(options, 'token')) return options
  const { token: _, ...others } = options
  return others
}

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
      // One without a token is asked for anew: its client may have been removed, and configured again.
      if (this.#source?.current() === undefined) this.#source = this.#sourceByDefault()
      return this.#source as TokenSource
    }
    const isSelection = typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted)
    if (!isSelection || wanted instanceof AccessToken || isEmptyInstance(wanted)) {
      const what = 'must be an object of token parameters, a handle on a token, or false'
      throw optionError('token', what, "Such as { scope: 'orders.write' }; evertoken gets the token itself.")
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
