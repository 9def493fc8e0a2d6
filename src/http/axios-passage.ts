import type { InternalAxiosRequestConfig } from 'axios'
import { AccessToken } from '../access-token.ts'
import type { TokenSource } from '../token-source.ts'
import { authorizationOf, type HeaderRecord } from './authorization-header.ts'

/** The name under which a request's config carries its {@link Passage}. */
export const PASSAGE = 'evertoken'

/** A request's config with what evertoken keeps on it. */
export type PassageConfig = InternalAxiosRequestConfig & { [PASSAGE]?: Passage | undefined }

/**
 * What was decided about a request: it carries a token (`replay`: the one that replaced a rejected one), goes out with
 * the caller's own header, or with none of ours.
 */
export type Decision = 'open' | 'token' | 'replay' | 'own header' | 'none'

/**
 * One request on its way through the interceptors: what was decided about it, and for which URL.
 *
 * It hangs on the config under a string, not a symbol, because older versions of axios copy configs by their string
 * keys only, and the header we wrote must be known again when a config comes back (from axios-retry, say). Everything
 * in it is private, so that a printed config shows nothing.
 */
export class Passage {
  readonly #decision: Decision
  readonly #source: TokenSource | undefined
  readonly #token: AccessToken | undefined
  readonly #origin: string | undefined
  readonly #isRefreshDue: boolean
  readonly #previous: string | undefined
  readonly #wanted: unknown
  readonly #url: string | undefined
  readonly #baseURL: string | undefined

  constructor(
    config: PassageConfig,
    decision: Decision,
    source?: TokenSource,
    token?: AccessToken,
    origin?: string,
    isRefreshDue = false,
  ) {
    this.#decision = decision
    this.#source = source
    this.#token = token
    this.#origin = origin
    this.#isRefreshDue = isRefreshDue
    this.#previous = config[PASSAGE]?.authorization()
    this.#wanted = config.token
    this.#url = config.url
    this.#baseURL = config.baseURL
  }

  decision(): Decision {
    return this.#decision
  }

  source(): TokenSource | undefined {
    return this.#source
  }

  token(): AccessToken | undefined {
    return this.#token
  }

  /** The origin that was approved for the token. */
  origin(): string {
    return this.#origin ?? ''
  }

  isRefreshDue(): boolean {
    return this.#isRefreshDue
  }

  /** The header's value that we write for this sending. */
  authorization(): string | undefined {
    return this.#token && AccessToken.authorizationOf(this.#token)
  }

  /** Whether this header's value is ours, from this sending or the one before. */
  wrote(value: unknown): boolean {
    return value !== undefined && (value === this.authorization() || value === this.#previous)
  }

  /** Whether the config still asks for the same token at the same URL. */
  stillHolds(config: PassageConfig): boolean {
    return config.url === this.#url && config.baseURL === this.#baseURL && config.token === this.#wanted
  }

  /** Whether the request may be sent as it is now, whatever other interceptors did to it since. */
  isSettled(config: PassageConfig): boolean {
    const value = authorizationOf(config.headers as HeaderRecord)
    if (this.#decision === 'open' || !this.stillHolds(config)) return false
    if (this.#decision === 'none') return true
    if (this.#decision === 'own header') return value !== undefined
    return value === this.authorization() && !config.auth && this.#isTokenUsable()
  }

  /** Nothing: a config that is serialised carries no trace. */
  toJSON(): undefined {
    return undefined
  }

  // A token that must not be cached has no place in its source, and is good for this once.
  #isTokenUsable(): boolean {
    return this.#token?.lifetimeMs === 0 || this.#token === this.#source?.peek()
  }
}

/** Makes a request carry this token. */
export function carryToken(
  config: PassageConfig,
  decision: 'token' | 'replay',
  source: TokenSource,
  token: AccessToken,
  origin: string,
): void {
  config[PASSAGE] = new Passage(config, decision, source, token, origin)
  const headers: HeaderRecord = config.headers
  headers.Authorization = AccessToken.authorizationOf(token)
}
