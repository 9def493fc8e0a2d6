/** What stands for every client beyond those that are told apart. */
export const OTHER = '_OTHER'

/**
 * Keeps the number of time series bounded: the clients that come first are told apart, and all others are one. Tenants
 * that are known only at run time have no number that they could not exceed.
 */
export class ClientNames {
  readonly #most: number
  readonly #known = new Set<string>()

  constructor(most: number) {
    this.#most = most
  }

  /** The name under which measurements of a client are kept. */
  of(client: string): string {
    if (this.#known.has(client)) return client
    if (this.#known.size >= this.#most) return OTHER
    this.#known.add(client)
    return client
  }
}
