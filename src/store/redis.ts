import { optionError } from '../errors.ts'
import { duration, ownOptions } from '../option-values.ts'
import { StoreEncryption, type StoreEncryptionOptions } from './encryption.ts'
import { type RedisClient, type RunScript, scriptRunner } from './redis-client.ts'
import { DELETE, GET, GET_OR_LEASE, RENEW, SET } from './redis-scripts.ts'
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

export type { EncryptionKey, StoreEncryptionOptions } from './encryption.ts'
export type { IoRedisClient, NodeRedisArguments, NodeRedisClient, RedisClient } from './redis-client.ts'

/** Options of a {@link RedisTokenStore}. */
export interface RedisTokenStoreOptions extends StoreEncryptionOptions {
  /** What the keys in Redis begin with. Default: `evertoken:`. */
  readonly prefix?: string | undefined
  /** How long one call may take, in milliseconds, before evertoken goes on without Redis. Default: 50. */
  readonly timeoutMs?: number | undefined
}

/**
 * Shares tokens between processes by Redis (tested with 6.0, 7.0 and 8.0) or Valkey (8.1): one key per token, one round
 * trip per call.
 *
 * Uses the application's own client, of the package `redis` or `ioredis`, for one server, Sentinel or Cluster: it must
 * be connected before tokens are asked for, and is neither connected, closed nor listened to here. Give it an `error`
 * listener, as any such client needs. Nothing is sent to Redis for a token that the process has.
 *
 * What its user may do in Redis can be held to
 * `~evertoken:* -@all +evalsha +eval +time +hgetall +hset +hdel +del +pttl +pexpire`, and what the client itself sends.
 *
 * One store may serve any number of managers.
 */
export class RedisTokenStore implements TokenStore {
  readonly encryption: StoreEncryption
  readonly timeoutMs: number
  readonly #run: RunScript

  /** @throws TypeError for a client that is neither, and for a wrong option, which it names */
  constructor(client: RedisClient, options: RedisTokenStoreOptions) {
    const { prefix = 'evertoken:', timeoutMs, ...protection } = ownOptions<RedisTokenStoreOptions>(options, '', OPTIONS)
    const run = scriptRunner(client)
    if (run === undefined) {
      const hint =
        typeof client === 'string' ? 'Make one of the URL: `createClient({ url })`, and connect it.' : undefined
      throw optionError('client', 'must be a client of the package `redis` or `ioredis`', hint)
    }
    if (typeof prefix !== 'string' || /[^\x21-\x7e]|[{}]/.test(prefix)) {
      // A hash tag would put all tokens on one server of a cluster.
      throw optionError('prefix', 'must be printable characters without spaces or braces')
    }
    this.#run = (script, key, values) => run(script, `${prefix}${key}`, values)
    this.encryption = new StoreEncryption(protection)
    this.timeoutMs = duration(timeoutMs, 'timeoutMs', 50, { mostMs: 60_000 })
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    const [kind, ...record] = texts(await this.#run(GET, key, []))
    return kind === 'token' ? storedRecord(record) : undefined
  }

  async getOrLease(key: string, { owner, ttlMs, stale }: LeaseRequest): Promise<LeaseAnswer> {
    const { fingerprint = '', fence = 0 } = stale ?? {}
    const [kind, ...rest] = texts(
      await this.#run(GET_OR_LEASE, key, [owner, String(ttlMs), fingerprint, String(fence)]),
    )
    if (kind === 'token') return { token: storedRecord(rest) }
    if (kind === 'error') return { error: storedRecord(rest) }
    if (kind === 'busy') return 'busy'
    const issued = Number(rest[0])
    if (kind === 'lease' && issued > 0) return { lease: { owner, fence: issued } }
    // Whatever lies between may answer for Redis; who waits for nobody would wait in vain.
    throw new TypeError('Not an answer of getOrLease')
  }

  async renew(key: string, { owner, fence }: Lease, ttlMs: number): Promise<boolean> {
    return Number(await this.#run(RENEW, key, [owner, String(fence), String(ttlMs)])) === 1
  }

  async set(key: string, { kind, value, fingerprint }: NewRecord, { ttlMs, lease }: SetOptions): Promise<boolean> {
    const owner = lease?.owner ?? ''
    const fence = lease === undefined ? '' : String(lease.fence)
    return Number(await this.#run(SET, key, [kind, value, fingerprint, String(ttlMs), owner, fence])) === 1
  }

  async delete(key: string, fingerprint: string): Promise<boolean> {
    return Number(await this.#run(DELETE, key, [fingerprint, String(DELETE_PAUSE_MS)])) === 1
  }
}

const OPTIONS = ['encryptionKeys', 'plaintext', 'prefix', 'timeoutMs'] satisfies (keyof RedisTokenStoreOptions)[]

// A client may be set to return Buffers.
function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}

function storedRecord([value = '', fingerprint = '', fence, leftMs]: readonly string[]): StoredRecord {
  return { value, fingerprint, fence: Number(fence), leftMs: Number(leftMs) }
}
