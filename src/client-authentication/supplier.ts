import { TokenError } from '../errors.ts'
import { MountedFileError } from './mounted-file.ts'

/**
 * Calls a function that was given to supply a secret, a key or an assertion.
 * @param what begins a sentence that names it, such as "The function given as `clientSecret`"
 * @throws TokenError `secret_unavailable`, retryable, when it fails
 */
export async function askSupplier<T>(what: string, client: string, supplier: () => T | Promise<T>): Promise<T> {
  try {
    return await supplier()
  } catch (cause) {
    const file = cause instanceof MountedFileError ? cause : undefined
    throw new TokenError({
      code: 'secret_unavailable',
      client,
      message: `${what} failed for client "${client}"${file === undefined ? '' : `: ${file.message}`}.`,
      hint: file?.hint ?? 'Look at `cause`; the secret store may be unreachable.',
      retryable: true,
      cause,
    })
  }
}
