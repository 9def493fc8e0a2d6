import { constants } from 'node:fs'
import { chmod, link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CommandError } from './command-error.ts'

const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

// Windows has other means, which Node does not show.
const hasModes = process.platform !== 'win32'

/**
 * Makes a folder that only its owner can enter, if it is not there. One that is open to others is closed, if it has only
 * files of these names: anything else is somebody's who may have to read it.
 * @throws CommandError for a folder of another user, and one that is open and has other files
 */
export async function privateFolder(path: string, names: RegExp): Promise<void> {
  await makeFolder(path)
  const found = await lstat(path)
  if (!found.isDirectory()) {
    throw new CommandError(`${path} is no folder, or a link to one.`, 'EVERTOKEN_CACHE_DIR names another.')
  }
  if (!hasModes) return
  if (found.uid !== process.getuid?.())
    throw new CommandError(`${path} belongs to another user.`, 'Set EVERTOKEN_CACHE_DIR, or give --no-cache.')
  if ((found.mode & 0o077) === 0) return
  if ((await readdir(path)).some((name) => !names.test(name))) {
    throw new CommandError(`${path} has other files, and is open to others.`, 'Name a folder for tokens alone.')
  }
  await chmod(path, PRIVATE_FOLDER)
}

// Not mkdir's own `recursive`, which never ends below a folder such as /proc, that is there and denies it.
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: PRIVATE_FOLDER })
  } catch (error) {
    const parent = dirname(path)
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error
    await makeFolder(parent)
    await mkdir(path, { mode: PRIVATE_FOLDER }).catch((second) => {
      if (codeOf(second) !== 'EEXIST') throw second
    })
  }
}

/**
 * The text of a file that is this user's alone; `undefined` if there is none.
 * @throws CommandError for a link, another user's file, and one that others may read
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const file = await openToRead(path)
  if (file === undefined) return undefined
  try {
    const found = await file.stat()
    if (!found.isFile()) throw new CommandError(`${path} is not a file.`)
    if (hasModes && found.uid !== process.getuid?.()) throw new CommandError(`${path} belongs to another user.`)
    if (hasModes && (found.mode & 0o077) !== 0) {
      throw new CommandError(`${path} may be read by others.`, `Make it private: chmod 600 ${path}`)
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function openToRead(path: string) {
  try {
    return await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw new CommandError(`${path} is a link.`, 'It must be a file of its own.')
    throw new CommandError(`${path} cannot be read: ${code ?? 'unknown error'}.`)
  }
}

/** Replaces a file as a whole: who reads it meanwhile gets what was there before. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = await draftOf(path, text)
  await rename(draft, path)
}

/** Writes a file unless it is there. Whether it was written. */
export async function createPrivateFile(path: string, text: string): Promise<boolean> {
  const draft = await draftOf(path, text)
  try {
    // Unlike opening, linking shows others a file that is complete.
    await link(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (NO_LINKS.has(codeOf(error) ?? '')) return await createInPlace(path, text)
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

// What file systems answer that have no hard links, such as those of memory sticks and network shares.
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

async function createInPlace(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', PRIVATE_FILE)
    await file.writeFile(text).finally(() => file.close())
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function draftOf(path: string, text: string): Promise<string> {
  const draft = `${path}.${crypto.randomUUID()}`
  const file = await open(draft, 'wx', PRIVATE_FILE)
  try {
    await file.writeFile(text).finally(() => file.close())
    return draft
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** The system's code of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}
