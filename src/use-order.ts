/**
 * What can have a place in one {@link UseOrder}. It knows its neighbours itself: in a list apart each would cost an object,
 * and in a `Map` each use would leave a gap that has to be cleared away.
 */
export class Ordered {
  // biome-ignore lint/style/useReadonlyClassProperties: its neighbours write to it.
  #older: Ordered = this
  // biome-ignore lint/style/useReadonlyClassProperties: its neighbours write to it.
  #newer: Ordered = this

  /** @internal Puts it in front of another, which it is then older than. */
  static placeBefore(newer: Ordered, value: Ordered): void {
    if (newer.#older === value) return
    Ordered.takeOut(value)
    const older = newer.#older
    value.#older = older
    value.#newer = newer
    older.#newer = value
    newer.#older = value
  }

  /** @internal */
  static takeOut(value: Ordered): void {
    value.#older.#newer = value.#newer
    value.#newer.#older = value.#older
    value.#older = value
    value.#newer = value
  }

  /** @internal The next newer one; itself, if it has no neighbours. */
  static newerThan(value: Ordered): Ordered {
    return value.#newer
  }
}

/** Values in the order in which they were last used. Each has a place in one such order at most. */
export class UseOrder<Value extends Ordered> {
  // Older than the oldest and newer than the newest, so that no place is a special one.
  readonly #end: Ordered = new Ordered()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The one that has not been used for longest. */
  get oldest(): Value | undefined {
    return this.#size === 0 ? undefined : (Ordered.newerThan(this.#end) as Value)
  }

  /** Whether it has a place. */
  has(value: Value): boolean {
    return Ordered.newerThan(value) !== value
  }

  /** Makes it the newest, whether or not it had a place. */
  use(value: Value): void {
    if (!this.has(value)) this.#size += 1
    Ordered.placeBefore(this.#end, value)
  }

  /** Takes its place away, if it has one. */
  remove(value: Value): void {
    if (!this.has(value)) return
    Ordered.takeOut(value)
    this.#size -= 1
  }
}
