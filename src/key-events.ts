import type { AccessToken } from './access-token.ts'
import { elapsedMs, instant } from './clock.ts'
import { TokenError } from './errors.ts'
import { aboutToken, type RequestReason, type TokenEvent, type TokenEvents } from './events.ts'
import type { TokenParameters } from './token-key.ts'
import type { ClientContext } from './token-request.ts'

/** The key that is told of. */
export interface ToldKey {
  context(): Pick<ClientContext, 'settings' | 'clock' | 'events'>
  parameters(): TokenParameters
}

/** A call that has to wait for a token, or cannot have one. */
export interface HeardCall {
  /** The token that was there already. */
  readonly had: AccessToken | undefined
  /** The failure that callers got at the time. */
  readonly known: TokenError | undefined
  /** Where the newest token came from. */
  readonly origin: () => 'store' | 'server'
}

/** What every event of a key says. */
export function aboutKey(key: ToldKey): TokenEvent {
  return aboutToken(key.context().settings.name, key.parameters())
}

/** Tells what becomes of a call. */
export function tellCall(
  key: ToldKey,
  { had, known, origin }: HeardCall,
  obtain: () => Promise<AccessToken>,
): Promise<AccessToken> {
  const { clock, events } = key.context()
  const since = instant(clock)
  const onToken = (token: AccessToken) => {
    tellUsed(key, token, token === had ? 'process' : origin(), elapsedMs(since, clock))
  }
  const onError = (cause: unknown) => {
    const error = cause instanceof TokenError ? cause : undefined
    const remembered = error !== undefined && error === known
    const waitedMs = elapsedMs(since, clock)
    events.emit('tokenUnavailable', () => ({ ...aboutKey(key), error, waitedMs, remembered }))
  }
  try {
    const obtained = obtain()
    obtained.then(onToken, onError)
    return obtained
  } catch (error) {
    onError(error)
    throw error
  }
}

/** Tells that a caller uses a token, from where, and how long it waited. */
export function tellUsed(
  key: ToldKey,
  token: AccessToken,
  from: TokenEvents['tokenUsed']['from'],
  waitedMs: number,
): void {
  const { clock, events } = key.context()
  const leftMs = token.lifetimeMs - token.ageMs(clock)
  events.emit('tokenUsed', () => ({ ...aboutKey(key), from, waitedMs, leftMs }))
}

/** Tells that a token is not valid for as long as a caller asked. */
export function tellShort(key: ToldKey, { lifetimeMs }: AccessToken, minValidityMs: number): void {
  key.context().events.emit('validityNotMet', () => ({ ...aboutKey(key), minValidityMs, lifetimeMs }))
}

/** Tells that a token arrived. */
export function tellReceived(key: ToldKey, token: AccessToken, reason: RequestReason): void {
  const { clock, events } = key.context()
  events.emit('tokenReceived', () => ({
    ...aboutKey(key),
    ...outcome(token, reason),
    durationMs: elapsedMs(token.requestedAt, clock),
  }))
}

/** Tells that a token was found that another process requested. */
export function tellFound(key: ToldKey, token: AccessToken, reason: RequestReason): void {
  const { clock, events } = key.context()
  const leftMs = token.lifetimeMs - token.ageMs(clock)
  events.emit('tokenFound', () => ({ ...aboutKey(key), ...outcome(token, reason), leftMs }))
}

/** Tells that an API rejected a token, and whether another is asked for. */
export function tellRejected(key: ToldKey, { fingerprint }: AccessToken, isReplaced: boolean): void {
  const event = isReplaced ? 'tokenRejected' : 'freshTokenRejected'
  key.context().events.emit(event, () => ({ ...aboutKey(key), fingerprint }))
}

function outcome(token: AccessToken, reason: RequestReason) {
  const { fingerprint, lifetimeMs, scope: granted } = token
  return { reason, fingerprint, lifetimeMs, granted }
}
