import { inspect } from 'node:util'
import type { AuthorizationDetail } from './authorization-details.ts'
import type { Clock, Instant } from './clock.ts'
import { fingerprint, hashInBase64url } from './digest.ts'

/** What a token is of use with only, and whether something else has taken its place. */
export interface TokenBinding {
  readonly isReplaced: boolean
}

/** What an {@link AccessToken} is made of. @internal */
export interface AccessTokenInit {
  readonly value: string
  readonly tokenType: string
  readonly scope: readonly string[]
  readonly authorizationDetails?: readonly AuthorizationDetail[] | undefined
  readonly lifetimeMs: number
  /** Both clocks just before the token request was sent: the token cannot be younger than that. */
  readonly requestedAt: Instant
  /** The server's hint when to refresh, in milliseconds from `requestedAt`. */
  readonly refreshInMs?: number | undefined
  /** Age in milliseconds from which a refresh is due. */
  readonly dueAfterMs: number
  /** Age in milliseconds from which the token is no longer used. */
  readonly expiredAfterMs: number
  /** The headers that carry the token. Default: `Authorization`. */
  readonly headersOf?: ((token: AccessToken) => readonly Header[]) | undefined
  /** The client certificate with which the token was requested. */
  readonly boundTo?: TokenBinding | undefined
}

// One object for all tokens: it is compared by identity.
const ONLY_AUTHORIZATION: readonly string[] = Object.freeze(['authorization'])
const AUTHORIZATION_AND_PROOF: readonly string[] = Object.freeze(['authorization', 'dpop'])

const DAY_MS = 86_400_000

interface Peculiarities {
  readonly authorizationDetails: readonly AuthorizationDetail[] | undefined
  readonly refreshInMs: number | undefined
  readonly boundTo: TokenBinding | undefined
  readonly headerNames: readonly string[] | undefined
}

/** One header of a request. */
export type Header = readonly [name: string, value: string]

/**
 * An access token and what is known about it.
 *
 * Printed, inspected or serialised in any way it shows everything but the token; {@link AccessToken.reveal} gives that.
 */
export class AccessToken {
  // First what is looked at most. There may be a million tokens: small whole numbers need no memory beside the token's.
  readonly #requestedDay: number
  readonly #requestedMs: number
  readonly #requestedAtMonotonic: number
  // What few tokens have.
  readonly #more: Peculiarities | undefined
  // Kept ready-made and flat: it is written to every request. The token itself is a part of it, and takes no memory of its own.
  readonly #authorization: string
  // biome-ignore lint/style/useReadonlyClassProperties: made when it is asked for.
  #headers: readonly Header[] | undefined
  #hash: string | undefined
  /** `Bearer`, or `DPoP` for a token that is bound to the client's key, in the spelling that is sent. @see RFC 6749 §7.1 */
  readonly tokenType: string
  /** The scopes granted; those requested, if the server did not say. @see RFC 6749 §3.3 */
  readonly scope: readonly string[]
  /** The whole lifetime in milliseconds, counted from just before the token was requested. @see RFC 6749 §5.1 */
  readonly lifetimeMs: number
  /** @internal */
  readonly dueAfterMs: number
  /** @internal */
  readonly expiredAfterMs: number

  /** @internal */
  constructor(init: AccessTokenInit) {
    // Joined, and not added up: a sum of strings is flattened only by who reads it, each time anew.
    this.#authorization = [init.tokenType, init.value].join(' ')
    this.tokenType = init.tokenType
    // All tokens for one request share the list that was asked for.
    this.scope = Object.isFrozen(init.scope) ? init.scope : Object.freeze([...init.scope])
    this.lifetimeMs = init.lifetimeMs
    // Milliseconds since the epoch are no small number.
    this.#requestedDay = Math.floor(init.requestedAt.wall / DAY_MS)
    this.#requestedMs = init.requestedAt.wall - this.#requestedDay * DAY_MS
    this.#requestedAtMonotonic = Math.floor(init.requestedAt.monotonic)
    this.expiredAfterMs = Math.floor(init.expiredAfterMs)
    // Ages are compared with these: a refresh is due no earlier than it was, and a token is used no longer.
    this.dueAfterMs = Math.min(Math.ceil(init.dueAfterMs), this.expiredAfterMs)
    const { authorizationDetails, refreshInMs, boundTo } = init
    // All callers and listeners share one object.
    Object.freeze(this)
    this.#headers = init.headersOf?.(this)
    const headerNames = this.#headers && namesOf(this.#headers, init.tokenType)
    const isPeculiar = (authorizationDetails ?? refreshInMs ?? boundTo ?? headerNames) !== undefined
    this.#more = isPeculiar ? { authorizationDetails, refreshInMs, boundTo, headerNames } : undefined
  }

  /** When the token expires, in epoch milliseconds by this process's wall clock. */
  get expiresAt(): number {
    return this.#requestedAtWall() + this.lifetimeMs
  }

  /** @internal */
  get requestedAt(): Instant {
    return { wall: this.#requestedAtWall(), monotonic: this.#requestedAtMonotonic }
  }

  /** Milliseconds since it was requested, by whichever clock says more. @internal */
  ageMs(clock: Clock): number {
    return Math.max(clock.now() - this.#requestedAtWall(), clock.monotonicNow() - this.#requestedAtMonotonic)
  }

  #requestedAtWall(): number {
    return this.#requestedDay * DAY_MS + this.#requestedMs
  }

  /** @internal */
  get refreshInMs(): number | undefined {
    return this.#more?.refreshInMs
  }

  /** @internal */
  get boundTo(): TokenBinding | undefined {
    return this.#more?.boundTo
  }

  /** A short name of the token that is safe to log: the start of its SHA-256. */
  get fingerprint(): string {
    return fingerprint(this.reveal())
  }

  /**
   * What was granted of the authorization details, frozen; `undefined` where the server does not say. Not printed with
   * the token: what a user allowed may be private. @see RFC 9396 §7
   */
  get authorizationDetails(): readonly AuthorizationDetail[] | undefined {
    return this.#more?.authorizationDetails
  }

  /**
   * The token itself. A method and not a property, because whatever prints an object may evaluate its getters,
   * and because the places that touch the secret should be easy to find.
   */
  reveal(): string {
    return this.#authorization.slice(this.tokenType.length + 1)
  }

  /** Everything but the token. */
  toJSON(): Record<string, unknown> {
    const { tokenType, scope, lifetimeMs, expiresAt, fingerprint } = this
    return { tokenType, scope, lifetimeMs, expiresAt: new Date(expiresAt).toISOString(), fingerprint }
  }

  /** Names the token by its fingerprint. */
  toString(): string {
    return `[AccessToken ${this.fingerprint}]`
  }

  /** @internal */
  [inspect.custom](): string {
    return `AccessToken ${inspect(this.toJSON())}`
  }

  /** The SHA-256 of the token in base64url. @internal @see RFC 9449 §4.2 */
  hash(): string {
    this.#hash ??= hashInBase64url(this.reveal())
    return this.#hash
  }

  /** The headers that carry the token. @internal */
  static headersOf(token: AccessToken): readonly Header[] {
    if (!(#headers in token)) return ownClassOf(token).headersOf(token)
    token.#headers ??= [['Authorization', token.#authorization]]
    return token.#headers
  }

  /** Their names in lower case, and that of a proof; the first is the one in which the token goes. @internal */
  static headerNamesOf(token: AccessToken): readonly string[] {
    if (!(#more in token)) return ownClassOf(token).headerNamesOf(token)
    return token.#more?.headerNames ?? defaultNames(token.tokenType)
  }

  /** The value of the `Authorization` header. @internal */
  static authorizationOf(token: AccessToken): string {
    if (!(#authorization in token)) return ownClassOf(token).authorizationOf(token)
    return token.#authorization
  }
}

// A manager may be of another copy of this package, as where each route of an application is bundled by itself.
const ownClassOf = (token: AccessToken) => token.constructor as typeof AccessToken

function defaultNames(tokenType: string): readonly string[] {
  return tokenType === 'DPoP' ? AUTHORIZATION_AND_PROOF : ONLY_AUTHORIZATION
}

function namesOf(headers: readonly Header[], tokenType: string): readonly string[] {
  return [...new Set([...headers.map(([name]) => name.toLowerCase()), ...defaultNames(tokenType).slice(1)])]
}
