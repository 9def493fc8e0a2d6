import type { StoreCell } from './encryption.ts'
import type { FoundError, FoundToken } from './found-record.ts'
import { type GuardedStore, orElse } from './guarded-store.ts'
import type { SharedToken } from './record.ts'
import { allOf, type HeldLease, SharedLease } from './shared-lease.ts'
import { StorePlace } from './store-place.ts'

export type { FoundError, FoundToken } from './found-record.ts'

/**
 * What {@link TokenShare.ask} answers: `busy`, another process requests a token; `absent`, there is none, and the store
 * has no leases; `unavailable`, the store is of no use at the moment.
 */
export type ShareAnswer =
  | { readonly found: FoundToken }
  | { readonly failed: FoundError }
  | { readonly lease: SharedLease }
  | 'busy'
  | 'absent'
  | 'unavailable'

/** What {@link TokenShare.askUntilFree} answers, or what became of it `instead`. */
export type FreeAnswer<T> = Exclude<ShareAnswer, 'busy'> | { readonly instead: T }

// About as long as a token request takes.
const POLL_FIRST_MS = 100
const POLL_MOST_MS = 200
// A wait is longer by about an eighth of what it took already.
const POLL_GROWTH = 1.25
// A store that is overrun is asked less often the more it is.
const POLL_LATENCIES = 2

/** How a token is asked for. */
export interface AskOptions<T = never> {
  /** How long an answer is waited for at least, as long as the store has no trouble. */
  readonly patienceMs?: number | undefined
  /** Asked before each wait for another process: what will do instead. */
  readonly otherwise?: () => T | undefined
}

/**
 * The tokens that all processes with one credential share. No method rejects, unless it says so.
 *
 * An identity is whatever makes two tokens the same (issuer or token endpoint, client, scope and so on), spelt alike in all
 * processes. A store of whatever kind sees keyed digests and encrypted records only. With two encryption keys (while they
 * change) each token has a place under either, and they are gone through in the same order by all.
 */
export class TokenShare {
  readonly #shared: GuardedStore
  readonly #cells: readonly StoreCell[]

  /**
   * Derives keys, so keep it as long as the credential stays the same.
   * @param credential a digest of what only this client knows, the same in all its processes
   */
  constructor(shared: GuardedStore, credential: string) {
    this.#shared = shared
    this.#cells = shared.store.encryption.cells(credential)
  }

  /** The token of this identity, if the store has one that is not `known`. Leases nothing. */
  async find(identity: string, known?: SharedToken): Promise<FoundToken | undefined> {
    return await orElse(undefined, async () => {
      for (const place of this.#places(identity)) {
        const found = await place.find(known)
        if (found !== undefined) return found
      }
      return undefined
    })
  }

  /**
   * The token of this identity, the error that is remembered, or the lease to request a token, which is one for all
   * places; one round trip.
   *
   * `known`: the token that this process has and wants to replace; the store's counts only if it is another, or newer.
   */
  async ask(identity: string, known?: SharedToken, { patienceMs }: AskOptions = {}): Promise<ShareAnswer> {
    if (this.#shared.store.getOrLease === undefined) {
      const found = await this.find(identity, known)
      return found === undefined ? 'absent' : { found }
    }
    const held: HeldLease[] = []
    const lease = new SharedLease(held, this.#shared.clock)
    const answer = await orElse<ShareAnswer>('unavailable', async () => {
      for (const place of this.#places(identity)) {
        const asked = await place.ask(known, patienceMs)
        if (typeof asked !== 'object' || !('lease' in asked)) return asked
        held.push({ place, lease: asked.lease })
      }
      return { lease }
    })
    if (typeof answer !== 'object' || !('lease' in answer)) await lease.release()
    return answer
  }

  /**
   * As {@link TokenShare.ask}, but asks again while the store says `busy`: after 100 ms, then a quarter later each time,
   * up to 200 ms, or twice what the store takes, with jitter. No subscription: that takes a connection of its own, saves
   * some 50 ms, and can be missed.
   * @throws the signal's reason when it aborts first
   */
  async askUntilFree<T = never>(
    identity: string,
    known: SharedToken | undefined,
    signal: AbortSignal,
    { otherwise, patienceMs }: AskOptions<T> = {},
  ): Promise<FreeAnswer<T>> {
    const { clock } = this.#shared
    for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(pauseMs * POLL_GROWTH, POLL_MOST_MS)) {
      const askedAt = clock.monotonicNow()
      const answer = await this.ask(identity, known, { patienceMs })
      if (answer !== 'busy') return answer
      const instead = otherwise?.()
      if (instead !== undefined) return { instead }
      const leastMs = POLL_LATENCIES * (clock.monotonicNow() - askedAt)
      await clock.sleep(Math.max(pauseMs, leastMs) * (0.75 + clock.random() / 2), signal)
    }
  }

  /** As {@link SharedLease.put}, without a lease: writes the token only where the store has none. */
  async put(identity: string, token: SharedToken, leftMs: number): Promise<boolean> {
    const ttlMs = Math.floor(leftMs)
    if (ttlMs <= 0) return false
    return await orElse(false, () => allOf(this.#places(identity), (place) => place.put(token, ttlMs, undefined)))
  }

  /**
   * Removes a token that was rejected, or an error that is not to count any more. `kept`: the store still has it, because
   * another was removed less than 30 seconds ago; a new one should not be requested for this reason.
   */
  async remove(identity: string, what: SharedToken | FoundError): Promise<'removed' | 'kept' | 'unavailable'> {
    return await orElse('unavailable', async () => {
      const isGone = await allOf(this.#places(identity), (place) => place.remove(what))
      return isGone ? 'removed' : 'kept'
    })
  }

  #places(identity: string): StorePlace[] {
    return this.#cells.map((cell) => new StorePlace(this.#shared, cell, identity))
  }
}
