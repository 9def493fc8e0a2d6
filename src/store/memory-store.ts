import { type Clock, systemClock } from '../clock.ts'
import { ownOptions } from '../option-values.ts'
import { StoreEncryption, type StoreEncryptionOptions } from './encryption.ts'
import {
  deleteRecord,
  emptyEntry,
  foundOrBusy,
  grantLease,
  living,
  renewLease,
  type StoreEntry,
  writeRecord,
} from './store-entry.ts'
import type {
  Lease,
  LeaseAnswer,
  LeaseRequest,
  NewRecord,
  SetOptions,
  StoredRecord,
  TokenStore,
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
  readonly #entries = new Map<string, StoreEntry>()
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
      const { clock = systemClock, ...protection } = ownOptions<MemoryTokenStoreOptions>(options, '')
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
    return living(this.#entry(key).token, this.#now())
  }

  async getOrLease(key: string, request: LeaseRequest): Promise<LeaseAnswer> {
    await this.#reach('getOrLease')
    const entry = this.#entry(key)
    const answer = foundOrBusy(entry, request, this.#now())
    if (answer !== undefined) return answer
    this.#needMemory()
    return { lease: grantLease(entry, request, this.#now(), this.#clock.now()) }
  }

  async renew(key: string, lease: Lease, ttlMs: number): Promise<boolean> {
    await this.#reach('renew')
    return renewLease(this.#entry(key), lease, ttlMs, this.#now())
  }

  async set(key: string, record: NewRecord, options: SetOptions): Promise<boolean> {
    await this.#reach('set')
    this.#needMemory()
    return writeRecord(this.#entry(key), record, options, this.#now())
  }

  async delete(key: string, fingerprint: string): Promise<boolean> {
    await this.#reach('delete')
    return deleteRecord(this.#entry(key), fingerprint, this.#now())
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

  #entry(key: string): StoreEntry {
    const entries = this.#server.#entries
    const entry = entries.get(key) ?? emptyEntry()
    entries.set(key, entry)
    return entry
  }

  #now(): number {
    return this.#clock.monotonicNow()
  }
}

function storeError(code: string): Error {
  return Object.assign(new Error(`${code} injected`), { code })
}
