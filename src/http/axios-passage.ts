import type { InternalAxiosRequestConfig } from 'axios'
import type { AccessToken, Header } from '../access-token.ts'
import type { TokenSource } from '../token-source.ts'
import { type HeaderRecord, headerOf, removeHeader } from './authorization-header.ts'
import { lastingHeaders, PROOF, tokenHeaderNames } from './token-headers.ts'

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
  readonly #previous: readonly Header[]
  readonly #hadProof: boolean
  #isNonceSent: boolean
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
    const before = config[PASSAGE]
    this.#previous = before?.headers() ?? NO_HEADERS
    this.#hadProof = before?.hasProof() ?? false
    this.#isNonceSent = decision === 'replay' && before !== undefined && before.#isNonceSent
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

  /** Whether each sending needs a proof of its own beside them. */
  hasProof(): boolean {
    return this.#token?.tokenType === 'DPoP'
  }

  /** Whether a nonce that the API wants may be sent to it: once in a call, so the next time it may not. */
  mayStillSendNonce(): boolean {
    const isFirst = !this.#isNonceSent
    this.#isNonceSent = true
    return isFirst
  }

  /** The headers that we write for this sending, but for a proof. */
  headers(): readonly Header[] {
    return this.#token === undefined ? NO_HEADERS : lastingHeaders(this.#token)
  }

  /** Their names in lower case, and that of a proof; the first is the one in which the token goes. */
  headerNames(): readonly string[] {
    return this.#token === undefined ? [] : tokenHeaderNames(this.#token)
  }

  /** Whether this header's value is ours, from this sending or the one before. */
  wrote(value: unknown): boolean {
    const isIt = ([, ours]: Header) => ours === value
    return this.headers().some(isIt) || this.#previous.some(isIt)
  }

  /** Takes what we wrote off a request's headers. */
  removeFrom(headers: HeaderRecord): void {
    for (const [name] of [...this.headers(), ...this.#previous]) {
      removeHeader(headers, name.toLowerCase(), (value) => this.wrote(value))
    }
    if (this.hasProof() || this.#hadProof) removeHeader(headers, PROOF)
  }

  /** Whether the config still asks for the same token at the same URL. */
  stillHolds(config: PassageConfig): boolean {
    return config.url === this.#url && config.baseURL === this.#baseURL && config.token === this.#wanted
  }

  /** Whether the request may be sent as it is now, whatever other interceptors did to it since. */
  isSettled(config: PassageConfig): boolean {
    if (this.#decision === 'open' || !this.stillHolds(config)) return false
    if (this.#decision === 'none') return true
    const value = (name: string) => headerOf(config.headers as HeaderRecord, name.toLowerCase())
    if (this.#decision === 'own header') return value('authorization') !== undefined
    return this.headers().every(([name, ours]) => value(name) === ours) && !config.auth && this.#isTokenUsable()
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

const NO_HEADERS: readonly Header[] = []

/** Sets headers by plain assignment: axios sorts out spellings and characters when it sends them. */
export function writeHeaders(headers: HeaderRecord, ours: readonly Header[]): void {
  for (const [name, value] of ours) headers[name] = value
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
  writeHeaders(config.headers, lastingHeaders(token))
}
