import { redactText } from './redaction.ts'

/**
 * What went wrong, as a stable word to branch on.
 *
 * - `request_denied`: the authorization server answered with an OAuth error (RFC 6749 §5.2), see `error`.
 * - `server_unavailable`: it answered 408, 425, 429 or 5xx without an OAuth error.
 * - `invalid_response`: it answered something that is not a usable token response.
 * - `redirect_refused`: it answered with a redirect, which a token endpoint must not do.
 * - `network`, `tls`, `timeout`: the token request did not get an answer.
 * - `discovery_failed`, `issuer_mismatch`: the issuer's metadata could not be had or must not be used.
 * - `secret_unavailable`: the client's secret, key, certificate or assertion could not be had, or cannot be used.
 * - `scope_not_granted`: fewer scopes were granted than requested, and `requireScope` is set.
 * - `unsupported_client_authentication`: the server's metadata lists no method that fits the configuration.
 * - `expired_on_arrival`: the token request took longer than the token lives.
 * - `revocation_unavailable`: tokens were to be revoked, and it is not known where.
 * - `hook_failed`: a function given as `buildRequest`, `parseResponse`, `applyToken` or `requestToken` failed.
 * - `unexpected`: a function or library that evertoken was given failed in a way it must not; look at `cause`.
 * - `fresh_token_rejected`: an API rejected a token and at once its replacement; requests for more pause.
 * - `too_many_requests`: more tokens of one client are asked for at once than may wait for their turn.
 * - `unknown_client`: there is no client of that name, or it was removed.
 * - `subject_token_missing`: the client asks for tokens on behalf of users, and the request does not say for whom.
 * - `closed`: the manager is closed and holds no usable token for this request.
 * - `wait_timeout`: the caller's own time ran out while it waited for a token.
 * - `origin_refused`, `insecure_url`: the request would carry the token where it must not go.
 * - `authorization_conflict`: the request has another source of an `Authorization` header.
 */
export type TokenErrorCode =
  | 'request_denied'
  | 'server_unavailable'
  | 'invalid_response'
  | 'redirect_refused'
  | 'network'
  | 'tls'
  | 'timeout'
  | 'discovery_failed'
  | 'issuer_mismatch'
  | 'secret_unavailable'
  | 'scope_not_granted'
  | 'unsupported_client_authentication'
  | 'expired_on_arrival'
  | 'revocation_unavailable'
  | 'hook_failed'
  | 'unexpected'
  | 'fresh_token_rejected'
  | 'too_many_requests'
  | 'unknown_client'
  | 'subject_token_missing'
  | 'closed'
  | 'wait_timeout'
  | 'origin_refused'
  | 'insecure_url'
  | 'authorization_conflict'

/** What every {@link TokenError} is made of. */
export interface TokenErrorInit {
  code: TokenErrorCode
  /** What failed, for which client and endpoint; the hint is appended. */
  message: string
  /** The client's name in the manager. */
  client?: string | undefined
  /** The likely mistake and what to do about it. */
  hint?: string | undefined
  /** Whether the same call may succeed later without a change of configuration. */
  retryable?: boolean
  /** Reduced to name, message, code and stack, because causes carry requests, and requests carry secrets. */
  cause?: unknown
  /** Values to blank out of the cause. */
  secrets?: Iterable<string>
}

/**
 * No token could be had, or it must not be sent. The message says what failed, for which client,
 * and what to do. Errors that share one failed token request are one object.
 */
export class TokenError extends Error {
  static {
    nameErrors(TokenError, 'TokenError')
  }

  readonly code: TokenErrorCode
  /** The client's name in the manager, when the failure belongs to one. */
  readonly client: string | undefined
  /** Whether the same call may succeed later without a change of configuration. */
  readonly retryable: boolean
  /** The likely mistake and what to do about it. */
  readonly hint: string | undefined

  constructor(init: TokenErrorInit) {
    const hint = init.hint === undefined ? '' : ` ${init.hint}`
    super(`${init.message}${hint}`)
    this.code = init.code
    this.client = init.client
    this.retryable = init.retryable ?? false
    this.hint = init.hint
    brand(this, 'TokenError')
    if (init.cause !== undefined) {
      Object.defineProperty(this, 'cause', {
        value: plainError(init.cause, init.secrets ?? []),
        configurable: true,
        writable: true,
      })
    }
  }

  /** True for errors of another copy of this package too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(this, TokenError, 'TokenError', value)
  }

  /** The fields above as a plain object, for structured logs; never holds a secret. */
  toJSON(): Record<string, unknown> {
    const { name, message, code, client, retryable, hint } = this
    return { name, message, code, client, retryable, hint }
  }
}

/** The authorization server's answer as far as it may be shown. */
export interface TokenResponseErrorInit extends TokenErrorInit {
  status: number
  error?: string | undefined
  errorDescription?: string | undefined
  errorUri?: string | undefined
  retryAfterMs?: number | undefined
  correlationId?: string | undefined
  /** How far the clock of this machine was ahead of the server's `Date`, in milliseconds, if there was one. @internal */
  clockOffsetMs?: number | undefined
}

/**
 * The authorization server answered, but not with a token.
 * @see RFC 6749 §5.2
 */
export class TokenResponseError extends TokenError {
  static {
    nameErrors(TokenResponseError, 'TokenResponseError')
  }

  /** HTTP status of the answer. */
  readonly status: number
  /** The OAuth error code, such as `invalid_client`, if the answer had a well-formed one. */
  readonly error: string | undefined
  /** The server's explanation: cut, stripped of control characters and of every known secret. */
  readonly errorDescription: string | undefined
  /** The server's page about the error, treated like the description. */
  readonly errorUri: string | undefined
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** The server's own name for this exchange, to give to its operators. */
  readonly correlationId: string | undefined
  // Of this process, and of no use in a log: the hint says it where it matters.
  readonly #clockOffsetMs: number | undefined

  constructor(init: TokenResponseErrorInit) {
    super(init)
    this.#clockOffsetMs = init.clockOffsetMs
    this.status = init.status
    this.error = init.error
    this.errorDescription = init.errorDescription
    this.errorUri = init.errorUri
    this.retryAfterMs = init.retryAfterMs
    this.correlationId = init.correlationId
    brand(this, 'TokenResponseError')
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(this, TokenResponseError, 'TokenResponseError', value)
  }

  override toJSON(): Record<string, unknown> {
    const { status, error, errorDescription, errorUri, retryAfterMs, correlationId } = this
    return { ...super.toJSON(), status, error, errorDescription, errorUri, retryAfterMs, correlationId }
  }

  /** How far the clock of this machine was ahead of the server's, in milliseconds, if that is known. @internal */
  static clockOffsetMsOf(error: TokenResponseError): number | undefined {
    return #clockOffsetMs in error ? error.#clockOffsetMs : undefined
  }
}

/** The authorization server did not answer: connection, TLS or time-out. `retryable` unless `init` says otherwise. */
export class TokenTransportError extends TokenError {
  static {
    nameErrors(TokenTransportError, 'TokenTransportError')
  }

  /** The system's code, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`, if there is one. */
  readonly systemCode: string | undefined

  constructor(init: TokenErrorInit & { systemCode?: string | undefined }) {
    super({ retryable: true, ...init })
    this.systemCode = init.systemCode
    brand(this, 'TokenTransportError')
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(this, TokenTransportError, 'TokenTransportError', value)
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), systemCode: this.systemCode }
  }
}

/** A `TypeError` for a wrong option, thrown as early as the option is seen. */
export function optionError(option: string, problem: string, hint?: string): TypeError {
  return new TypeError(`evertoken: option \`${option}\` ${problem}${hint === undefined ? '' : `. ${hint}`}`)
}

/** A copy of an error with nothing but its words: causes hold requests, and requests hold secrets. */
function plainError(cause: unknown, secrets: Iterable<string>): Error {
  const known = [...secrets]
  const text = (key: 'name' | 'message' | 'code' | 'stack'): string => {
    try {
      const value: unknown = (cause as Record<string, unknown>)[key]
      return typeof value === 'string' ? value : ''
    } catch {
      // Anything can be a cause: null, or an object whose getters throw.
      return ''
    }
  }
  const message = typeof cause === 'object' || typeof cause === 'function' ? text('message') : String(cause)
  const copy = new Error(redactText(message, known, 1000))
  Object.defineProperty(copy, 'name', { value: redactText(text('name') || 'Error', known, 64), configurable: true })
  // A system's code, not words that may hold anything.
  if (/^(?:[A-Z][A-Z0-9_/]{1,63}|[a-z_]{2,64})$/.test(text('code')))
    Object.assign(copy, { code: redactText(text('code'), known, 64) })
  const frames = text('stack')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 50)
  copy.stack = [`${copy.name}: ${copy.message}`, ...frames.map((line) => `    ${redactText(line, known, 500)}`)].join(
    '\n',
  )
  return copy
}

/** Sets `name` on the prototype: an own field would come too late for the first line of `stack`. */
function nameErrors(errors: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errors.prototype, 'name', { value: name, configurable: true, writable: true })
}

const brandOf = (name: string) => Symbol.for(`evertoken.${name}`)

function brand(error: TokenError, name: string): void {
  Object.defineProperty(error, brandOf(name), { value: true })
}

function isBranded(asked: unknown, owner: unknown, name: string, value: unknown): boolean {
  // A subclass that a user derives inherits hasInstance, and must keep its own meaning.
  if (asked !== owner) return Function.prototype[Symbol.hasInstance].call(asked, value)
  return typeof value === 'object' && value !== null && brandOf(name) in value
}
