import type { AccessToken } from './access-token.ts'
import { type Clock, elapsedMs } from './clock.ts'
import type { TokenError } from './errors.ts'
import type { RequestReason } from './events.ts'
import type { TokenState } from './token-lifecycle.ts'

/** What is known of one token and why it is used or not. Plain data, no secret. */
export interface TokenSourceInspection {
  /** The client's name in the manager. */
  readonly client: string
  /** The scopes requested. */
  readonly scope: readonly string[]
  /** Of a token on behalf of a user: a short name of the user's token, the start of its SHA-256. */
  readonly subject?: string | undefined
  /** Where the token stands; `rejected`: an API refused it, and a new one is asked for before it is used again. */
  readonly state: TokenState | 'absent' | 'rejected'
  /** All of this in one sentence: what the next call gets and why. */
  readonly explanation: string
  /** Everything about the token but the token. */
  readonly token: Record<string, unknown> | undefined
  /** Whether a token request is under way. */
  readonly requestInFlight: boolean
  /** Why a token was requested last. */
  readonly lastRequestReason: RequestReason | undefined
  /** The failure that holds back token requests at the moment. */
  readonly failure: Record<string, unknown> | undefined
}

/** What {@link describeSource} describes. */
export interface DescribedSource {
  readonly client: string
  readonly scope: readonly string[]
  readonly subject?: string | undefined
  readonly state: TokenSourceInspection['state']
  readonly token: AccessToken | undefined
  /** Whether another process requested it. */
  readonly isFromStore: boolean
  /** Age of the token from which a refresh is due. */
  readonly dueAfterMs: number
  readonly requestInFlight: boolean
  readonly lastReason: RequestReason | undefined
  readonly failure: TokenError | undefined
  readonly clock: Clock
}

/** Puts the state of a source into words. */
export function describeSource(source: DescribedSource): TokenSourceInspection {
  const { client, scope, subject, state, token, requestInFlight, lastReason, failure } = source
  return {
    client,
    scope,
    ...(subject !== undefined && { subject }),
    state,
    explanation: explain(source),
    token: token?.toJSON(),
    requestInFlight,
    lastRequestReason: lastReason,
    failure: failure?.toJSON(),
  }
}

function explain({ state, token, isFromStore, dueAfterMs, requestInFlight, failure, clock }: DescribedSource): string {
  const ageMs = token === undefined ? 0 : elapsedMs(token.requestedAt, clock)
  const inWords = (ageOfChangeMs: number | undefined) => seconds((ageOfChangeMs ?? 0) - ageMs)
  const next = requestInFlight
    ? 'a token request is under way'
    : failure && `requests pause after a failure (${failure.code})`
  const cached = isFromStore ? 'The cached token, from the store,' : 'The cached token'
  switch (state) {
    case 'fresh':
      return `${cached} is used; a refresh is due in ${inWords(dueAfterMs)}, it is used for ${inWords(token?.expiredAfterMs)} more.`
    case 'refresh due':
      return `${cached} is used for ${inWords(token?.expiredAfterMs)} more; ${next ?? 'the next call starts a refresh in the background'}.`
    case 'expired':
      return `${cached} is no longer used; ${next ?? 'the next call requests a new one'}.`
    case 'rejected':
      return `An API rejected the cached token${isFromStore ? ', from the store' : ''}; ${next ?? 'the next call requests a new one'}.`
    case 'absent':
      return `There is no token; ${next ?? 'the next call requests one'}.`
  }
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`
}
