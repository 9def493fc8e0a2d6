import { type Clock, systemClock } from '../clock.ts'
import { StoreEncryption, type StoreEncryptionOptions } from './encryption.ts'
import {
  DELETE_PAUSE_MS,
  type Lease,
  type LeaseAnswer,
  type LeaseRequest,
  type NewRecord,
  type SetOptions,
  type StoredRecord,
  type TokenStore,
} from './token-store.ts'

/** Options of a {@link MemoryTokenStore}. */
export interface MemoryTokenStoreOptions extends StoreEncryptionOptions {
  /** The store's own time. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/**
 * What can be wrong with a store: `error`, every call fails; `loading`, every call is refused; `full`, calls that have
 * something to write fail; `hang`, calls are carried out when the fault is over; `partition`, they are not carried out
 * and never answered.
 */
export type StoreFault = 'error' | 'loading' | 'full' | 'hang' | 'partition'

/**
 * A store in this process's memory: for tests of what shares tokens, and a short reading of the contract.
 *
 * Managers that are handed one store share their tokens; with {@link MemoryTokenStore.connect} each has its own way to
 * the same tokens, with faults of its own.
 */
export class MemoryTokenStore implements TokenStore {
  readonly encryption: StoreEncryption
  /** How long every call takes, in milliseconds. */
  latencyMs = 0
  /** How many calls were made, by method, refused ones included. */
  readonly calls: Record<'get' | 'getOrLease' | 'renew' | 'set' | 'delete', number> = {
    get: 0,
    getOrLease: 0,
    renew: 0,
    set: 0,
    delete: 0,
  }
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #server: MemoryTokenStore
  #fault: StoreFault | undefined
  readonly #waiting: (() => void)[] = []

  /** @throws TypeError for wrong encryption keys, as the store for Redis */
  constructor(options: MemoryTokenStoreOptions | MemoryTokenStore) {
    if (options instanceof MemoryTokenStore) {
      this.#server = options.#server
      this.#clock = options.#clock
      this.encryption = options.encryption
    } else {
      const { clock = systemClock, ...protection } = options
      this.#server = this
      this.#clock = clock
      this.encryption = new StoreEncryption(protection)
    }
  }

  /** Another way to the same tokens, as of another process; `as` with encryption keys of its own. */
  connect(as?: StoreEncryptionOptions): MemoryTokenStore {
    const connection = new MemoryTokenStore(this)
    return as === undefined ? connection : Object.assign(connection, { encryption: new StoreEncryption(as) })
  }

  /** What is wrong now; `undefined` when nothing is. */
  get fault(): StoreFault | undefined {
    return this.#fault
  }

  set fault(fault: StoreFault | undefined) {
    this.#fault = fault
    if (fault === 'hang') return
    for (const resume of this.#waiting.splice(0)) resume()
  }

  /** Loses everything. */
  restartEmpty(): void {
    this.#server.#entries.clear()
  }

  /** All that is stored, as someone who reads the store finds it. */
  dump(): string {
    return JSON.stringify([...this.#server.#entries])
  }

  /** Lets someone who can write to the store change what is under a key; `undefined` removes it. */
  tamper(change: (record: StoredRecord, kind: NewRecord['kind']) => StoredRecord | undefined): void {
    for (const entry of this.#server.#entries.values()) {
      for (const kind of ['token', 'error'] as const) {
        const record = entry[kind]
        const changed = record && change({ ...record, leftMs: record.until - this.#now() }, kind)
        if (record !== undefined) entry[kind] = changed && { ...changed, until: this.#now() + changed.leftMs }
      }
    }
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    await this.#reach('get')
    return this.#living(this.#entry(key).token)
  }

  async getOrLease(key: string, { owner, ttlMs, stale }: LeaseRequest): Promise<LeaseAnswer> {
    await this.#reach('getOrLease')
    const entry = this.#entry(key)
    const wanted = (record: StoredRecord | undefined) =>
      record !== undefined && !(record.fingerprint === stale?.fingerprint && record.fence <= stale.fence)
    const [token, error] = [this.#living(entry.token), this.#living(entry.error)]
    if (token !== undefined && wanted(token)) return { token }
    if (error !== undefined && wanted(error)) return { error }
    if (entry.lease !== undefined && entry.lease.owner !== owner && entry.lease.until > this.#now()) return 'busy'
    this.#needMemory()
    const fence = Math.max(Math.floor(this.#clock.now() * 1000), entry.issued + 1, entry.written + 1)
    entry.issued = fence
    entry.lease = { owner, fence, until: this.#now() + ttlMs }
    return { lease: { owner, fence } }
  }

  async renew(key: string, lease: Lease, ttlMs: number): Promise<boolean> {
    await this.#reach('renew')
    const entry = this.#entry(key)
    if (!isHeld(entry, lease)) return false
    entry.lease = ttlMs > 0 ? { ...lease, until: this.#now() + ttlMs } : undefined
    return true
  }

  async set(key: string, { kind, value, fingerprint }: NewRecord, { ttlMs, lease }: SetOptions): Promise<boolean> {
    await this.#reach('set')
    this.#needMemory()
    const entry = this.#entry(key)
    const present = this.#living(entry[kind])
    const fence = lease?.fence ?? 0
    const mayWrite =
      lease === undefined ? present === undefined : fence >= entry.written && fence >= (present?.fence ?? 0)
    if (mayWrite) {
      entry[kind] = { value, fingerprint, fence, until: this.#now() + ttlMs }
      if (kind === 'token') entry.written = Math.max(entry.written, fence)
      if (kind === 'token' && entry.error !== undefined && entry.error.fence <= fence) entry.error = undefined
    }
    if (lease !== undefined && isHeld(entry, lease)) entry.lease = undefined
    return mayWrite
  }

  async delete(key: string, fingerprint: string): Promise<boolean> {
    await this.#reach('delete')
    const entry = this.#entry(key)
    if (entry.error?.fingerprint === fingerprint) entry.error = undefined
    if (entry.token?.fingerprint !== fingerprint || this.#living(entry.token) === undefined) return true
    if (this.#now() - entry.deletedAt < DELETE_PAUSE_MS) return false
    entry.token = undefined
    entry.deletedAt = this.#now()
    return true
  }

  async #reach(method: keyof MemoryTokenStore['calls']): Promise<void> {
    this.calls[method] += 1
    if (this.latencyMs > 0) await this.#clock.sleep(this.latencyMs)
    for (const at of new Set([this, this.#server])) {
      while (at.#fault === 'hang') await new Promise<void>((resolve) => at.#waiting.push(resolve))
      if (at.#fault === 'partition') await new Promise<never>(() => {})
      if (at.#fault === 'loading') throw storeError('LOADING')
      if (at.#fault === 'error') throw storeError('ERR')
    }
  }

  #needMemory(): void {
    if (this.#fault === 'full' || this.#server.#fault === 'full') throw storeError('OOM')
  }

  #entry(key: string): Entry {
    const entries = this.#server.#entries
    const entry = entries.get(key) ?? { issued: 0, written: 0, deletedAt: Number.NEGATIVE_INFINITY }
    entries.set(key, entry)
    return entry
  }

  #living(record: Kept | undefined): StoredRecord | undefined {
    if (record === undefined || record.until <= this.#now()) return undefined
    const { value, fingerprint, fence, until } = record
    return { value, fingerprint, fence, leftMs: until - this.#now() }
  }

  #now(): number {
    return this.#clock.monotonicNow()
  }
}

interface Kept extends Omit<StoredRecord, 'leftMs'> {
  readonly until: number
}

interface Entry {
  token?: Kept | undefined
  error?: Kept | undefined
  lease?: (Lease & { readonly until: number }) | undefined
  /** The last fence of a lease. */
  issued: number
  /** The last fence of a token that was written. */
  written: number
  deletedAt: number
}

function isHeld({ lease }: Entry, { owner, fence }: Lease): boolean {
  return lease?.owner === owner && lease.fence === fence
}

function storeError(code: string): Error {
  return Object.assign(new Error(`${code} injected`), { code })
}
