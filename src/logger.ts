import { TokenError } from './errors.ts'
import type { CALL_EVENTS, TokenEventEmitter, TokenEvents } from './events.ts'
import { failureScope } from './failure-memory.ts'

/** The part of a pino logger that evertoken uses; any logger with these four methods will do. */
export interface TokenLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The events that are logged: a line for every call would say nothing new. */
type LoggedEvent = Exclude<keyof TokenEvents, (typeof CALL_EVENTS)[number]>

const LINES: Readonly<Record<LoggedEvent, readonly [level: keyof TokenLogger, message: string]>> = {
  tokenRequested: ['debug', 'requesting an access token'],
  tokenReceived: ['info', 'received an access token'],
  tokenFound: ['debug', 'found an access token in the store'],
  tokenRequestRetried: ['warn', 'token request failed, trying again'],
  tokenRequestFailed: ['error', 'token request failed'],
  tokenRejected: ['warn', 'an API rejected the access token'],
  freshTokenRejected: ['error', 'an API rejected a new access token too: is it meant for this API?'],
  responseDeviation: ['warn', 'the token response deviates from RFC 6749'],
  scopeNarrowed: ['warn', 'fewer scopes were granted than requested'],
  validityNotMet: ['warn', 'no token of this server is valid for as long as a caller asked'],
  revocationFailed: ['warn', 'could not revoke an access token'],
  credentialUsed: ['debug', 'authenticated with a credential that will expire'],
  credentialExpiring: ['warn', 'a credential of the client expires soon, or has expired'],
  certificateChanged: ['info', 'shows a new client certificate'],
  certificateKept: ['warn', 'could not read the client certificate again, and keeps using the last good one'],
  metadataLoaded: ['debug', 'loaded the authorization server metadata'],
  metadataFailed: ['warn', 'could not load the authorization server metadata'],
  storeCalled: ['debug', 'called the store'],
  storeFailed: ['warn', 'a call of the store failed, and was not waited for any longer'],
  storeSuspended: ['warn', 'leaves the store alone for a while, after several failures'],
  storeResumed: ['info', 'uses the store again'],
  storeRecordUnreadable: ['warn', 'a record of the store cannot be read, and counts as absent'],
  authorizationKept: ['warn', 'the request has an Authorization header of its own, which was kept'],
  requestReplayed: ['info', 'sent the request once more with a new access token'],
}

/**
 * Writes a line for every event but those of every call. A failed request is a warning while a token is still valid, and where the server
 * refuses one user's token, as it does when a session ends; else an error.
 */
export function logEvents(events: TokenEventEmitter, logger: TokenLogger): void {
  for (const name of Object.keys(LINES) as LoggedEvent[]) {
    const [level, message] = LINES[name]
    events.on(name, (event) => {
      const fields = { event: name, ...event, ...('error' in event && { error: plain(event.error) }) }
      // Returned, so that a logger that fails later harms nobody either.
      return logger['tokenStillValid' in event && isHarmless(event) ? 'warn' : level](fields, message)
    })
  }
}

function isHarmless({ tokenStillValid, subject, error }: TokenEvents['tokenRequestFailed']): boolean {
  return tokenStillValid || (subject !== undefined && failureScope(error, true) === 'key')
}

function plain(error: Error): object {
  return error instanceof TokenError ? error.toJSON() : { name: error.name, message: error.message }
}
