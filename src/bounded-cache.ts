import { Ordered, UseOrder } from './use-order.ts'

/** What can be kept: it knows its key, and says whether it must not be lost at the moment. */
export abstract class Cacheable extends Ordered {
  /** @internal */
  abstract key(): string
  /** @internal True while a request runs or a failure is remembered. */
  abstract busy(): boolean
}

/**
 * One value per key, always; the least recently used go when there are more than `max`.
 *
 * Never one that is pinned, held by somebody as a handle, or busy: a second value for a key would be a second request.
 */
export class BoundedCache<Value extends Cacheable> {
  readonly #max: number
  // All but those that are only held; each is in one of the three that follow.
  readonly #values = new Map<string, Value>()
  readonly #recent = new UseOrder<Value>()
  readonly #pinned = new Set<Value>()
  // Those that were to go and must not yet.
  readonly #busy = new Set<Value>()
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
    const value = this.#values.get(key)
    if (value === undefined) return this.#held.get(key)?.deref()
    if (this.#recent.has(value)) this.#recent.use(value)
    if (this.#busy.size > 0) this.#lookAtBusy(value)
    return value
  }

  /** The value of this key, made if there is none. */
  getOrCreate(key: string, create: () => Value): Value {
    const known = this.get(key)
    return known !== undefined && this.#values.has(key) ? known : this.#keep(known ?? create())
  }

  /** Keeps a value until it is deleted. */
  pin(value: Value): void {
    this.#values.set(value.key(), value)
    this.#pinned.add(value)
    this.#recent.remove(value)
    this.#busy.delete(value)
  }

  /** Keeps a value findable for as long as somebody holds it. */
  hold(value: Value): void {
    const key = value.key()
    // A reference may have lost its value and still be there.
    if (this.#pinned.has(value) || this.#held.get(key)?.deref() !== undefined) return
    this.#held.set(key, new WeakRef(value))
    this.#dropped.register(value, key)
  }

  /** Forgets the values of which this is true, and returns them. */
  deleteWhere(matches: (value: Value) => boolean): Set<Value> {
    const deleted = new Set<Value>()
    for (const value of this.values()) {
      if (!matches(value)) continue
      this.#forget(value)
      this.#held.delete(value.key())
      deleted.add(value)
    }
    return deleted
  }

  /** The values that somebody means to keep: pinned, or held. */
  lasting(): Set<Value> {
    return new Set([...this.#pinned, ...this.#heldValues()])
  }

  /** All values there are, each once. */
  values(): Set<Value> {
    return new Set([...this.#values.values(), ...this.#heldValues()])
  }

  #heldValues(): Value[] {
    return [...this.#held.values()].flatMap((ref) => ref.deref() ?? [])
  }

  #keep(value: Value): Value {
    this.#values.set(value.key(), value)
    this.#recent.use(value)
    this.#evict()
    if (this.#busy.size > 0) this.#lookAtBusy(value)
    return value
  }

  #evict(): void {
    for (let oldest = this.#recent.oldest; oldest && this.#recent.size > this.#max; oldest = this.#recent.oldest) {
      this.#recent.remove(oldest)
      if (oldest.busy()) this.#busy.add(oldest)
      else this.#forget(oldest)
    }
  }

  #forget(value: Value): void {
    this.#values.delete(value.key())
    this.#pinned.delete(value)
    this.#recent.remove(value)
    this.#busy.delete(value)
  }

  // Those no longer busy go without a timer or a search: each use of the cache looks at a part of them.
  #lookAtBusy(used: Value): void {
    if (this.#busy.delete(used)) {
      this.#recent.use(used)
      this.#evict()
    }
    let looks = LEAST_LOOKS + this.#busy.size / USES_FOR_ALL
    for (const value of this.#busy) {
      if (looks < 1) break
      looks -= 1
      if (!value.busy()) this.#forget(value)
      else {
        // To the end of the line.
        this.#busy.delete(value)
        this.#busy.add(value)
      }
    }
  }
}

const LEAST_LOOKS = 2
const USES_FOR_ALL = 64
