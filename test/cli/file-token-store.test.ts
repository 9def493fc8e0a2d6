import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { withFileLock } from '../../src/cli/file-lock.ts'
import { FileTokenStore } from '../../src/cli/file-token-store.ts'
import { readPrivateFile } from '../../src/cli/private-files.ts'
import { leaseContract } from '../../src/testing/lease-contract.ts'
import { type StoreUnderTest, storeContract } from '../../src/testing/store-contract.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let folder: string

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'evertoken-cache-')), 'evertoken')
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(join(folder, '..'), { recursive: true })
})

const record = { kind: 'token' as const, value: 'one', fingerprint: 'print of one' }
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

async function underTest(): Promise<StoreUnderTest> {
  const clock = new VirtualClock()
  const [store, other] = [await FileTokenStore.open(folder, clock), await FileTokenStore.open(folder, clock)]
  const lose = async () => {
    for (const name of await readdir(folder)) if (name.endsWith('.json')) await rm(join(folder, name))
    await clock.advance(1)
  }
  return { store, other, pass: (ms) => clock.advance(ms), lose }
}

describe('the store in files', () => {
  it.each([...storeContract, ...leaseContract])('$title', async ({ run }) => await run(await underTest()))

  it('gives one of many that ask at once the lease', async () => {
    const stores = await Promise.all(Array.from({ length: 20 }, () => FileTokenStore.open(folder)))
    const asked = stores.map((store, i) => store.getOrLease('1:key', { owner: `${i}`, ttlMs: 60_000 }))
    const answers = await Promise.all(asked)
    expect(answers.filter((answer) => answer !== 'busy')).toHaveLength(1)
  })

  it('is for its owner only', async () => {
    const store = await FileTokenStore.open(folder)
    await store.set('1:key', record, { ttlMs: 60_000 })
    expect(await modeOf(folder)).toBe('700')
    for (const name of await readdir(folder)) expect(await modeOf(join(folder, name)), name).toBe('600')
  })

  it('closes a folder that is open to others', async () => {
    await FileTokenStore.open(folder)
    await chmod(folder, 0o755)
    await FileTokenStore.open(folder)
    expect(await modeOf(folder)).toBe('700')
  })

  it('refuses a key that others may read', async () => {
    await FileTokenStore.open(folder)
    await chmod(join(folder, 'key'), 0o644)
    await expect(FileTokenStore.open(folder)).rejects.toMatchObject({ hint: expect.stringContaining('chmod 600') })
  })

  it('refuses a key that is a link', async () => {
    await FileTokenStore.open(folder)
    await writeFile(join(folder, '../other'), await readFile(join(folder, 'key')), { mode: 0o600 })
    await rm(join(folder, 'key'))
    await symlink('../other', join(folder, 'key'))
    await expect(FileTokenStore.open(folder)).rejects.toThrow('is a link')
  })

  it('refuses a folder, and a key, of another user', async () => {
    await FileTokenStore.open(folder)
    const key = join(folder, 'key')
    vi.spyOn(process, 'getuid').mockReturnValue(12_345)
    await expect(FileTokenStore.open(folder)).rejects.toThrow(`${folder} belongs to another user.`)
    await expect(readPrivateFile(key)).rejects.toThrow(`${key} belongs to another user.`)
  })

  it.each([
    ['a file', async () => await writeFile(folder, 'precious')],
    ['a link to a folder', async () => await symlink('..', folder)],
  ])('refuses %s in place of the folder', async (_, make) => {
    await make()
    await expect(FileTokenStore.open(folder)).rejects.toMatchObject({
      message: `${folder} is no folder, or a link to one.`,
      hint: expect.stringContaining('EVERTOKEN_CACHE_DIR'),
    })
  })

  it('refuses a folder in place of the key', async () => {
    await FileTokenStore.open(folder)
    await rm(join(folder, 'key'))
    await mkdir(join(folder, 'key'))
    await expect(FileTokenStore.open(folder)).rejects.toThrow('is not a file')
  })

  it('says so when the key is damaged', async () => {
    await FileTokenStore.open(folder)
    await writeFile(join(folder, 'key'), 'half a k')
    await expect(FileTokenStore.open(folder)).rejects.toMatchObject({
      hint: expect.stringContaining('Remove the file'),
    })
  })

  it('counts a damaged entry as absent', async () => {
    const store = await FileTokenStore.open(folder)
    await store.set('1:key', record, { ttlMs: 60_000 })
    await writeFile(join(folder, '1_key.json'), '{"token":')
    expect(await store.get('1:key')).toBeUndefined()
    expect(await store.set('1:key', record, { ttlMs: 60_000 })).toBe(true)
  })

  it('counts an entry that others may read as absent, and puts a private one in its place', async () => {
    const store = await FileTokenStore.open(folder)
    await store.set('1:key', record, { ttlMs: 60_000 })
    await chmod(join(folder, '1_key.json'), 0o644)
    expect(await store.get('1:key')).toBeUndefined()
    expect(await store.set('1:key', record, { ttlMs: 60_000 })).toBe(true)
    expect(await modeOf(join(folder, '1_key.json'))).toBe('600')
  })

  it('needs no lock to say what is there, nor that somebody else gets it', async () => {
    const store = await FileTokenStore.open(folder)
    const request = { owner: 'me', ttlMs: 60_000 }
    expect(await store.getOrLease('1:key', { ...request, owner: 'another' })).toHaveProperty('lease')
    await store.set('2:key', record, { ttlMs: 60_000 })
    const lock = `${process.pid} another`
    for (const name of ['1_key', '2_key']) await writeFile(join(folder, `${name}.json.lock`), lock, { mode: 0o600 })
    expect(await store.getOrLease('1:key', request)).toBe('busy')
    expect(await store.getOrLease('2:key', request)).toMatchObject({ token: { value: 'one' } })
    // Else it would have waited until they count as abandoned, and taken them away.
    for (const name of ['1_key', '2_key']) {
      expect(await readFile(join(folder, `${name}.json.lock`), 'utf8')).toBe(lock)
    }
  })

  it('takes a lock away whose holder is gone', async () => {
    const store = await FileTokenStore.open(folder)
    await writeFile(join(folder, '1_key.json.lock'), `999999999 gone ${hostname()}`, { mode: 0o600 })
    expect(await store.set('1:key', record, { ttlMs: 60_000 })).toBe(true)
    expect(await readdir(folder)).toEqual(['1_key.json', 'key'])
  })

  it.each([
    ['is too old to be of use', -60],
    ['is of the future, before the clock was set back', 3600],
  ])('takes a lock away that %s', async (_, awayS) => {
    const store = await FileTokenStore.open(folder)
    const lock = join(folder, '1_key.json.lock')
    await writeFile(lock, `${process.pid} asleep`, { mode: 0o600 })
    await utimes(lock, Date.now() / 1000 + awayS, Date.now() / 1000 + awayS)
    expect(await store.set('1:key', record, { ttlMs: 60_000 })).toBe(true)
    expect(await readdir(folder)).toEqual(['1_key.json', 'key'])
  })

  it('does not wait without end for a lock', async () => {
    await FileTokenStore.open(folder)
    const lock = join(folder, 'a.lock')
    const again = () => withFileLock(lock, async () => 'twice', -1)
    await expect(withFileLock(lock, again)).rejects.toThrow(`The lock ${lock} is not given up.`)
    expect(await readdir(folder)).toEqual(['key'])
    expect(await withFileLock(lock, async () => 'once')).toBe('once')
  })

  it('waits for a holder on another machine, whose processes it cannot see', async () => {
    const store = await FileTokenStore.open(folder)
    const lock = join(folder, '1_key.json.lock')
    const held = '999999999 there another-machine'
    await writeFile(lock, held, { mode: 0o600 })
    // However busy this machine is, the lock does not grow old meanwhile.
    await utimes(lock, Date.now() / 1000 + 4, Date.now() / 1000 + 4)
    await expect(withFileLock(lock, async () => 'mine', -1)).rejects.toThrow('is not given up')
    expect(await readFile(lock, 'utf8')).toBe(held)
    const written = store.set('1:key', record, { ttlMs: 60_000 })
    await rm(lock)
    expect(await written).toBe(true)
  })

  it('waits for a holder of another user, to whom it may send no signal', async () => {
    await FileTokenStore.open(folder)
    const lock = join(folder, 'a.lock')
    const held = `1 there ${hostname()}`
    await writeFile(lock, held, { mode: 0o600 })
    await utimes(lock, Date.now() / 1000 + 4, Date.now() / 1000 + 4)
    vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    await expect(withFileLock(lock, async () => 'mine', -1)).rejects.toThrow('is not given up')
    expect(await readFile(lock, 'utf8')).toBe(held)
  })

  it('leaves the files of others alone, in a folder that is not for tokens alone', async () => {
    await mkdir(folder, { mode: 0o700 })
    const longAgo = Date.now() / 1000 - 3600
    for (const name of ['thesis.txt', 'config.json', '.profile']) {
      await writeFile(join(folder, name), 'precious')
      await utimes(join(folder, name), longAgo, longAgo)
    }
    await (await FileTokenStore.open(folder)).prune()
    expect(await readdir(folder)).toEqual(['.profile', 'config.json', 'key', 'thesis.txt'])
  })

  it('does not close a folder that others may need', async () => {
    await mkdir(folder)
    await chmod(folder, 0o755)
    await writeFile(join(folder, 'shared.txt'), '')
    await expect(FileTokenStore.open(folder)).rejects.toThrow('has other files')
    expect(await modeOf(folder)).toBe('755')
  })

  it('removes what is of no use any more, and nothing else', async () => {
    const store = await FileTokenStore.open(folder)
    await store.set('1:old', record, { ttlMs: 1 })
    await store.set('1:new', record, { ttlMs: 600_000 })
    const longAgo = Date.now() / 1000 - 3600
    await utimes(join(folder, '1_old.json'), longAgo, longAgo)
    await utimes(join(folder, 'key'), longAgo, longAgo)
    await store.prune()
    expect(await readdir(folder)).toEqual(['1_new.json', 'key'])
  })
})
