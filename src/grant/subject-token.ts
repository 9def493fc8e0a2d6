import { inspect } from 'node:util'
import { digest } from '../digest.ts'
import { optionError, TokenError } from '../errors.ts'

/**
 * The token of a user, on whose behalf another is asked for. It is kept in memory by the source of that other token,
 * which asks again when a refresh is due; printed in any way it shows a digest.
 */
export class SubjectToken {
  readonly #token: string
  /** Its SHA-256: what a key holds of it. */
  readonly digest: string

  constructor(token: string) {
    this.#token = token
    this.digest = digest(token)
  }

  /** The token itself. */
  reveal(): string {
    return this.#token
  }

  /** A short name that is safe to log. */
  get fingerprint(): string {
    return this.digest.slice(0, 8)
  }

  /** @internal */
  [inspect.custom](): string {
    return `SubjectToken ${this.fingerprint}`
  }
}

/** @throws TypeError naming the option, never with the token in it */
export function readSubjectToken(value: unknown, option: string): SubjectToken | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') {
    throw optionError(option, 'must be a non-empty string', "It is the text of the user's token.")
  }
  if (/^bearer /i.test(value)) {
    throw optionError(option, 'begins with "Bearer "', 'Give the token alone, without the scheme of the header.')
  }
  // Whoever takes it from a header, a cookie or a file may take too much.
  if (!/^[!-~]+(?: [!-~]+)*$/.test(value)) {
    throw optionError(option, 'has characters that no token has', 'Trim it; is it the token alone?')
  }
  return new SubjectToken(value)
}

/** The error of a request that does not say on whose behalf. */
export function subjectTokenMissing(client: string): TokenError {
  return new TokenError({
    code: 'subject_token_missing',
    client,
    message: `Client "${client}" asks for tokens on behalf of users, and the request has no \`subjectToken\`.`,
    hint: "Give the user's token with the call: `getToken({ subjectToken })`, or `token: { subjectToken }` of an HTTP request.",
  })
}

/** The error of a request with a user's token that would get one that is not that user's. */
export function subjectTokenUnused(client: string): TypeError {
  return optionError(
    'subjectToken',
    `is not used by the grant of client "${client}"`,
    'Give the client `grant: tokenExchange()`, or `jwtBearer()` where the server wants that.',
  )
}
