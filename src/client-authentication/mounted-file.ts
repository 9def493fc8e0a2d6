import { readFile } from 'node:fs/promises'
import { optionError } from '../errors.ts'

/** Why a file could not be used, and what to do about it. */
export class MountedFileError extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/**
 * A client secret that is in a file, as Kubernetes and Docker mount them; for the option `clientSecret`. The file is
 * read for every token request, so that a rotated secret is used at once. White space around the secret is removed.
 *
 * When the file is missing, empty or may not be read, the request fails with `secret_unavailable` and is tried again;
 * a token that is still valid stays in use.
 * @param path of the file itself, not of the folder it is mounted in
 * @throws TypeError if that is no path
 */
export function secretFromFile(path: string | URL): () => Promise<string> {
  const checked = filePath(path, 'secretFromFile')
  return () => readMountedFile(checked)
}

/** @throws TypeError naming the option */
export function filePath(path: string | URL, option: string): string | URL {
  if (path instanceof URL || (typeof path === 'string' && path !== '' && !path.includes('\0'))) return path
  throw optionError(option, 'must be the path of a file', 'Is the environment variable set?')
}

/** What is in a file, without white space around it, read anew: behind the path there may be another file every time. */
export async function readMountedFile(path: string | URL): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const [problem, hint] = PROBLEMS.get(error.code) ?? [`cannot be read (${error.code})`, 'Check the volume.']
    throw new MountedFileError(`${path} ${problem}`, hint)
  })
  const content = text.trim()
  if (content !== '') return content
  throw new MountedFileError(`${path} is empty`, 'Has it been written, and is it the right key of the secret?')
}

const PROBLEMS: ReadonlyMap<string | undefined, readonly [problem: string, hint: string]> = new Map([
  ['ENOENT', ['does not exist', 'Is the volume mounted, and is this the path of the file in it?']],
  ['ENOTDIR', ['does not exist', 'A part of the path is a file and not a folder.']],
  [
    'EACCES',
    ['may not be read by this process', 'Check its owner and mode; in Kubernetes `fsGroup` and `defaultMode`.'],
  ],
  ['EISDIR', ['is a folder', 'Name the file in it. Docker makes a folder where the file to be mounted is missing.']],
])
