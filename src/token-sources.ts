import { BoundedCache } from './bounded-cache.ts'
import type { TokenParameters } from './token-key.ts'
import type { TokenSource } from './token-source.ts'

/**
 * The sources of a manager: one per key, always. Those on behalf of users have room of their own, so that no number of
 * users takes away that of the service's tokens.
 */
export class TokenSources {
  readonly #own: BoundedCache<TokenSource>
  readonly #exchanged: BoundedCache<TokenSource>

  constructor(max: number, maxExchanged: number) {
    this.#own = new BoundedCache(max)
    this.#exchanged = new BoundedCache(maxExchanged)
  }

  /** The source for this key, made if there is none. */
  getOrCreate(key: string, wanted: TokenParameters, create: () => TokenSource): TokenSource {
    return this.#cacheFor(wanted).getOrCreate(key, create)
  }

  /** Keeps a source of the service's own until it is deleted. */
  pin(source: TokenSource): void {
    this.#own.pin(source)
  }

  /** Keeps a source findable for as long as somebody holds it. */
  hold(source: TokenSource): void {
    this.#cacheFor(source.parameters()).hold(source)
  }

  /** Forgets the sources of one client, and returns them. */
  deleteOf(client: string): TokenSource[] {
    return [this.#own, this.#exchanged].flatMap((cache) => [...cache.deleteWhere((source) => source.client === client)])
  }

  /** The service's own that somebody means to keep: pinned, or held. */
  lasting(): Set<TokenSource> {
    return this.#own.lasting()
  }

  /** All there are, each once. */
  values(): TokenSource[] {
    return [...this.#own.values(), ...this.#exchanged.values()]
  }

  #cacheFor({ subject }: TokenParameters): BoundedCache<TokenSource> {
    return subject === undefined ? this.#own : this.#exchanged
  }
}
