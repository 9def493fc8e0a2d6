/** A refresh that may have to wait for its turn in a {@link RefreshLine}. */
export interface DueRefresh {
  /** Milliseconds until it is due: 0 for now. */
  dueInMs(): number | undefined
  /** Begins it. @returns what settles when it has ended; `undefined` if it did not begin */
  refreshInBackground(): { readonly promise: Promise<unknown> } | undefined
}

/**
 * The refreshes of one client's tokens that nobody waits for, in the order in which they came. Few are under way at once,
 * so that callers never find the way full of them; nor do callers, however many, take the way from these.
 */
export class RefreshLine {
  readonly #most: number
  readonly #line = new Set<DueRefresh>()
  // Kept from turn to turn: a new one would pass by the places of all that have left. What it has given leaves the line, so
  // that everything in the line is before it.
  readonly #turns = this.#line.values()
  #underWay = 0

  /** @param most how many may be under way at once */
  constructor(most: number) {
    this.#most = most
  }

  /** Puts a refresh at the end of the line, unless it is in it, and begins the next if there is room. */
  add(refresh: DueRefresh): void {
    this.#line.add(refresh)
    this.#beginNext()
  }

  // One that has ended makes room for one: more at once would block the loop.
  #beginNext(): void {
    if (this.#underWay >= this.#most || this.#line.size === 0) return
    const refresh = this.#turns.next().value as DueRefresh
    this.#line.delete(refresh)
    // It may have waited for long.
    const begun = refresh.dueInMs() === 0 ? refresh.refreshInBackground() : undefined
    if (begun === undefined) return
    this.#underWay += 1
    const onEnd = () => {
      this.#underWay -= 1
      this.#beginNext()
    }
    begun.promise.then(onEnd, onEnd)
  }
}
