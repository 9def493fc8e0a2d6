import type { DatabaseSync } from 'node:sqlite'
import type { NewRecord, SetOptions, StoredRecord, StoreEncryption, TokenStore } from 'evertoken'

// The time of the store, not of this process, in milliseconds.
const NOW = "unixepoch('subsec') * 1000"

/** Shares tokens between the processes of one machine, in a file. Without leases, so that each may request one. */
export class SqliteTokenStore implements TokenStore {
  readonly encryption: StoreEncryption
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync, encryption: StoreEncryption) {
    this.encryption = encryption
    this.#db = db
    db.exec('CREATE TABLE IF NOT EXISTS tokens (key PRIMARY KEY, value, fingerprint, until, deleted DEFAULT 0)')
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    const found = this.#db
      .prepare(
        `SELECT value, fingerprint, 0 AS fence, until - ${NOW} AS leftMs FROM tokens WHERE key = ? AND leftMs > 0`,
      )
      .get(key)
    return found && ({ ...found } as unknown as StoredRecord)
  }

  async set(key: string, { kind, value, fingerprint }: NewRecord, { ttlMs }: SetOptions): Promise<boolean> {
    if (kind === 'error') return false // which goes with leases
    const { changes } = this.#db
      .prepare(
        `INSERT INTO tokens (key, value, fingerprint, until) VALUES (?, ?, ?, ${NOW} + ?) ON CONFLICT DO UPDATE
         SET (value, fingerprint, until) = (excluded.value, excluded.fingerprint, excluded.until) WHERE until <= ${NOW}`,
      )
      .run(key, value, fingerprint, ttlMs)
    return changes === 1
  }

  async delete(key: string, fingerprint: string): Promise<boolean> {
    const kept = this.#db
      .prepare(
        `UPDATE tokens SET until = iif(deleted > ${NOW} - 30000, until, 0), deleted = iif(deleted > ${NOW} - 30000, deleted, ${NOW})
         WHERE key = ? AND fingerprint = ? AND until > ${NOW} RETURNING until > 0 AS kept`,
      )
      .get(key, fingerprint)
    return kept?.kept !== 1
  }
}
