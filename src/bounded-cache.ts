import { LRUCache } from 'lru-cache'

/** What can be kept: it knows its key, and says whether it must not be lost at the moment. */
export interface Cacheable {
  key(): string
  /** True while a request runs or a failure is remembered. */
  busy(): boolean
}

const LEAST_LOOKS = 2
const USES_FOR_ALL = 64

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
  // Those that were to go and must not yet.
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
    const value = this.#recent?.get(key) ?? this.#pinned.get(key) ?? this.#busy.get(key) ?? this.#held.get(key)?.deref()
    if (value !== undefined && this.#busy.size > 0) this.#lookAtBusy(value)
    return value
  }

  /** The value of this key, made if there is none. */
  getOrCreate(key: string, create: () => Value): Value {
    const value = this.get(key) ?? create()
    if (!this.#pinned.has(key)) this.#keepRecent(key, value)
    this.#lookAtBusy(value)
    return value
  }

  /** Keeps a value until it is deleted. */
  pin(value: Value): void {
    const key = value.key()
    this.#pinned.set(key, value)
    this.#recent?.delete(key)
  }

  /** Keeps a value findable for as long as somebody holds it. */
  hold(value: Value): void {
    const key = value.key()
    // A reference may have lost its value and still be there.
    if (this.#held.get(key)?.deref() !== undefined) return
    this.#held.set(key, new WeakRef(value))
    this.#dropped.register(value, key)
  }

  /** Forgets the values of which this is true, and returns them. */
  deleteWhere(matches: (value: Value) => boolean): Set<Value> {
    const deleted = new Set<Value>()
    for (const value of this.values()) {
      if (!matches(value)) continue
      for (const values of [this.#pinned, this.#recent, this.#busy, this.#held]) values?.delete(value.key())
      deleted.add(value)
    }
    return deleted
  }

  /** Those that are kept until they are deleted. */
  pinned(): Iterable<Value> {
    return this.#pinned.values()
  }

  /** The values that somebody means to keep: pinned, or held. Read as it is used, while values come and go. */
  *lasting(): Iterable<Value> {
    yield* this.#pinned.values()
    for (const ref of this.#held.values()) {
      const value = ref.deref()
      if (value !== undefined && !this.#pinned.has(value.key())) yield value
    }
  }

  /** All values there are, each once. */
  values(): Set<Value> {
    // Oldest first, as in the maps.
    const recent = [...(this.#recent?.values() ?? [])].reverse()
    return new Set([...this.#pinned.values(), ...recent, ...this.#busy.values(), ...this.#heldValues()])
  }

  #heldValues(): Value[] {
    return [...this.#held.values()].flatMap((ref) => ref.deref() ?? [])
  }

  #keepRecent(key: string, value: Value): void {
    this.#recent ??= new LRUCache({
      max: this.#max,
      dispose: (evicted, evictedKey, why) => {
        if (why === 'evict' && evicted.busy()) this.#busy.set(evictedKey, evicted)
      },
    })
    this.#recent.set(key, value)
  }

  // Those no longer busy go without a timer or a search: each use of the cache looks at a part of them.
  #lookAtBusy(used: Value): void {
    const usedKey = used.key()
    if (this.#busy.delete(usedKey)) this.#keepRecent(usedKey, used)
    let looks = LEAST_LOOKS + this.#busy.size / USES_FOR_ALL
    for (const [key, value] of this.#busy) {
      if (looks < 1) break
      looks -= 1
      this.#busy.delete(key)
      // To the end of the line.
      if (value.busy()) this.#busy.set(key, value)
    }
  }
}
