import { type Clock, withTimeout } from '../clock.ts'
import { abortable } from '../single-flight.ts'
import { Breaker } from './breaker.ts'
import type { TokenStore } from './token-store.ts'

/** What a manager is told about its store. `reason`: a code, never the words of an error. */
export type StoreNotice =
  | { readonly kind: 'failed'; readonly operation: keyof TokenStore; readonly reason: string }
  /** After several failures in a row the store is left alone for a while. */
  | { readonly kind: 'suspended' }
  | { readonly kind: 'resumed' }
  /** A record was tampered with, cut off, or written for another place; it counts as absent. */
  | { readonly kind: 'unreadable'; readonly record: 'token' | 'error' }

const DEFAULT_TIMEOUT_MS = 50

/** How one call differs from others. */
export interface StoreCallOptions<T> {
  /** Is handed what comes after the call was given up. */
  readonly late?: (result: T) => void
  /** How long the call may take at least, in milliseconds, unless the one before it failed. */
  readonly patienceMs?: number | undefined
}

/** A manager's way to its store: every call is bounded in time and guarded by a breaker. */
export class GuardedStore {
  readonly store: TokenStore
  readonly clock: Clock
  readonly owner: string = crypto.randomUUID()
  readonly #breaker: Breaker
  readonly #tell: (notice: StoreNotice) => void

  constructor(store: TokenStore, clock: Clock, tell: (notice: StoreNotice) => void) {
    this.store = store
    this.clock = clock
    this.#breaker = new Breaker(clock)
    this.#tell = tell
  }

  /** Runs one call of the store. @throws Unavailable */
  async call<T>(
    operation: keyof TokenStore,
    work: () => Promise<T>,
    { late, patienceMs = 0 }: StoreCallOptions<T> = {},
  ): Promise<T> {
    if (!this.#breaker.admits()) throw new Unavailable()
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.store
    const ms = this.#breaker.isFailing ? timeoutMs : Math.max(timeoutMs, patienceMs)
    let isLate = false
    const watched = async (): Promise<T> => {
      const result = await work()
      if (isLate) late?.(result)
      return result
    }
    try {
      const timeout = { clock: patient(this.clock), ms, tooLate: () => new Unavailable() }
      const result = await withTimeout(timeout, (signal) => abortable(signal, watched))
      if (this.#breaker.succeeded()) this.#tell({ kind: 'resumed' })
      return result
    } catch (error) {
      isLate = true
      this.#tell({ kind: 'failed', operation, reason: error instanceof Unavailable ? 'timeout' : reasonOf(error) })
      if (this.#breaker.failed()) this.#tell({ kind: 'suspended' })
      throw new Unavailable()
    }
  }

  /** Says that a record could not be read. */
  unreadable(record: 'token' | 'error'): void {
    this.#tell({ kind: 'unreadable', record })
  }
}

// After its own time a process looks once more at what arrived meanwhile: where it was busy for longer than the store
// may take, timers come first, and the store would be blamed.
function patient(clock: Clock): Clock {
  const sleep: Clock['sleep'] = async (ms, signal, options) => {
    await clock.sleep(ms, signal, options)
    await clock.sleep(0, signal, options)
  }
  return { now: () => clock.now(), monotonicNow: () => clock.monotonicNow(), random: () => clock.random(), sleep }
}

/** The store did not do what it was asked for; listeners have been told why. */
class Unavailable extends Error {}

/** What the work comes to, or something else while the store is of no use. */
export async function orElse<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Unavailable) return otherwise
    throw error
  }
}

// Clients put commands with their arguments into messages and errors. A code holds none, nor does the name of a class.
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code)) return code
  const [, word] = error.message.match(/^([A-Z]{2,20}) /) ?? []
  return word ?? error.constructor.name.slice(0, 40)
}
