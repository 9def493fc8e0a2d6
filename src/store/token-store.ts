import type { StoreEncryption } from './encryption.ts'

/**
 * Where the processes of a fleet share their tokens: what a store has to do, and no more.
 *
 * A store sees opaque text only. Encryption, the names of keys, time limits and the breaker lie in front of every store
 * (`GuardedStore`, `TokenShare`), so that a store which does nothing but this contract is as safe as the one for Redis.
 *
 * **Atomic.** Each method takes effect at once or not at all, for all processes that use the store.
 *
 * **Time** is the store's own, one clock for all processes: `ttlMs` counts from when the store carries out the call,
 * and what has outlived it counts as absent, whether or not it was removed. The clocks of the processes don't matter.
 *
 * **Fences** are whole numbers of at most 2^53 that grow with every lease of a key:
 * `max(the store's time in microseconds, last fence of this key + 1)`. The time makes them outlive a store that was
 * restarted empty, the last fence makes them outlive a clock that was set back. A record is written with the fence of
 * the lease under which it was requested, and never takes the place of one with a newer fence.
 *
 * **Late calls are harmless.** A caller that has given up a call does not take it back: whatever a store carries out
 * later than it was asked to must be right by fence, owner or fingerprint alone.
 *
 * **Must never happen:** a record comes back that was not written by {@link TokenStore.set}, or under another key;
 * one lease is held by two owners at the same time; an older record takes the place of a newer one; a record outlives
 * its `ttlMs`. A store that loses everything, at any time, keeps this contract.
 *
 * Any method may reject, or never settle: evertoken then goes on without the store. What a rejection says is not shown
 * but for its code (`code`, or the first word of the message if it is in capitals).
 */
export interface TokenStore {
  /** Encrypts what the store is handed and names its keys. A store holds it and need not use it. */
  readonly encryption: StoreEncryption
  /** How long one call may take, in milliseconds, before evertoken goes on without the store. Default: 50. */
  readonly timeoutMs?: number | undefined
  /** The token under this key, if there is one that has not outlived its `ttlMs`. Changes nothing. */
  get(key: string): Promise<StoredRecord | undefined>
  /**
   * The token or the remembered error under this key, or else the lease to request a token; in one round trip.
   *
   * In this order: `{ token }` if there is one; `{ error }` if there is one; `{ lease }` if nobody else holds it, for
   * `ttlMs` from now and with a new fence; `'busy'` if somebody does. The record that `stale` names counts as absent.
   * Who holds the lease and asks again gets it again, with a new fence; the earlier one is gone. A lease that ends later
   * than twice `ttlMs` from now counts as lapsed: it was written by somebody else, or before the store's clock was set back.
   *
   * Without this method there are no leases: every process requests its own token, spread by jitter, unless it finds one.
   */
  getOrLease?(key: string, request: LeaseRequest): Promise<LeaseAnswer>
  /**
   * Whether this lease is still held, and if so holds it for `ttlMs` from now on; zero gives it up. One that has lapsed
   * can be renewed as long as nobody else has taken it. Goes with {@link TokenStore.getOrLease}.
   */
  renew?(key: string, lease: Lease, ttlMs: number): Promise<boolean>
  /**
   * Writes a record for `ttlMs`, and tells whether it did.
   *
   * With a lease: unless a record with a newer fence was written under this key, even if it is gone. Gives up the lease
   * if it is still held, whether or not the record is written. Another's lease is left alone.
   * Without a lease: only if there is no record of this kind; it has the fence 0, which everything with a lease replaces.
   *
   * A token and an error stand side by side: an error never takes the place of a token. A token removes errors whose
   * fence is not newer.
   */
  set(key: string, record: NewRecord, options: SetOptions): Promise<boolean>
  /**
   * Removes the record with this fingerprint, and tells whether it is not there any more. Another record stays.
   *
   * A token is kept, and the answer is `false`, if another token of this key was removed by this method less than
   * {@link DELETE_PAUSE_MS} ago: an API that rejects good tokens must not make a fleet request one after another.
   * Errors are removed at any time.
   */
  delete(key: string, fingerprint: string): Promise<boolean>
}

/** How long a deletion protects the next token of its key from being deleted, in milliseconds. */
export const DELETE_PAUSE_MS = 30_000

/** What is in a store under a key. */
export interface StoredRecord {
  /** As it was written: printable ASCII, some kilobytes at most. */
  readonly value: string
  /** A keyed digest that tells records apart. */
  readonly fingerprint: string
  /** The fence with which it was written. */
  readonly fence: number
  /** What is left of its `ttlMs`, by the store's clock. */
  readonly leftMs: number
}

/** What is to be written. */
export interface NewRecord {
  readonly kind: 'token' | 'error'
  readonly value: string
  readonly fingerprint: string
}

/** How a record is written. */
export interface SetOptions {
  readonly ttlMs: number
  /** The lease under which the token was requested, held or not. */
  readonly lease?: Lease | undefined
}

/** Who asks for a lease. */
export interface LeaseRequest {
  /** Names the process; the same in all its requests, and random. */
  readonly owner: string
  readonly ttlMs: number
  /** A record that is not wanted: one with this fingerprint and no newer fence. */
  readonly stale?: Pick<StoredRecord, 'fingerprint' | 'fence'> | undefined
}

/** Whether a record is the one that `stale` names. A fence that is no number is newer than none. */
export function isStale({ fingerprint, fence }: StoredRecord, stale: LeaseRequest['stale']): boolean {
  return stale !== undefined && fingerprint === stale.fingerprint && !(fence > stale.fence)
}

/** The right to request a token under a key, until it lapses. */
export interface Lease {
  readonly owner: string
  readonly fence: number
}

/** What {@link TokenStore.getOrLease} answers. */
export type LeaseAnswer =
  | { readonly token: StoredRecord }
  | { readonly error: StoredRecord }
  | { readonly lease: Lease }
  | 'busy'
