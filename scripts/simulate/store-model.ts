import type { Clock } from '../../src/clock.ts'
import { StoreCell, StoreEncryption } from '../../src/store/encryption.ts'
import { MemoryTokenStore } from '../../src/store/memory-store.ts'
import {
  DELETE_PAUSE_MS,
  type Lease,
  type LeaseAnswer,
  type LeaseRequest,
  type NewRecord,
  type SetOptions,
  type StoredRecord,
  type TokenStore,
} from '../../src/store/token-store.ts'
import type { Span } from './authorization-server.ts'
import { PerSecond } from './per-second.ts'
import type { Random } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** The median and the spread (of the logarithm) of the way to the store and back, in milliseconds. */
const LATENCY = { medianMs: 1, spread: 0.7 } as const

// What one call takes of Redis's one thread, in milliseconds: measured are 8 to 11 µs where calls come in batches, and here
// each comes over a connection of its own.
const SERVICE_MS = 0.015

// Texts, as long as those that go to Redis.
const PREFIX = 'evertoken:'
const SHA1 = '0'.repeat(40)

/**
 * A Redis as its clients see it: calls take their way, queue for one thread, and are carried out one by one.
 *
 * What they do is what `MemoryTokenStore` does. While it is away they get no answer at all, which costs the most.
 */
export class StoreModel {
  readonly calls: PerSecond = new PerSecond()
  /** Bytes sent and received by all processes, as Redis's protocol counts them. */
  readonly bytes: PerSecond = new PerSecond()
  /** The bytes of the largest record that was written, with its key and the names of its fields. */
  atRest = 0
  readonly memory: MemoryTokenStore
  readonly encryption: StoreEncryption = new CommonEncryption({ encryptionKeys: FLEET_KEY })
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #outage: Span | undefined
  #busyUntilMs = 0

  constructor(time: VirtualTime, clock: Clock, random: Random, outage: Span | undefined) {
    this.#time = time
    this.#random = random
    this.#outage = outage
    this.memory = new MemoryTokenStore({ clock, encryptionKeys: FLEET_KEY })
  }

  /** One call: sent, carried out, answered. */
  call<T>(sent: readonly unknown[], work: () => Promise<T>, reply: (result: T) => readonly unknown[]): Promise<T> {
    const { nowMs } = this.#time
    this.calls.count(nowMs)
    this.bytes.count(nowMs, respBytes(sent))
    if (this.#outage !== undefined && nowMs >= this.#outage.fromMs && nowMs < this.#outage.toMs) {
      return new Promise(() => {})
    }
    const wayMs = this.#random.logNormal(LATENCY.medianMs, LATENCY.spread) / 2
    return new Promise((resolve, reject) => {
      const carryOut = () => {
        work().then((result) => {
          this.bytes.count(this.#time.nowMs, respBytes(reply(result)))
          this.#time.after(wayMs, () => resolve(result))
        }, reject)
      }
      this.#time.after(wayMs, () => {
        this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#time.nowMs) + SERVICE_MS
        this.#time.after(this.#busyUntilMs - this.#time.nowMs, carryOut)
      })
    })
  }
}

/** One process's connection. */
export class StoreConnection implements TokenStore {
  readonly encryption: MemoryTokenStore['encryption']
  readonly #model: StoreModel
  #dead = false

  constructor(model: StoreModel) {
    this.#model = model
    this.encryption = model.encryption
  }

  /** The process was killed: what it has sent is carried out, and nobody hears of it. */
  kill(): void {
    this.#dead = true
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    return await this.#call(key, [], (memory) => memory.get(key), recordReply)
  }

  async getOrLease(key: string, request: LeaseRequest): Promise<LeaseAnswer> {
    const { owner, ttlMs, stale } = request
    const sent = [owner, ttlMs, stale?.fingerprint ?? '', stale?.fence ?? 0]
    return await this.#call(key, sent, (memory) => memory.getOrLease(key, request), leaseReply)
  }

  async renew(key: string, lease: Lease, ttlMs: number): Promise<boolean> {
    return await this.#call(key, [lease.owner, lease.fence, ttlMs], (memory) => memory.renew(key, lease, ttlMs), NUMBER)
  }

  async set(key: string, record: NewRecord, options: SetOptions): Promise<boolean> {
    const { kind, value, fingerprint } = record
    const { ttlMs, lease } = options
    const sent = [kind, value, fingerprint, ttlMs, lease?.owner ?? '', lease?.fence ?? '']
    this.#model.atRest = Math.max(this.#model.atRest, restBytes(key, record))
    return await this.#call(key, sent, (memory) => memory.set(key, record, options), NUMBER)
  }

  async delete(key: string, fingerprint: string): Promise<boolean> {
    return await this.#call(key, [fingerprint, DELETE_PAUSE_MS], (memory) => memory.delete(key, fingerprint), NUMBER)
  }

  async #call<T>(
    key: string,
    values: readonly unknown[],
    work: (memory: MemoryTokenStore) => Promise<T>,
    reply: (result: T) => readonly unknown[],
  ): Promise<T> {
    const sent = ['EVALSHA', SHA1, 1, `${PREFIX}${key}`, ...values]
    const result = await this.#model.call(sent, () => work(this.#model.memory), reply)
    return this.#dead ? await new Promise<never>(() => {}) : result
  }
}

/** Derives, names and reads but once what is the same for all processes: a third of the time. */
class CommonEncryption extends StoreEncryption {
  readonly #cells = remembering((credential) =>
    super.cells(credential).map((cell) => {
      const name = remembering((identity) => StoreCell.prototype.name.call(cell, identity))
      const fingerprint = remembering((text) => StoreCell.prototype.fingerprint.call(cell, text))
      const open = remembering((sealed, context) => StoreCell.prototype.open.call(cell, sealed, context))
      return Object.assign(cell, { name, fingerprint, open })
    }),
  )

  override cells(credential: string): readonly StoreCell[] {
    return this.#cells(credential)
  }
}

/** The function, which works out the last few results but once. */
function remembering<T>(work: (a: string, b: string) => T): (a: string, b?: string) => T {
  const known: { readonly a: string; readonly b: string; readonly result: T }[] = []
  return (a, b = '') => {
    const found = known.find((one) => one.a === a && one.b === b)
    if (found !== undefined) return found.result
    const result = work(a, b)
    known.unshift({ a, b, result })
    known.length = Math.min(known.length, 4)
    return result
  }
}

const FLEET_KEY = Uint8Array.from({ length: 32 }, (_, at) => (at * 37 + 11) & 255)

// An integer takes as much as a text of no letters.
const NUMBER = (): readonly unknown[] => []

function recordReply(record: StoredRecord | undefined): readonly unknown[] {
  return record === undefined
    ? []
    : ['token', record.value, record.fingerprint, record.fence, Math.floor(record.leftMs)]
}

function leaseReply(answer: LeaseAnswer): readonly unknown[] {
  if (answer === 'busy') return ['busy']
  if ('lease' in answer) return ['lease', answer.lease.fence]
  return recordReply('token' in answer ? answer.token : answer.error)
}

// An array of bulk strings, as requests and replies are.
function respBytes(texts: readonly unknown[]): number {
  const lengths = texts.map((text) => String(text).length)
  return lengths.reduce((sum, length) => sum + length + String(length).length + 5, 3 + String(texts.length).length)
}

function restBytes(key: string, { value, fingerprint }: NewRecord): number {
  const fields = ['token', 'token_print', 'token_fence', 'token_until', 'issued', 'written']
  const numbers = 4 * String(Date.UTC(2026) * 1000).length
  return PREFIX.length + key.length + fields.join('').length + numbers + value.length + fingerprint.length
}
