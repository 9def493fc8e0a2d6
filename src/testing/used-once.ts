/** Remembers what must not come twice, for as long as it would be accepted. */
export class UsedOnce {
  readonly #until = new Map<string, number>()

  /** Whether this is the first time; `until` and `now` are wall-clock time, epoch milliseconds. */
  isFirst(id: string, until: number, now: number): boolean {
    // Oldest first, and all are accepted for about as long: what is over is at the front.
    for (const [old, end] of this.#until) {
      if (end > now) break
      this.#until.delete(old)
    }
    if ((this.#until.get(id) ?? 0) > now) return false
    this.#until.set(id, until)
    return true
  }
}
