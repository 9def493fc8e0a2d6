// More than a process talks to; one that is forgotten costs a round trip.
const MOST_ORIGINS = 1000

// RFC 9449 §8.1: NQCHAR. Nothing in it needs escaping in JSON, and servers that put state into a nonce fit into this.
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/

/** The newest nonce of each origin, of the 1,000 that last gave one. @see RFC 9449 §8 and §9 */
export class DpopNonces {
  readonly #byOrigin = new Map<string, string>()

  /** The nonce for the next proof. */
  of(origin: string): string | undefined {
    return this.#byOrigin.get(origin)
  }

  /**
   * Takes the value of a `DPoP-Nonce` header, unless it is none.
   * @returns whether it was taken
   */
  note(origin: string, value: string): boolean {
    if (!NONCE.test(value)) return false
    // In the order in which they came, so that the first is the one that has not changed for longest.
    this.#byOrigin.delete(origin)
    this.#byOrigin.set(origin, value)
    if (this.#byOrigin.size > MOST_ORIGINS) this.#byOrigin.delete(this.#byOrigin.keys().next().value ?? '')
    return true
  }
}
