/** A refresh that may have to wait for its turn in a {@link RefreshLine}. */
export interface DueRefresh {
  /** Milliseconds until it is due: 0 for now. */
  dueInMs(): number | undefined
  /** Begins it. */
  refreshInBackground(): void
}

/**
 * The refreshes of one client's tokens that nobody waits for, in the order in which they came. They begin one by one while
 * few requests are under way, so that callers never find the way full of them.
 */
export class RefreshLine {
  readonly #most: number
  readonly #line = new Set<DueRefresh>()
  // Kept from turn to turn: a new one would pass by the places of all that have left. What it has given leaves the line, so
  // that everything in the line is before it.
  readonly #turns = this.#line.values()
  #underWay = 0

  /** @param most requests under way, of any kind, beside which no refresh begins */
  constructor(most: number) {
    this.#most = most
  }

  /** How many requests are under way. */
  get underWay(): number {
    return this.#underWay
  }

  /** Puts a refresh at the end of the line, unless it is in it, and begins the next if there is room. */
  add(refresh: DueRefresh): void {
    this.#line.add(refresh)
    this.#beginNext()
  }

  /** A request begins. */
  enter(): void {
    this.#underWay += 1
  }

  /** A request has ended, and makes room for one refresh: more at once would block the loop. */
  leave(): void {
    this.#underWay -= 1
    this.#beginNext()
  }

  #beginNext(): void {
    if (this.#underWay >= this.#most || this.#line.size === 0) return
    const refresh = this.#turns.next().value as DueRefresh
    this.#line.delete(refresh)
    // It may have waited for long.
    if (refresh.dueInMs() === 0) refresh.refreshInBackground()
  }
}
