import { type Clock, withTimeout } from '../clock.ts'
import type { StoreOutcome } from '../events.ts'
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

/** A call of the store that has ended; `reason` where it failed, as in {@link StoreNotice}. */
export interface StoreCall {
  readonly operation: keyof TokenStore
  readonly outcome: StoreOutcome
  readonly durationMs: number
  readonly reason: string | undefined
}

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
  readonly #tellCall: (call: StoreCall) => void

  constructor(
    store: TokenStore,
    clock: Clock,
    tell: (notice: StoreNotice) => void,
    tellCall: (call: StoreCall) => void = () => {},
  ) {
    this.store = store
    this.clock = clock
    this.#breaker = new Breaker(clock)
    this.#tell = tell
    this.#tellCall = tellCall
  }

  /** Whether the store is left alone at the moment. */
  get isSuspended(): boolean {
    return this.#breaker.isOpen
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
    const begunAt = this.clock.monotonicNow()
    const called = (outcome: StoreOutcome, reason?: string) => {
      this.#tellCall({ operation, outcome, durationMs: this.clock.monotonicNow() - begunAt, reason })
    }
    let isLate = false
    const watched = async (): Promise<T> => {
      const result = await work()
      if (isLate) late?.(result)
      return result
    }
    try {
      const timeout = { clock: patient(this.clock), ms, tooLate: () => new Unavailable() }
      const result = await withTimeout(timeout, (signal) => abortable(signal, watched))
      called(outcomeOf(operation, result))
      if (this.#breaker.succeeded()) this.#tell({ kind: 'resumed' })
      return result
    } catch (error) {
      isLate = true
      const reason = error instanceof Unavailable ? 'timeout' : reasonOf(error)
      called('failed', reason)
      this.#tell({ kind: 'failed', operation, reason })
      if (this.#breaker.failed()) this.#tell({ kind: 'suspended' })
      throw new Unavailable()
    }
  }

  /** Says that a record could not be read. */
  unreadable(record: 'token' | 'error'): void {
    this.#tell({ kind: 'unreadable', record })
  }
}

function outcomeOf(operation: keyof TokenStore, result: unknown): StoreOutcome {
  if (operation === 'get') return result ? 'token' : 'none'
  if (operation !== 'getOrLease') return result === false ? 'refused' : 'done'
  if (typeof result !== 'object' || result === null) return 'busy'
  return 'token' in result ? 'token' : 'error' in result ? 'error' : 'lease'
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
  const { code, message, constructor: kind }: { code?: unknown; message: unknown; constructor: unknown } = error
  if (/^[A-Z][A-Z0-9_/]{1,40}$/.test(text(code))) return text(code)
  const [, word] = text(message).match(/^([A-Z]{2,20}) /) ?? []
  return word ?? (text(Object(kind).name).slice(0, 40) || 'Error')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
