import { digest } from '../digest.ts'
import { optionError, TokenError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import { sendAssertion } from './client-assertion.ts'
import { type ClientAuthentication, clientAuthentication } from './client-authentication.ts'
import { filePath, readMountedFile } from './mounted-file.ts'
import { askSupplier } from './supplier.ts'

/** Where the platform's assertion comes from: one of the two. */
export type WorkloadIdentityOptions =
  | {
      /** The path of a file that the platform keeps fresh, such as a Kubernetes service account token. */
      readonly file: string | URL
      readonly assertion?: undefined
    }
  | {
      /** Gives the assertion, for example from a metadata service; asked for every token request. */
      readonly assertion: () => string | Promise<string>
      readonly file?: undefined
    }

/**
 * Authenticates by an assertion that the platform vouches for this workload with, instead of a secret of the client's
 * own: a projected service account token of Kubernetes, or what a cloud's metadata service gives. It is read anew for
 * every attempt, and sent with the client's id.
 *
 * The assertion is not verified. One that is missing, is no JWT or has expired fails the request with
 * `secret_unavailable`, and is read again by the next attempt.
 * @throws TypeError unless exactly one of `file` and `assertion` is given
 * @see RFC 7523 §2.2
 */
export function workloadIdentity(options: WorkloadIdentityOptions): ClientAuthentication {
  const { file, assertion } = ownOptions<WorkloadIdentityOptions>(options, '', ['file', 'assertion'])
  if ((file === undefined) === (assertion === undefined)) {
    throw optionError('file', 'or `assertion` must be given, and not both', 'Is the environment variable set?')
  }
  if (assertion !== undefined && typeof assertion !== 'function') {
    throw optionError('assertion', 'must be a function', 'A fixed assertion would soon be an expired one.')
  }
  const path = assertion === undefined ? filePath(file as string | URL, 'file') : undefined
  const read = (client: string): Promise<string> =>
    path === undefined
      ? askSupplier('The function given as `assertion`', client, assertion as () => string | Promise<string>)
      : askSupplier('Workload identity', client, () => readMountedFile(path))
  return clientAuthentication(
    'private_key_jwt',
    async (draft) => {
      const jwt = await read(draft.client)
      check(jwt, draft.client, draft.now, path)
      draft.credential = digest(jwt)
      sendAssertion(draft, jwt, true)
    },
    // What a function gives may be new each time, which says nothing about whether the server will like it better.
    { currentCredential: path === undefined ? undefined : async (client) => digest(await read(client)) },
  )
}

function check(jwt: unknown, client: string, now: number, path: string | URL | undefined): void {
  const refuse = (problem: string, hint: string) =>
    new TokenError({
      code: 'secret_unavailable',
      client,
      message: `The assertion ${path === undefined ? 'that the function given as `assertion` returned' : `in ${path}`} for client "${client}" ${problem}.`,
      hint,
      retryable: true,
    })
  const [, payload, ...rest] = typeof jwt === 'string' && /^[\w.-]+$/.test(jwt) ? jwt.split('.') : []
  if (payload === undefined || rest.length !== 1) {
    throw refuse('is not a JWT', 'It has three parts with dots between them. Is this the right file or function?')
  }
  const expiresAt = expiryOf(payload)
  if (expiresAt === undefined || expiresAt > now) return
  throw refuse(
    `expired at ${new Date(expiresAt).toISOString()}`,
    'The platform no longer renews it. In Kubernetes a volume that is mounted with `subPath` never changes. Or is the clock wrong?',
  )
}

function expiryOf(payload: string): number | undefined {
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' && Math.abs(exp) < 8.64e12 ? exp * 1000 : undefined
  } catch {
    // Whether the rest of it is a JWT is for the server to say.
    return undefined
  }
}
