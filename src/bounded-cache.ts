import { LRUCache } from 'lru-cache'

/** What can be kept: it says whether it must not be lost at the moment. */
export interface Cacheable {
  /** True while a request runs or a failure is remembered. */
  busy(): boolean
}

/**
 * One value per key, always; the least recently used go when there are more than `max`.
 *
 * Never one that is pinned, held by somebody as a handle, or busy: a second value for a key would be a second request.
 */
export class BoundedCache<Value extends Cacheable> {
  readonly #max: number
  // Made when it is needed: it takes memory for `max` values at once, and most managers have configured clients only.
  #recent: LRUCache<string, Value> | undefined
  readonly #pinned = new Map<string, Value>()
  readonly #busy = new Map<string, Value>()
  // Handles are kept findable for as long as somebody has them, and no longer.
  readonly #held = new Map<string, WeakRef<Value>>()
  readonly #dropped = new FinalizationRegistry<string>((key) => {
    if (this.#held.get(key)?.deref() === undefined) this.#held.delete(key)
  })

  constructor(max: number) {
    this.#max = max
  }

  /** The value of this key, if there is one. */
  get(key: string): Value | undefined {
    return this.#pinned.get(key) ?? this.#recent?.get(key) ?? this.#busy.get(key) ?? this.#held.get(key)?.deref()
  }

  /** The value of this key, made if there is none. */
  getOrCreate(key: string, create: () => Value): Value {
    const known = this.#pinned.get(key) ?? this.#recent?.get(key)
    if (known !== undefined) return known
    const value = this.#busy.get(key) ?? this.#held.get(key)?.deref() ?? create()
    this.#busy.delete(key)
    this.#keepRecent(key, value)
    return value
  }

  /** Keeps a value until it is deleted. */
  pin(key: string, value: Value): void {
    this.#pinned.set(key, value)
    this.#recent?.delete(key)
    this.#busy.delete(key)
  }

  /** Keeps a value findable for as long as somebody holds it. */
  hold(key: string, value: Value): void {
    // A reference may have lost its value and still be there.
    if (this.#pinned.has(key) || this.#held.get(key)?.deref() !== undefined) return
    this.#held.set(key, new WeakRef(value))
    this.#dropped.register(value, key)
  }

  /** Forgets the values of which this is true, and returns them. */
  deleteWhere(matches: (value: Value) => boolean): Set<Value> {
    const deleted = new Set<Value>()
    for (const [key, value] of this.#entries()) {
      if (!matches(value)) continue
      this.#pinned.delete(key)
      this.#recent?.delete(key)
      this.#busy.delete(key)
      this.#held.delete(key)
      deleted.add(value)
    }
    return deleted
  }

  /** The values that somebody means to keep: pinned, or held. */
  lasting(): Set<Value> {
    return new Set([...this.#pinned.values(), ...this.#heldEntries().map(([, value]) => value)])
  }

  /** All values there are, each once. */
  values(): Set<Value> {
    return new Set(this.#entries().map(([, value]) => value))
  }

  #entries(): [string, Value][] {
    return [...this.#pinned, ...(this.#recent?.entries() ?? []), ...this.#busy, ...this.#heldEntries()]
  }

  #heldEntries(): [string, Value][] {
    return [...this.#held].flatMap(([key, ref]): [string, Value][] => {
      const value = ref.deref()
      return value === undefined ? [] : [[key, value]]
    })
  }

  #keepRecent(key: string, value: Value): void {
    this.#recent ??= new LRUCache({
      max: this.#max,
      dispose: (evicted, evictedKey, why) => {
        if (why === 'evict') this.#keepWhileBusy(evictedKey, evicted)
      },
    })
    this.#recent.set(key, value)
  }

  // Each eviction looks at the two oldest, so that those no longer busy go without a timer or a search.
  #keepWhileBusy(key: string, value: Value): void {
    if (value.busy()) this.#busy.set(key, value)
    let looks = 2
    for (const [oldKey, old] of this.#busy) {
      if (looks === 0) break
      looks -= 1
      this.#busy.delete(oldKey)
      if (old.busy()) this.#busy.set(oldKey, old)
    }
  }
}
