import {
  DELETE_PAUSE_MS,
  isStale,
  type Lease,
  type LeaseAnswer,
  type LeaseRequest,
  type NewRecord,
  type SetOptions,
  type StoredRecord,
} from './token-store.ts'

/**
 * What a store keeps under one key, and how each call of the contract changes it; as plain data, so that a store can keep
 * it anywhere. Instants are milliseconds by the store's own clock.
 */
export interface StoreEntry {
  token?: KeptRecord | undefined
  error?: KeptRecord | undefined
  lease?: (Lease & { readonly until: number }) | undefined
  /** The last fence of a lease. */
  issued: number
  /** The last fence of a token that was written. */
  written: number
  /** When a token was deleted last, if one was. */
  deletedAt?: number | undefined
}

/** A record with the instant at which it lapses. */
export interface KeptRecord extends Omit<StoredRecord, 'leftMs'> {
  readonly until: number
}

/** How much longer than what is asked for another's lease may be: other releases may ask for more. */
const LONGEST_LEASE = 2

/** What is kept under a key that was never used. */
export function emptyEntry(): StoreEntry {
  return { issued: 0, written: 0 }
}

/** The record, if it has not outlived its time. */
export function living(record: KeptRecord | undefined, now: number): StoredRecord | undefined {
  if (record === undefined || record.until <= now) return undefined
  const { value, fingerprint, fence, until } = record
  return { value, fingerprint, fence, leftMs: until - now }
}

/** What `getOrLease` answers without changing anything; `undefined` if a lease can be had. */
export function foundOrBusy(
  entry: StoreEntry,
  { owner, stale, ttlMs }: LeaseRequest,
  now: number,
): Exclude<LeaseAnswer, { readonly lease: Lease }> | undefined {
  const [token, error] = [living(entry.token, now), living(entry.error, now)]
  if (token !== undefined && !isStale(token, stale)) return { token }
  if (error !== undefined && !isStale(error, stale)) return { error }
  return entry.lease !== undefined && entry.lease.owner !== owner && isRunning(entry.lease, ttlMs, now)
    ? 'busy'
    : undefined
}

/** Leases the key. `wallMs`: what the fence is made of. */
export function grantLease(entry: StoreEntry, { owner, ttlMs }: LeaseRequest, now: number, wallMs: number): Lease {
  const fence = Math.max(Math.floor(wallMs * 1000), entry.issued + 1, entry.written + 1)
  entry.issued = fence
  entry.lease = { owner, fence, until: now + ttlMs }
  return { owner, fence }
}

/** As `renew` of the contract. */
export function renewLease(entry: StoreEntry, lease: Lease, ttlMs: number, now: number): boolean {
  if (!isHeld(entry, lease)) return false
  entry.lease = ttlMs > 0 ? { ...lease, until: now + ttlMs } : undefined
  return true
}

/** As `set` of the contract. */
export function writeRecord(
  entry: StoreEntry,
  { kind, value, fingerprint }: NewRecord,
  { ttlMs, lease }: SetOptions,
  now: number,
): boolean {
  const present = living(entry[kind], now)
  const fence = lease?.fence ?? 0
  const mayWrite =
    lease === undefined ? present === undefined : fence >= entry.written && !(present && present.fence > fence)
  if (mayWrite) {
    entry[kind] = { value, fingerprint, fence, until: now + ttlMs }
    if (kind === 'token') entry.written = Math.max(entry.written, fence)
    if (kind === 'token' && entry.error !== undefined && entry.error.fence <= fence) entry.error = undefined
  }
  if (lease !== undefined && isHeld(entry, lease)) entry.lease = undefined
  return mayWrite
}

/** As `delete` of the contract. */
export function deleteRecord(entry: StoreEntry, fingerprint: string, now: number): boolean {
  if (entry.error?.fingerprint === fingerprint) entry.error = undefined
  if (entry.token?.fingerprint !== fingerprint || living(entry.token, now) === undefined) return true
  if (entry.deletedAt !== undefined && now - entry.deletedAt < DELETE_PAUSE_MS) return false
  entry.token = undefined
  entry.deletedAt = now
  return true
}

// One that ends later than any lease does was written by somebody else, or before the clock was set back.
function isRunning({ until }: { readonly until: number }, ttlMs: number, now: number): boolean {
  return until > now && until <= now + LONGEST_LEASE * ttlMs
}

function isHeld({ lease }: StoreEntry, { owner, fence }: Lease): boolean {
  return lease?.owner === owner && lease.fence === fence
}
