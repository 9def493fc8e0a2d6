import type { InternalAxiosRequestConfig } from 'axios'
import { AccessToken } from '../access-token.ts'
import type { TokenSource } from '../token-source.ts'

/** The name under which a request's config carries its {@link Passage}. */
export const PASSAGE = 'evertoken'

/** A request's config with what evertoken keeps on it. */
export type PassageConfig = InternalAxiosRequestConfig & { [PASSAGE]?: Passage | undefined }

/**
 * One request on its way through the interceptors: which token it carries, and what was approved.
 *
 * It hangs on the config under a string, not a symbol, because axios copies configs by their string keys, and the
 * header we wrote must be known again when a config comes back (from axios-retry, say). Everything in it is private,
 * so that a printed config shows nothing.
 */
export class Passage {
  readonly #authorization: string | undefined
  readonly #previous: string | undefined
  readonly #token: AccessToken | undefined
  readonly #source: TokenSource | undefined
  readonly #refreshDue: boolean
  readonly #request: unknown
  readonly #url: string | undefined
  readonly #baseURL: string | undefined

  constructor(config: PassageConfig, source?: TokenSource, token?: AccessToken, refreshDue = false) {
    this.#authorization = token && AccessToken.authorizationOf(token)
    this.#previous = config[PASSAGE]?.authorization()
    this.#token = token
    this.#source = source
    this.#refreshDue = refreshDue
    this.#request = config.token
    this.#url = config.url
    this.#baseURL = config.baseURL
  }

  /** Whether the request still needs a token, or the approval of its URL, and so goes the asynchronous way. */
  undecided(): boolean {
    return this.#token === undefined
  }

  /** Whether the config still asks for the token and the URL that were approved. */
  stillHolds(config: PassageConfig): boolean {
    return config.url === this.#url && config.baseURL === this.#baseURL && config.token === this.#request
  }

  refreshDue(): boolean {
    return this.#refreshDue
  }

  authorization(): string | undefined {
    return this.#authorization ?? this.#previous
  }

  /** Whether this is a header's value that we wrote, for this sending or the one before. */
  wrote(value: unknown): boolean {
    return value !== undefined && (value === this.#authorization || value === this.#previous)
  }

  token(): AccessToken | undefined {
    return this.#token
  }

  source(): TokenSource | undefined {
    return this.#source
  }

  /** Nothing: a config that is serialised carries no trace. */
  toJSON(): undefined {
    return undefined
  }
}
