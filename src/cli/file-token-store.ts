import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../clock.ts'
import { StoreEncryption } from '../store/encryption.ts'
import {
  deleteRecord,
  emptyEntry,
  foundOrBusy,
  grantLease,
  living,
  renewLease,
  type StoreEntry,
  writeRecord,
} from '../store/store-entry.ts'
import type {
  Lease,
  LeaseAnswer,
  LeaseRequest,
  NewRecord,
  SetOptions,
  StoredRecord,
  TokenStore,
} from '../store/token-store.ts'
import { CommandError } from './command-error.ts'
import { withFileLock } from './file-lock.ts'
import { privateFolder, readPrivateFile, writePrivateFile } from './private-files.ts'

const KEY_FILE = 'key'
const ENTRY_ENDING = '.json'
// An entry, its lock, the lock of the key, and what they are drafted as.
const OWN_FILE = /^(?:\d+_[\w-]+\.json|key)(?:\.lock)?(?:\.[\da-f-]{36})?$/
// Writers may come a little late.
const KEPT_LONGER_MS = 60_000

/**
 * Shares tokens between processes of one user on one machine: a file for each token, in a folder that only the user can
 * enter. Encrypted with a key that lies beside them, and with the client's secret, which does not.
 */
export class FileTokenStore implements TokenStore {
  readonly encryption: StoreEncryption
  // Many scripts may start at once, on a busy machine.
  readonly timeoutMs = 10_000
  readonly #folder: string
  readonly #clock: Pick<Clock, 'now'>

  private constructor(folder: string, encryption: StoreEncryption, clock: Pick<Clock, 'now'>) {
    this.#folder = folder
    this.#clock = clock
    this.encryption = encryption
  }

  /**
   * The store in this folder, which is made if it is not there.
   * @throws CommandError if others can read what is in it, or it is open to others and not for tokens alone
   */
  static async open(folder: string, clock: Pick<Clock, 'now'> = systemClock): Promise<FileTokenStore> {
    await privateFolder(folder, OWN_FILE)
    const path = join(folder, KEY_FILE)
    const read = () => readPrivateFile(path)
    if ((await read()) === undefined) {
      await withFileLock(`${path}.lock`, async () => {
        const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
        if ((await read()) === undefined) await writePrivateFile(path, key)
      })
    }
    const key = await read()
    try {
      return new FileTokenStore(folder, new StoreEncryption({ encryptionKeys: key?.trim() }), clock)
    } catch {
      throw new CommandError(`${path} holds no key.`, 'Remove the file; a new one will be made.')
    }
  }

  /** Removes all tokens that have expired, and no file that is not the store's. */
  async prune(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      if (name === KEY_FILE || !OWN_FILE.test(name)) continue
      try {
        // A file's time is that at which nothing in it is of use any more.
        if ((await stat(path)).mtimeMs + KEPT_LONGER_MS < this.#clock.now()) await rm(path)
      } catch {
        // Another process removed it.
      }
    }
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    return living((await this.#read(key)).token, this.#clock.now())
  }

  async getOrLease(key: string, request: LeaseRequest): Promise<LeaseAnswer> {
    // Without the lock, which many that wait for a token would take from the one that gets it.
    const seen = foundOrBusy(await this.#read(key), request, this.#clock.now())
    if (seen !== undefined) return seen
    return await this.#change(key, (entry, now) => {
      return foundOrBusy(entry, request, now) ?? { lease: grantLease(entry, request, now, now) }
    })
  }

  async renew(key: string, lease: Lease, ttlMs: number): Promise<boolean> {
    return await this.#change(key, (entry, now) => renewLease(entry, lease, ttlMs, now))
  }

  async set(key: string, record: NewRecord, options: SetOptions): Promise<boolean> {
    return await this.#change(key, (entry, now) => writeRecord(entry, record, options, now))
  }

  async delete(key: string, fingerprint: string): Promise<boolean> {
    return await this.#change(key, (entry, now) => deleteRecord(entry, fingerprint, now))
  }

  async #change<T>(key: string, change: (entry: StoreEntry, now: number) => T): Promise<T> {
    const path = this.#path(key)
    return await withFileLock(`${path}.lock`, async () => {
      const entry = await this.#read(key)
      const before = JSON.stringify(entry)
      const answer = change(entry, this.#clock.now())
      const after = JSON.stringify(entry)
      if (after !== before) {
        await writePrivateFile(path, after)
        const until = Math.max(...[entry.token, entry.error, entry.lease].map((kept) => kept?.until ?? 0)) / 1000
        await utimes(path, until, until)
      }
      return answer
    })
  }

  async #read(key: string): Promise<StoreEntry> {
    try {
      // What is in the records is checked by who reads them.
      return { ...emptyEntry(), ...(JSON.parse((await readPrivateFile(this.#path(key))) ?? '{}') as StoreEntry) }
    } catch {
      // Damaged, or not for its owner alone: the next token takes its place.
      return emptyEntry()
    }
  }

  #path(key: string): string {
    return join(this.#folder, `${key.replace(/[^\w-]/g, '_')}${ENTRY_ENDING}`)
  }
}
