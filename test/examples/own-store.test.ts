import { DatabaseSync } from 'node:sqlite'
import { StoreEncryption } from 'evertoken'
import { storeContract } from 'evertoken/testing'
import { describe, it } from 'vitest'
import { SqliteTokenStore } from '../../examples/own-store.ts'

const encryption = new StoreEncryption({ plaintext: true })

describe('a store in SQLite', () => {
  it.each(storeContract)('$title', async ({ run }) => {
    const db = new DatabaseSync(':memory:')
    const store = new SqliteTokenStore(db, encryption)
    const pass = async (ms: number) => db.exec(`UPDATE tokens SET until = until - ${ms}, deleted = deleted - ${ms}`)
    await run({ store, other: new SqliteTokenStore(db, encryption), pass })
    db.close()
  })
})
