import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TokenError, TokenResponseError } from '../src/errors.ts'
import { CALL_EVENTS, TokenEventEmitter, type TokenEvents } from '../src/events.ts'
import { logEvents, type TokenLogger } from '../src/logger.ts'

const ERROR = new TokenResponseError({
  code: 'request_denied',
  message: 'No.',
  client: 'orders',
  status: 401,
  error: 'invalid_client',
})
const ABOUT = { client: 'orders', scope: ['read'] }

/** The events that are logged. */
type Logged = Exclude<keyof TokenEvents, (typeof CALL_EVENTS)[number]>

/** One of each, and what is written about it. */
const EVENTS: {
  readonly [Name in Logged]: readonly [event: TokenEvents[Name], level: string, message: string]
} = {
  tokenRequested: [{ ...ABOUT, reason: 'no token', background: false }, 'debug', 'requesting an access token'],
  tokenReceived: [
    { ...ABOUT, reason: 'expired', fingerprint: 'ba7816bf', lifetimeMs: 5, granted: ['read'], durationMs: 7 },
    'info',
    'received an access token',
  ],
  tokenFound: [
    { ...ABOUT, reason: 'expired', fingerprint: 'ba7816bf', lifetimeMs: 5, leftMs: 3, granted: ['read'] },
    'debug',
    'found an access token in the store',
  ],
  tokenRequestRetried: [
    { ...ABOUT, error: ERROR, attempt: 1, delayMs: 5 },
    'warn',
    'token request failed, trying again',
  ],
  tokenRequestFailed: [
    { ...ABOUT, error: ERROR, reason: 'expired', tokenStillValid: false },
    'error',
    'token request failed',
  ],
  tokenRejected: [{ ...ABOUT, fingerprint: 'ba7816bf' }, 'warn', 'an API rejected the access token'],
  freshTokenRejected: [
    { ...ABOUT, fingerprint: 'ba7816bf' },
    'error',
    'an API rejected a new access token too: is it meant for this API?',
  ],
  responseDeviation: [
    { ...ABOUT, deviation: 'expires_in_missing' },
    'warn',
    'the token response deviates from RFC 6749',
  ],
  scopeNarrowed: [{ ...ABOUT, granted: [] }, 'warn', 'fewer scopes were granted than requested'],
  validityNotMet: [
    { ...ABOUT, minValidityMs: 7, lifetimeMs: 5 },
    'warn',
    'no token of this server is valid for as long as a caller asked',
  ],
  revocationFailed: [{ ...ABOUT, error: ERROR }, 'warn', 'could not revoke an access token'],
  credentialUsed: [
    { client: 'orders', what: 'key', expiresAt: 5 },
    'debug',
    'authenticated with a credential that will expire',
  ],
  credentialExpiring: [
    { client: 'orders', what: 'key', expiresAt: 5 },
    'warn',
    'a credential of the client expires soon, or has expired',
  ],
  certificateChanged: [
    { client: 'orders', thumbprint: 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0', expiresAt: 5 },
    'info',
    'shows a new client certificate',
  ],
  certificateKept: [
    { client: 'orders', error: ERROR },
    'warn',
    'could not read the client certificate again, and keeps using the last good one',
  ],
  storeCalled: [
    { operation: 'getOrLease', outcome: 'lease', durationMs: 5, reason: undefined },
    'debug',
    'called the store',
  ],
  storeFailed: [
    { operation: 'getOrLease', reason: 'timeout' },
    'warn',
    'a call of the store failed, and was not waited for any longer',
  ],
  storeSuspended: [{}, 'warn', 'leaves the store alone for a while, after several failures'],
  storeResumed: [{}, 'info', 'uses the store again'],
  storeRecordUnreadable: [{ record: 'token' }, 'warn', 'a record of the store cannot be read, and counts as absent'],
  metadataLoaded: [
    { client: 'orders', issuer: 'https://as.example', tokenEndpoint: 'https://as.example/token' },
    'debug',
    'loaded the authorization server metadata',
  ],
  metadataFailed: [
    { client: 'orders', issuer: 'https://as.example', error: ERROR },
    'warn',
    'could not load the authorization server metadata',
  ],
  authorizationKept: [
    { client: undefined, origin: 'https://api.example' },
    'warn',
    'the request has an Authorization header of its own, which was kept',
  ],
  requestReplayed: [
    { client: 'orders', origin: 'https://api.example' },
    'info',
    'sent the request once more with a new access token',
  ],
}

const NAMES = Object.keys(EVENTS) as Logged[]

type Line = { level: string; fields: Record<string, unknown>; message: string }

function collector(): { logger: TokenLogger; lines: Line[] } {
  const lines: Line[] = []
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
  return { logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }, lines }
}

function emit<Name extends Logged>(events: TokenEventEmitter, name: Name): void {
  events.emit(name, () => ({ ...EVENTS[name][0] }))
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('logEvents', () => {
  it.each(NAMES)('writes one line for %s, with its name and everything it says', (name) => {
    const [event, level, message] = EVENTS[name]
    const events = new TokenEventEmitter()
    const { logger, lines } = collector()
    logEvents(events, logger)
    emit(events, name)
    const error = 'error' in event ? { error: event.error.toJSON() } : {}
    expect(lines).toEqual([{ level, fields: { ...event, ...error, event: name }, message }])
  })

  it('writes a failure that nobody noticed, because a token is still valid, as a warning', () => {
    const events = new TokenEventEmitter()
    const { logger, lines } = collector()
    logEvents(events, logger)
    const [failed] = EVENTS.tokenRequestFailed
    events.emit('tokenRequestFailed', () => ({ ...failed, tokenStillValid: true }))
    expect(lines.map(({ level }) => level)).toEqual(['warn'])
  })

  it('writes an error as plain data, also one that is not of this package', () => {
    const events = new TokenEventEmitter()
    const { logger, lines } = collector()
    logEvents(events, logger)
    emit(events, 'tokenRequestRetried')
    const [retried] = EVENTS.tokenRequestRetried
    events.emit('tokenRequestRetried', () => ({ ...retried, error: new TypeError('wrong') as unknown as TokenError }))
    expect(lines.map(({ fields }) => fields.error)).toEqual([ERROR.toJSON(), { name: 'TypeError', message: 'wrong' }])
    expect(lines[0]?.fields.error).not.toBeInstanceOf(Error)
  })

  it.each(CALL_EVENTS)('writes nothing for %s, which every call tells', (name) => {
    const events = new TokenEventEmitter()
    const { logger, lines } = collector()
    logEvents(events, logger)
    events.emit(name, () => ({}) as never)
    expect(lines).toEqual([])
    expect(events.hearsCalls).toBe(false)
  })

  it('keeps the logger for what it calls', () => {
    class Logger implements TokenLogger {
      readonly lines: string[] = []
      debug(_fields: object, message: string): void {
        this.lines.push(message)
      }
      info = this.debug
      warn = this.debug
      error = this.debug
    }
    const events = new TokenEventEmitter()
    const logger = new Logger()
    logEvents(events, logger)
    for (const name of NAMES) emit(events, name)
    expect(logger.lines).toEqual(NAMES.map((name) => EVENTS[name][2]))
  })

  it('works with pino, which writes one JSON line for each event at or above its level', () => {
    const lines: Record<string, unknown>[] = []
    const logger = pino({ level: 'info', base: null }, { write: (line: string) => lines.push(JSON.parse(line)) })
    const events = new TokenEventEmitter()
    logEvents(events, logger)
    for (const name of NAMES) emit(events, name)
    const shown = NAMES.filter((name) => EVENTS[name][1] !== 'debug')
    expect(lines.map(({ event, msg }) => [event, msg])).toEqual(shown.map((name) => [name, EVENTS[name][2]]))
    expect(lines.find(({ event }) => event === 'tokenRequestFailed')).toMatchObject({
      level: 50,
      client: 'orders',
      error: { name: 'TokenResponseError', code: 'request_denied', status: 401, error: 'invalid_client' },
    })
  })
})

describe('a logger that fails', () => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', onUnhandled)
  })
  afterEach(() => {
    process.off('unhandledRejection', onUnhandled)
  })

  it.each<[how: string, write: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('disk full')
      },
    ],
  ])('harms nobody when it %s', async (_how, write) => {
    const logger = { debug: write, info: write, warn: write, error: write } as TokenLogger
    const events = new TokenEventEmitter()
    const heard: string[] = []
    logEvents(events, logger)
    for (const name of NAMES) events.on(name, () => heard.push(name))
    for (const name of NAMES) emit(events, name)
    expect(heard).toEqual(NAMES)
    for (let turns = 0; turns < 3; turns++) await turn()
    expect(unhandled).toEqual([])
  })
})
