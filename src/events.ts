import type { CredentialExpiry } from './client-authentication/client-authentication.ts'
import { optionError, type TokenError } from './errors.ts'
import type { RequestObserver } from './request-observer.ts'
import type { TokenParameters } from './token-key.ts'
import type { TokenResponseDeviation } from './token-response.ts'

/** Why a token was requested. */
export type RequestReason = 'no token' | 'refresh due' | 'expired' | 'rejected' | 'forced' | 'short validity'

/** What every event about one token says. */
export interface TokenEvent {
  /** The client's name in the manager. */
  readonly client: string
  /** The scopes requested. */
  readonly scope: readonly string[]
  /** Of a token on behalf of a user: a short name of the user's token, the start of its SHA-256. */
  readonly subject?: string | undefined
}

/** What every event about the token that is asked for like this says. */
export function aboutToken(client: string, { scope, subject }: TokenParameters): TokenEvent {
  return { client, scope, ...(subject !== undefined && { subject: subject.fingerprint }) }
}

/** The events of a manager and what each carries. Tokens are named by their fingerprint, never shown. */
export interface TokenEvents {
  /** A token request begins. */
  tokenRequested: TokenEvent & { readonly reason: RequestReason; readonly background: boolean }
  /** A token arrived. */
  tokenReceived: TokenEvent & {
    readonly reason: RequestReason
    readonly fingerprint: string
    readonly lifetimeMs: number
    readonly granted: readonly string[]
    readonly durationMs: number
  }
  /** A token that another process requested was found in the store. `leftMs`: how long it is still valid. */
  tokenFound: TokenEvent & {
    readonly reason: RequestReason
    readonly fingerprint: string
    readonly lifetimeMs: number
    readonly leftMs: number
    readonly granted: readonly string[]
  }
  /**
   * A caller, or a request to an API, uses a token. `from`: where it was when it was asked for; `server` is where it was not.
   * `waitedMs`: 0 for one that was at hand. Told for every use, and so not logged.
   */
  tokenUsed: TokenEvent & {
    readonly from: 'process' | 'store' | 'server'
    readonly waitedMs: number
    readonly leftMs: number
  }
  /**
   * A caller gets an error instead of a token, or, without `error`, waits no longer because its signal has aborted.
   * `remembered`: at once, because a token request failed a moment ago. Told for every call, and so not logged.
   */
  tokenUnavailable: TokenEvent & {
    readonly error: TokenError | undefined
    readonly waitedMs: number
    readonly remembered: boolean
  }
  /** An attempt failed and another follows after `delayMs`. */
  tokenRequestRetried: TokenEvent & { readonly error: TokenError; readonly attempt: number; readonly delayMs: number }
  /** A token request failed, after its retries. `tokenStillValid`: nobody noticed. */
  tokenRequestFailed: TokenEvent & {
    readonly error: TokenError
    readonly reason: RequestReason
    readonly tokenStillValid: boolean
  }
  /** A token was reported as rejected and is not used again before a new one was asked for. */
  tokenRejected: TokenEvent & { readonly fingerprint: string }
  /** An API rejected a token and at once its replacement: that stays in use, and requests for another pause. */
  freshTokenRejected: TokenEvent & { readonly fingerprint: string }
  /** The server's answer differs from RFC 6749 §5.1 in a way that was tolerated. */
  responseDeviation: TokenEvent & { readonly deviation: TokenResponseDeviation }
  /** Fewer scopes were granted than requested. @see RFC 6749 §3.3 */
  scopeNarrowed: TokenEvent & { readonly granted: readonly string[] }
  /** A caller asked for more validity than a token of this server ever has, and got a fresh one. */
  validityNotMet: TokenEvent & { readonly minValidityMs: number; readonly lifetimeMs: number }
  /** A token could not be revoked on closing. @see RFC 7009 */
  revocationFailed: TokenEvent & { readonly error: TokenError }
  /** What a client authenticates with was sent, and is known to expire. */
  credentialUsed: { readonly client: string } & Pick<CredentialExpiry, 'what' | 'expiresAt'>
  /** What a client authenticates with expires within 30 days, or the last fifth of its life, or has. Told with token requests, at most once a day. */
  credentialExpiring: { readonly client: string } & Pick<CredentialExpiry, 'what' | 'expiresAt'>
  /** A new client certificate came into use; tokens bound to the earlier one are not used any more. @see RFC 8705 §6.3 */
  certificateChanged: { readonly client: string; readonly thumbprint: string; readonly expiresAt: number }
  /** The client certificate could not be read again, and the last good one stays in use. */
  certificateKept: { readonly client: string; readonly error: TokenError }
  /** An issuer's metadata was loaded. */
  metadataLoaded: { readonly client: string; readonly issuer: string; readonly tokenEndpoint: string }
  /** An issuer's metadata could not be loaded; the last that was good stays in use. */
  metadataFailed: { readonly client: string; readonly issuer: string; readonly error: TokenError }
  /**
   * A call of the store has ended. `outcome`: what it found or did; `lease` is the right to request the token for all, `busy`
   * that another process has it, `refused` that something newer stands there. `reason`: as in `storeFailed`.
   */
  storeCalled: {
    readonly operation: string
    readonly outcome: StoreOutcome
    readonly durationMs: number
    readonly reason: string | undefined
  }
  /** A call of the store failed, and evertoken went on without it. `reason`: a code, such as `timeout` or `ECONNREFUSED`. */
  storeFailed: { readonly operation: string; readonly reason: string }
  /** Five calls of the store in a row failed, and it is left alone for 10 seconds. */
  storeSuspended: Readonly<Record<never, never>>
  /** The store is used again. */
  storeResumed: Readonly<Record<never, never>>
  /** A record of the store was tampered with, cut off or written for another place; it counts as absent. */
  storeRecordUnreadable: { readonly record: 'token' | 'error' }
  /** A request had its own `Authorization` header, which was left alone. */
  authorizationKept: { readonly client: string | undefined; readonly origin: string }
  /** A request was sent once more because its token had been rejected. */
  requestReplayed: { readonly client: string; readonly origin: string }
}

/** What a call of the store came to. */
export type StoreOutcome = 'token' | 'error' | 'none' | 'lease' | 'busy' | 'done' | 'refused' | 'failed'

/** The events of every call: they say nothing new, only how often. */
export const CALL_EVENTS = ['tokenUsed', 'tokenUnavailable'] as const

/** The names of all events. */
export const EVENT_NAMES: readonly (keyof TokenEvents)[] = [
  ...([
    'tokenRequested',
    'tokenReceived',
    'tokenFound',
    'tokenRequestRetried',
    'tokenRequestFailed',
    'tokenRejected',
    'freshTokenRejected',
    ...CALL_EVENTS,
  ] as const),
  ...(['responseDeviation', 'scopeNarrowed', 'validityNotMet', 'revocationFailed'] as const),
  ...(['credentialUsed', 'credentialExpiring', 'certificateChanged', 'certificateKept'] as const),
  ...(['storeCalled', 'storeFailed', 'storeSuspended', 'storeResumed', 'storeRecordUnreadable'] as const),
  ...(['metadataLoaded', 'metadataFailed', 'authorizationKept', 'requestReplayed'] as const),
]

/** A function that hears one kind of event. What it throws is ignored. */
export type TokenEventListener<Name extends keyof TokenEvents> = (event: TokenEvents[Name]) => void

/** The typed emitter of a manager. Listeners run in the order in which they were added, at once. */
export class TokenEventEmitter {
  readonly #listeners = new Map<keyof TokenEvents, Set<(event: never) => void>>()
  /** Whether somebody listens to what every call tells; a request whose token is at hand looks no further. */
  hearsCalls = false
  /** What watches token requests, if anything does. */
  observer: RequestObserver | undefined

  /** Adds a listener; the function that is returned removes it. @throws TypeError for a name that is no event */
  on<Name extends keyof TokenEvents>(name: Name, listener: TokenEventListener<Name>): () => void {
    if (!EVENT_NAMES.includes(name)) throw optionError('event', 'is not one', `There are ${EVENT_NAMES.join(', ')}.`)
    if (typeof listener !== 'function') throw optionError('listener', 'must be a function')
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(name, listeners)
    }
    const own: TokenEventListener<Name> = (event) => listener(event)
    listeners.add(own)
    this.#noteCalls()
    return () => {
      listeners.delete(own)
      this.#noteCalls()
    }
  }

  /** Calls the listeners with what `make` returns; without listeners `make` is not called. */
  emit<Name extends keyof TokenEvents>(name: Name, make: () => TokenEvents[Name]): void {
    const listeners = this.#listeners.get(name) as Set<TokenEventListener<Name>> | undefined
    if (listeners === undefined || listeners.size === 0) return
    const event = make()
    Object.freeze(event)
    for (const listener of [...listeners]) {
      try {
        // An async listener that rejects must not end the process, whatever kind of promise it returns.
        Promise.resolve(listener(event)).catch(() => {})
      } catch {
        // A listener is an observer: its failure is not the token's.
      }
    }
  }

  #noteCalls(): void {
    this.hearsCalls = CALL_EVENTS.some((name) => (this.#listeners.get(name)?.size ?? 0) > 0)
  }
}
