import type { StoreCell } from './encryption.ts'
import { type FoundError, type FoundToken, foundError, foundToken } from './found-record.ts'
import { type GuardedStore, orElse } from './guarded-store.ts'
import { errorFingerprint, errorRecord, type RecordPlace, type SharedToken, tokenRecord } from './record.ts'
import { isStale, type Lease, type LeaseAnswer, type LeaseRequest, type NewRecord } from './token-store.ts'

/** What {@link StorePlace.ask} answers: as the store does, with records that were read. */
export type PlaceAnswer =
  | { readonly found: FoundToken }
  | { readonly failed: FoundError }
  | { readonly lease: Lease }
  | 'busy'
  | 'unavailable'

/** How long a lease lasts that is not renewed, in milliseconds. */
export const LEASE_MS = 5000

// A token and an error.
const MOST_UNREADABLE = 2

/**
 * Where the token of one identity is in the store, by one encryption key. Its methods reject while the store is of no use,
 * for `orElse`, unless they say otherwise.
 */
export class StorePlace {
  readonly #shared: GuardedStore
  readonly #cell: StoreCell
  readonly #key: string

  constructor(shared: GuardedStore, cell: StoreCell, identity: string) {
    this.#shared = shared
    this.#cell = cell
    this.#key = cell.name(identity)
  }

  /** The token that is here, if it is not `known`. */
  async find(known: SharedToken | undefined): Promise<FoundToken | undefined> {
    const record = await this.#shared.call('get', () => this.#shared.store.get(this.#key))
    // Some stores say null.
    if (!record || isStale(record, known?.recordIn(this.#cell))) return undefined
    return foundToken(record, this.#cell, this.#key, this.#shared)
  }

  /** The token that is here and is not `known`, or the error, or the lease. What cannot be read counts as absent. */
  async ask(known: SharedToken | undefined, patienceMs: number | undefined): Promise<PlaceAnswer> {
    let stale = known?.recordIn(this.#cell)
    for (let unreadable = 0; unreadable <= MOST_UNREADABLE; unreadable++) {
      const answer = await this.#getOrLease(stale, patienceMs)
      if (answer === 'busy' || 'lease' in answer) return answer
      if ('token' in answer) {
        const found = foundToken(answer.token, this.#cell, this.#key, this.#shared)
        if (found !== undefined) return { found }
        stale = answer.token
      } else {
        const failed = foundError(answer.error, this.#cell, this.#key, this.#shared)
        if (failed !== undefined) return { failed }
        await this.#delete(answer.error.fingerprint)
      }
    }
    return 'unavailable'
  }

  /** Holds a lease for so long from now on; zero gives it up. Never rejects. */
  async renew(lease: Lease, ttlMs: number): Promise<void> {
    const renew = async () => await this.#shared.store.renew?.(this.#key, lease, ttlMs)
    await orElse(undefined, () => this.#shared.call('renew', renew))
  }

  /** Writes a token, gives the lease up, and tells whether it was written. */
  async put(token: SharedToken, ttlMs: number, lease: Lease | undefined): Promise<boolean> {
    const place = this.#placeOf(lease)
    const isWritten = await this.#set(tokenRecord(token, this.#shared.clock.now() + ttlMs, place), ttlMs, lease)
    if (isWritten) token.foundIn(this.#cell, place.fence)
    return isWritten
  }

  /** Writes an error, in the same way. */
  async putError(error: object, ttlMs: number, lease: Lease): Promise<boolean> {
    const record = errorRecord(error, this.#shared.clock.now() + ttlMs, this.#placeOf(lease))
    return await this.#set(record, Math.ceil(ttlMs), lease)
  }

  /** Removes this token or error, and tells whether it is gone. */
  async remove(what: SharedToken | FoundError): Promise<boolean> {
    const isError = 'error' in what
    return await this.#delete(
      isError ? errorFingerprint(what.error, this.#cell) : what.recordIn(this.#cell).fingerprint,
    )
  }

  async #getOrLease(stale: LeaseRequest['stale'], patienceMs: number | undefined): Promise<LeaseAnswer> {
    const { store, owner } = this.#shared
    const ask = async (): Promise<LeaseAnswer> => {
      const answer = await store.getOrLease?.(this.#key, { owner, ttlMs: LEASE_MS, stale })
      if (answer === 'busy' || isAnswer(answer)) return answer
      throw new TypeError('Not an answer of getOrLease')
    }
    // A lease that comes when nobody waits for it any more would keep the whole fleet waiting.
    const late = (answer: LeaseAnswer) => {
      if (answer !== 'busy' && 'lease' in answer) void this.renew(answer.lease, 0)
    }
    return await this.#shared.call('getOrLease', ask, { late, patienceMs })
  }

  async #set(record: NewRecord, ttlMs: number, lease: Lease | undefined): Promise<boolean> {
    return await this.#shared.call('set', () => this.#shared.store.set(this.#key, record, { ttlMs, lease }))
  }

  async #delete(fingerprint: string): Promise<boolean> {
    return await this.#shared.call('delete', () => this.#shared.store.delete(this.#key, fingerprint))
  }

  #placeOf(lease: Lease | undefined): RecordPlace {
    return { cell: this.#cell, key: this.#key, fence: lease?.fence ?? 0 }
  }
}

// Anybody may have written the store.
function isAnswer(answer: unknown): answer is Exclude<LeaseAnswer, 'busy'> {
  const { token, error, lease }: Readonly<Record<string, unknown>> = Object(answer)
  const given = token ?? error ?? lease
  return typeof given === 'object' && given !== null
}
