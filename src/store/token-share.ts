import type { StoreCell } from './encryption.ts'
import { type FoundError, type FoundToken, foundError, foundToken } from './found-record.ts'
import { type GuardedStore, orElse } from './guarded-store.ts'
import { errorFingerprint, errorRecord, type SharedToken, tokenRecord } from './record.ts'
import type { Lease, LeaseAnswer, LeaseRequest, StoredRecord } from './token-store.ts'

export type { FoundError, FoundToken } from './found-record.ts'

/** The right to request a token for the fleet. */
export interface SharedLease {
  readonly held: readonly HeldLease[]
}

interface HeldLease {
  readonly cell: StoreCell
  readonly lease: Lease
}

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

type CellAnswer = Exclude<ShareAnswer, { readonly lease: SharedLease }> | { readonly lease: Lease }

const LEASE_MS = 5000
const RENEW_AFTER_MS = 1500
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
 * processes. A store of whatever kind sees keyed digests and encrypted records only.
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
    const { store } = this.#shared
    return await orElse(undefined, async () => {
      for (const cell of this.#cells) {
        const key = cell.name(identity)
        const record = await this.#shared.call('get', () => store.get(key))
        const found = record && !isStale(record, known?.recordIn(cell)) && foundToken(record, cell, key, this.#shared)
        if (found) return found
      }
      return undefined
    })
  }

  /**
   * The token of this identity, the error that is remembered, or the lease to request a token; one round trip.
   *
   * `known`: the token that this process has and wants to replace; the store's counts only if it is another, or newer.
   * With two encryption keys (while they change) each is asked in turn, and the lease is one for both.
   */
  async ask(identity: string, known?: SharedToken, { patienceMs }: AskOptions = {}): Promise<ShareAnswer> {
    const held: HeldLease[] = []
    const { store } = this.#shared
    const { getOrLease } = store
    if (getOrLease === undefined) {
      const found = await this.find(identity, known)
      return found === undefined ? 'absent' : { found }
    }
    const answer = await orElse<ShareAnswer | undefined>('unavailable', async () => {
      for (const cell of this.#cells) {
        const asked = await this.#askCell(cell, cell.name(identity), known, patienceMs)
        if (typeof asked !== 'object' || !('lease' in asked)) return asked
        held.push({ cell, lease: asked.lease })
      }
      return undefined
    })
    if (answer === undefined) return { lease: { held } }
    await this.release(identity, { held })
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

  /** Runs the request of a token, and renews the lease as long as it runs. Settles as the request does. */
  async whileLeased<T>(identity: string, lease: SharedLease, request: () => Promise<T>): Promise<T> {
    const done = new AbortController()
    void this.#renewUntil(done.signal, identity, lease)
    try {
      return await request()
    } finally {
      done.abort('over')
    }
  }

  /** Gives a lease up, or with `afterMs` keeps others from a request for that long. */
  async release(identity: string, { held }: SharedLease, afterMs = 0): Promise<void> {
    for (const { cell, lease } of held) await this.#renew(cell.name(identity), lease, afterMs)
  }

  /**
   * Writes a token with what is left of it, and gives the lease up. Whether it was written: not if the store has a newer
   * one, or without a lease any. Remembers in `token` that it is the store's, so pass that as `known` later.
   */
  async put(identity: string, token: SharedToken, leftMs: number, lease?: SharedLease): Promise<boolean> {
    const { store, clock } = this.#shared
    const ttlMs = Math.floor(leftMs)
    if (ttlMs <= 0) {
      if (lease !== undefined) await this.release(identity, lease)
      return false
    }
    return await this.#forEachCell(lease, async (cell, held) => {
      const place = { cell, key: cell.name(identity), fence: held?.fence ?? 0 }
      const record = tokenRecord(token, clock.now() + ttlMs, place)
      const isWritten = await this.#shared.call('set', () => store.set(place.key, record, { ttlMs, lease: held }))
      if (isWritten) token.foundIn(cell, place.fence)
      return isWritten
    })
  }

  /** Shares an error for a while, as JSON without any secret, and gives the lease up. It never displaces a token. */
  async putError(identity: string, error: object, ttlMs: number, lease: SharedLease): Promise<boolean> {
    const { store, clock } = this.#shared
    return await this.#forEachCell(lease, async (cell, held) => {
      const place = { cell, key: cell.name(identity), fence: held?.fence ?? 0 }
      const record = errorRecord(error, clock.now() + ttlMs, place)
      return await this.#shared.call('set', () =>
        store.set(place.key, record, { ttlMs: Math.ceil(ttlMs), lease: held }),
      )
    })
  }

  /**
   * Removes a token that was rejected, or an error that is not to count any more. `kept`: the store still has it, because another was removed less than 30 seconds
   * ago; a new one should not be requested for this reason.
   */
  async remove(identity: string, what: SharedToken | FoundError): Promise<'removed' | 'kept' | 'unavailable'> {
    const { store } = this.#shared
    return await orElse('unavailable', async () => {
      let isGone = true
      for (const cell of this.#cells) {
        const fingerprint = 'error' in what ? errorFingerprint(what.error, cell) : what.recordIn(cell).fingerprint
        const key = cell.name(identity)
        isGone = (await this.#shared.call('delete', () => store.delete(key, fingerprint))) && isGone
      }
      return isGone ? 'removed' : 'kept'
    })
  }

  async #askCell(
    cell: StoreCell,
    key: string,
    known: SharedToken | undefined,
    patienceMs: number | undefined,
  ): Promise<CellAnswer> {
    let stale = known?.recordIn(cell)
    // A record that cannot be read counts as absent. There are two at most.
    for (let unreadable = 0; unreadable <= 2; unreadable++) {
      const answer = await this.#getOrLease(key, stale, patienceMs)
      if (answer === 'busy' || 'lease' in answer) return answer
      if ('token' in answer) {
        const found = foundToken(answer.token, cell, key, this.#shared)
        if (found !== undefined) return { found }
        stale = answer.token
      } else {
        const failed = foundError(answer.error, cell, key, this.#shared)
        if (failed !== undefined) return { failed }
        const { fingerprint } = answer.error
        await this.#shared.call('delete', () => this.#shared.store.delete(key, fingerprint))
      }
    }
    return 'unavailable'
  }

  async #getOrLease(key: string, stale: LeaseRequest['stale'], patienceMs: number | undefined): Promise<LeaseAnswer> {
    const { store, owner } = this.#shared
    const ask = async (): Promise<LeaseAnswer> => {
      const answer = await store.getOrLease?.(key, { owner, ttlMs: LEASE_MS, stale })
      if (answer === 'busy' || isAnswer(answer)) return answer
      throw new TypeError('Not an answer of getOrLease')
    }
    // A lease that comes when nobody waits for it any more would keep the whole fleet waiting.
    const late = (answer: LeaseAnswer) => {
      if (answer !== 'busy' && 'lease' in answer) void this.#renew(key, answer.lease, 0)
    }
    return await this.#shared.call('getOrLease', ask, { late, patienceMs })
  }

  async #renewUntil(done: AbortSignal, identity: string, { held }: SharedLease): Promise<void> {
    const { clock } = this.#shared
    try {
      for (;;) {
        await clock.sleep(RENEW_AFTER_MS, done, { ref: false })
        for (const { cell, lease } of held) await this.#renew(cell.name(identity), lease, LEASE_MS)
      }
    } catch {
      // The request is over.
    }
  }

  async #renew(key: string, lease: Lease, ttlMs: number): Promise<void> {
    const { store } = this.#shared
    await orElse(false, () => this.#shared.call('renew', async () => (await store.renew?.(key, lease, ttlMs)) ?? false))
  }

  async #forEachCell(
    shared: SharedLease | undefined,
    write: (cell: StoreCell, lease: Lease | undefined) => Promise<boolean>,
  ): Promise<boolean> {
    return await orElse(false, async () => {
      let isWritten = true
      const places = shared?.held ?? this.#cells.map((cell) => ({ cell, lease: undefined }))
      for (const { cell, lease } of places) isWritten = (await write(cell, lease)) && isWritten
      return isWritten
    })
  }
}

function isStale(record: StoredRecord, stale: LeaseRequest['stale']): boolean {
  return stale !== undefined && record.fingerprint === stale.fingerprint && record.fence <= stale.fence
}

// Anybody may have written the store.
function isAnswer(answer: unknown): answer is Exclude<LeaseAnswer, 'busy'> {
  if (typeof answer !== 'object' || answer === null) return false
  const { token, error, lease } = answer as Readonly<Record<string, unknown>>
  const given = token ?? error ?? lease
  return typeof given === 'object' && given !== null
}
