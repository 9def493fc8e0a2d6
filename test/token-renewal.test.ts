import { describe, expect, it } from 'vitest'
import type { AccessToken } from '../src/access-token.ts'
import type { ClientOptions } from '../src/client-options.ts'
import { Client } from '../src/clients.ts'
import { TokenError, TokenResponseError } from '../src/errors.ts'
import { TokenEventEmitter, type TokenEvents } from '../src/events.ts'
import { SubjectToken } from '../src/grant/subject-token.ts'
import { managedStore } from '../src/managed-store.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import type { TokenParameters } from '../src/token-key.ts'
import { TokenRenewal } from '../src/token-renewal.ts'
import type { Standing } from '../src/token-standing.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf, managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const OUTAGE = new TokenError({ code: 'network', message: 'Refused.', retryable: true })
const DENIAL = new TokenResponseError({
  ...{
    code: 'request_denied',
    client: 'default',
    message: 'No.',
    status: 400,
    error: 'invalid_scope',
    retryable: false,
  },
} as ConstructorParameters<typeof TokenResponseError>[0])

interface Setting {
  readonly options?: Partial<ClientOptions>
  readonly parameters?: Partial<TokenParameters>
  readonly store?: MemoryTokenStore
  readonly clock?: VirtualClock
}

const TOLD = [
  ...(['tokenRequested', 'tokenReceived', 'tokenFound', 'tokenRequestFailed'] as const),
  ...(['validityNotMet', 'tokenRejected', 'freshTokenRejected'] as const),
]

/** The renewal of a source that keeps what it gets, and writes down what it is told. */
function renewing({ options, parameters, store, clock = new VirtualClock() }: Setting = {}) {
  const server = new AuthorizationServer(clock)
  const events = new TokenEventEmitter()
  const told: [string, object][] = []
  for (const name of TOLD) events.on(name, (event: TokenEvents[typeof name]) => told.push([name, event]))
  let warm = 0
  let isClosed = false
  const client = new Client('default', clientOf(server, { keepWarm: true, ...options }), '', {
    ...{ clock, events, max: 10, optionsOf: undefined, isClosed: () => isClosed, isAttached: () => false },
    store: store && managedStore(store.connect(), clock, events),
    onWarmToken: () => {
      warm += 1
    },
  })
  let token: AccessToken | undefined
  const puts: [string, boolean][] = []
  let ends = 0
  const wanted = { ...client.settings.parameters, ...parameters }
  const renewal: TokenRenewal = new TokenRenewal({
    parameters: () => wanted,
    context: () => client,
    current: () => token,
    state: (): Standing => (token === undefined ? 'absent' : renewal.standing.of(token, token.ageMs(clock))),
    put(one, isFromStore) {
      puts.push([one.reveal(), isFromStore])
      if (one.lifetimeMs > 0) token = one
    },
    onEnd() {
      ends += 1
    },
  })
  const named = (name: (typeof TOLD)[number]) => told.filter(([one]) => one === name).map(([, event]) => event)
  const forgetToken = () => {
    token = undefined
  }
  const close = () => {
    isClosed = true
  }
  const seen = { puts, named, ends: () => ends, warm: () => warm, current: () => token as AccessToken }
  return { renewal, server, clock, client, forgetToken, close, ...seen }
}

/** The same with a token. */
async function renewed(setting: Setting = {}) {
  const made = renewing(setting)
  const token = await made.renewal.obtain('absent', {})
  await made.clock.settle()
  return { ...made, token }
}

const text = async (token: Promise<AccessToken>) => (await token).reveal()

describe('a token that is obtained', () => {
  it('is put where it belongs before it is told of', async () => {
    const { renewal, server, clock, puts, named, warm, ends } = renewing({ options: { scope: 'read' } })
    server.byDefault = { afterMs: 700 }
    const token = renewal.obtain('absent', {})
    expect(renewal.isUnderWay).toBe(true)
    await clock.advance(700)
    const { fingerprint } = await token
    await clock.settle()
    expect(puts).toEqual([['token-1', false]])
    expect(named('tokenReceived')).toEqual([
      {
        ...{ client: 'default', scope: ['read'], reason: 'no token', fingerprint, lifetimeMs: HOUR },
        ...{ granted: ['read'], durationMs: 700 },
      },
    ])
    expect([warm(), ends(), renewal.isUnderWay]).toEqual([1, 1, false])
  })

  it.each([
    ['absent', 'no token'],
    ['expired', 'expired'],
    ['rejected', 'rejected'],
    ['fresh', 'short validity'],
    ['refresh due', 'short validity'],
  ] as const)('has a reason where one is %s', async (state, reason) => {
    const { renewal, named } = renewing()
    await renewal.obtain(state, {})
    expect(renewal.lastReason).toBe(reason)
    expect(named('tokenRequested')).toMatchObject([{ reason, background: false }])
  })

  it('is requested once for all who wait, and once more for those who want a new one', async () => {
    const { renewal, server, clock, ends } = renewing()
    server.byDefault = { afterMs: 500 }
    const calls = [renewal.obtain('absent', {}), renewal.obtain('absent', {})]
    const forced = renewal.obtain('absent', { forceRefresh: true })
    expect(renewal.waiters).toBe(3)
    await clock.advance(1000)
    expect(await Promise.all([...calls, forced].map(text))).toEqual(['token-1', 'token-1', 'token-2'])
    expect([renewal.lastReason, server.requests.length]).toEqual(['forced', 2])
    expect(ends()).toBe(2)
    expect(renewal.waiters).toBe(0)
  })

  it('may be found in the store, and is told of with what is left of it', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const other = managed({ store: store.connect() }, clock)
    const { fingerprint } = await other.tokens.getToken()
    await clock.advance(600 * SECOND)
    const { renewal, server, puts, named, warm } = renewing({ store, clock })
    const token = await renewal.obtain('absent', {})
    expect([puts, server.requests, warm()]).toEqual([[['token-1', true]], [], 1])
    const leftMs = HOUR - token.ageMs(clock)
    expect(leftMs).toBeLessThanOrEqual(HOUR - 600 * SECOND)
    expect(named('tokenFound')).toEqual([
      {
        ...{ client: 'default', scope: [], reason: 'no token', fingerprint, lifetimeMs: HOUR },
        ...{ leftMs, granted: [] },
      },
    ])
  })

  it('is told to be short if it does not last as long as was asked for, to the millisecond', async () => {
    const { renewal, named, clock, server } = renewing()
    server.byDefault = { afterMs: 1000 }
    const asked = [HOUR - 1000, HOUR - 999].map((minValidityMs) => renewal.obtain('absent', { minValidityMs }))
    const timed = renewal.obtain('absent', { timeoutMs: 2000 })
    await clock.advance(1000)
    expect(await Promise.all([...asked, timed].map(text))).toEqual(['token-1', 'token-1', 'token-1'])
    expect(named('validityNotMet')).toEqual([
      { client: 'default', scope: [], minValidityMs: HOUR - 999, lifetimeMs: HOUR },
    ])
  })

  it('is one promise for all callers who make no terms', async () => {
    const { renewal } = renewing()
    const { signal } = new AbortController()
    const first = renewal.obtain('absent', {})
    expect(renewal.obtain('absent', {})).toBe(first)
    expect(renewal.obtain('absent', { signal })).not.toBe(first)
    await first
  })

  it('is not taken from the store where it does not last for as long as the caller asks', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    await managed({ store: store.connect() }, clock).tokens.getToken()
    await clock.advance(HOUR * 0.8)
    const { renewal, puts, named } = renewing({ store, clock })
    await renewal.obtain('absent', { minValidityMs: HOUR / 2 })
    expect([puts, named('validityNotMet')]).toEqual([[['token-1', false]], []])
  })

  it('is waited for as long as the caller says, or until its signal aborts', async () => {
    const { renewal, clock, server } = renewing()
    server.byDefault = { afterMs: 1000 }
    const abort = new AbortController()
    const late = renewal.obtain('absent', { timeoutMs: 300 })
    const left = renewal.obtain('absent', { signal: abort.signal })
    const leftToo = renewal.obtain('absent', { signal: abort.signal, minValidityMs: 1 })
    const outcomes = Promise.allSettled([late, left, leftToo])
    abort.abort('left')
    await clock.advance(300)
    expect(await outcomes).toMatchObject([{ reason: { code: 'wait_timeout' } }, { reason: 'left' }, { reason: 'left' }])
    expect(renewal.waiters).toBe(0)
  })

  it('of a server whose tokens must not be cached ends no memory of failures', async () => {
    const { renewal, server, clock, token } = await renewed()
    renewal.failures.freshTokenRejected('default')
    server.expiresIn = 0
    await renewal.obtain('absent', { forceRefresh: true })
    expect(renewal.failures.forRefresh()).toMatchObject({ code: 'fresh_token_rejected' })
    server.expiresIn = 3600
    renewal.standing.expire()
    await clock.advance(1000)
    await renewal.obtain('absent', { forceRefresh: true })
    expect(renewal.failures.forRefresh()).toBeUndefined()
    expect(renewal.standing.of(token, 0)).toBe('fresh')
  })
})

describe('the renewal of a token', () => {
  it('is over when nothing is lost with it', async () => {
    const { renewal, server, clock } = renewing()
    expect(renewal.isOver).toBe(true)
    server.byDefault = { afterMs: 100 }
    const token = renewal.obtain('absent', {})
    expect(renewal.isOver).toBe(false)
    await clock.advance(100)
    await token
    await clock.settle()
    expect(renewal.isOver).toBe(true)
    renewal.standing.reject(0)
    expect(renewal.isOver).toBe(false)
    renewal.standing.clear()
    expect(renewal.isOver).toBe(true)
    renewal.failures.denied(DENIAL)
    expect(renewal.isOver).toBe(false)
    renewal.failures.clear()
    expect(renewal.isOver).toBe(true)
    renewal.end()
    expect(renewal.isOver).toBe(false)
  })

  it('remembers that a token has expired, whatever the clock says then', async () => {
    const { renewal, server, token } = await renewed()
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    await expect(renewal.obtain('expired', {})).rejects.toMatchObject({ code: 'request_denied' })
    expect(renewal.standing.of(token, 0)).toBe('expired')
    const other = await renewed()
    other.server.byDefault = server.byDefault
    await expect(other.renewal.obtain('refresh due', {})).rejects.toMatchObject({ code: 'request_denied' })
    expect(other.renewal.standing.of(other.token, 0)).toBe('fresh')
  })

  it.each([
    ['expired', 'expired'],
    ['refresh due', 'refresh due'],
    ['fresh', 'refresh due'],
  ] as const)('in the background has its reason where one is %s', async (state, reason) => {
    const { renewal, clock, named, ends } = await renewed()
    renewal.refreshInBackground(state)
    await clock.settle()
    expect(named('tokenRequested')[1]).toMatchObject({ reason, background: true })
    expect(ends()).toBe(2)
  })

  it('in the background waits while a failure is remembered', async () => {
    const { renewal, clock, server, token } = await renewed()
    const pauseMs = renewal.failures.refreshFailed(OUTAGE, token)
    renewal.refreshInBackground('refresh due')
    await clock.advance(pauseMs - 1)
    renewal.refreshInBackground('refresh due')
    await clock.settle()
    expect(server.requests).toHaveLength(1)
    await clock.advance(1)
    renewal.refreshInBackground('refresh due')
    await clock.settle()
    expect(server.requests).toHaveLength(2)
  })

  it('in the background does not begin while the client is failing', async () => {
    const { renewal, client, server } = await renewed()
    client.gate.failed(OUTAGE, { probe: true, afterFailures: 0, afterSuccesses: 9 })
    renewal.refreshInBackground('refresh due')
    expect([renewal.isUnderWay, server.requests.length]).toEqual([false, 1])
  })

  it('is busy while a request runs, or callers get a remembered failure', async () => {
    const { renewal, server, clock, token } = await renewed()
    expect(renewal.busy()).toBe(false)
    server.byDefault = { afterMs: 100 }
    renewal.refreshInBackground('refresh due')
    expect(renewal.busy()).toBe(true)
    await clock.advance(100)
    expect(renewal.busy()).toBe(false)
    renewal.failures.refreshFailed(OUTAGE, token)
    expect(renewal.busy()).toBe(false)
    renewal.failures.denied(DENIAL)
    expect(renewal.busy()).toBe(true)
  })

  it('can be put off while there is a token, where another process is busy with it', async () => {
    const { renewal, token, clock, forgetToken } = await renewed()
    await clock.advance(HOUR * 0.7)
    expect(renewal.postponeRefresh('busy')).toBe(token)
    expect(renewal.standing.of(token, token.ageMs(clock))).toBe('fresh')
    forgetToken()
    expect(renewal.postponeRefresh('busy')).toBeUndefined()
    const late = await renewed()
    await late.clock.advance(HOUR)
    expect(late.renewal.postponeRefresh('busy')).toBe(late.token)
    expect(late.renewal.postponeRefresh('in step')).toBeUndefined()
  })

  it('knows what it replaces, and whether that is rejected', async () => {
    const { renewal, token, forgetToken } = await renewed()
    expect(renewal.replaced()).toEqual({ token, isRejected: false })
    renewal.standing.reject(0)
    expect(renewal.replaced()).toEqual({ token, isRejected: true })
    forgetToken()
    expect(renewal.replaced()).toEqual({ token: undefined, isRejected: false })
  })

  it('is ended at the end of the manager if nobody waits for it', async () => {
    const { renewal, server, clock, close } = await renewed()
    server.byDefault = { hang: true }
    renewal.refreshInBackground('refresh due')
    await clock.settle()
    close()
    renewal.abandonUnwatched()
    await renewal.settled()
    expect(renewal.isUnderWay).toBe(false)
  })

  it('refuses what callers get while a denial is remembered, and everything after the end of the client', async () => {
    const { renewal, server } = renewing()
    renewal.failures.denied(DENIAL)
    await expect(async () => renewal.obtain('absent', {})).rejects.toBe(DENIAL)
    renewal.failures.clear()
    renewal.end()
    await expect(async () => renewal.obtain('absent', {})).rejects.toMatchObject({ code: 'unknown_client' })
    expect(server.requests).toHaveLength(0)
  })

  it('settles after the request under way', async () => {
    const { renewal, server, clock } = renewing()
    server.byDefault = { afterMs: 100 }
    const token = renewal.obtain('absent', {})
    let isSettled = false
    const settled = renewal.settled().then(() => {
      isSettled = true
    })
    await clock.advance(99)
    expect(isSettled).toBe(false)
    await clock.advance(1)
    await settled
    await token
  })
})

describe('a token that is forgotten', () => {
  it('takes every failure with it, and what is under way brings the token of before', async () => {
    const { renewal, server, clock, token, puts } = await renewed()
    server.byDefault = { afterMs: 100 }
    renewal.refreshInBackground('refresh due')
    renewal.standing.reject(HOUR)
    renewal.failures.denied(DENIAL)
    renewal.forget(token)
    expect(renewal.failures.isEmpty).toBe(true)
    expect(renewal.standing.isPlain).toBe(true)
    await clock.advance(100)
    expect(puts).toHaveLength(1)
    expect(renewal.isOver).toBe(true)
    expect(renewal.replaced().isRejected).toBe(false)
  })

  it('is not wanted from others either, until there is another', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { renewal, server, token, forgetToken } = await renewed({ store, clock })
    forgetToken()
    renewal.forget(token)
    expect(renewal.replaced()).toEqual({ token, isRejected: true })
    renewal.forget(undefined)
    expect(renewal.replaced()).toEqual({ token, isRejected: true })
    expect(renewal.isOver).toBe(false)
    server.script.push({ status: 401, body: { error: 'invalid_client' } })
    await expect(renewal.obtain('absent', {})).rejects.toMatchObject({ code: 'request_denied' })
    await clock.advance(60 * SECOND)
    expect([renewal.isUnderWay, renewal.failures.isEmpty, renewal.isOver]).toEqual([false, true, false])
    expect(await text(renewal.obtain('absent', {}))).toBe('token-2')
    await clock.settle()
    forgetToken()
    expect(renewal.replaced()).toEqual({ token: undefined, isRejected: false })
    expect(renewal.isOver).toBe(true)
  })
})

describe('a failure', () => {
  const ADMISSION = { probe: false, afterFailures: 0, afterSuccesses: 0 }

  it('is told of with whether there is a token still', async () => {
    const { renewal, named, clock, client } = await renewed()
    const about = { client: 'default', scope: [], error: DENIAL, reason: 'refresh due' }
    renewal.onFailure(DENIAL, 'refresh due', ADMISSION)
    await clock.advance(HOUR)
    renewal.onFailure(DENIAL, 'refresh due', ADMISSION)
    expect(named('tokenRequestFailed')).toEqual([
      { ...about, tokenStillValid: true },
      { ...about, tokenStillValid: false },
    ])
    expect(client.gate.refusal()).toBeUndefined()
    const none = renewing()
    none.renewal.onFailure(DENIAL, 'no token', ADMISSION)
    expect(none.named('tokenRequestFailed')).toMatchObject([{ tokenStillValid: false }])
  })

  it('of one key is that key’s alone, and shows that the client is not failing', () => {
    const { renewal, client } = renewing()
    client.gate.failed(OUTAGE, ADMISSION)
    renewal.onFailure(DENIAL, 'no token', { ...ADMISSION, probe: true })
    expect(client.gate.failing).toBe(false)
    expect(renewal.failures.forCallers()).toBe(DENIAL)
    expect(renewal.pauseMs()).toBe(1000)
  })

  it('of the client is every key’s', () => {
    const { renewal, client } = renewing()
    renewal.onFailure(OUTAGE, 'no token', ADMISSION)
    expect(client.gate.refusal()).toBe(OUTAGE)
    expect(renewal.failures.isEmpty).toBe(true)
    expect(renewal.pauseMs()).toBe(0)
  })

  it('that is not explained is the key’s alone for a token on behalf of a user', () => {
    const unexplained = new TokenResponseError({
      ...{ code: 'request_denied', client: 'default', message: 'No.', status: 400, retryable: false },
    } as ConstructorParameters<typeof TokenResponseError>[0])
    const service = renewing()
    service.renewal.onFailure(unexplained, 'no token', ADMISSION)
    expect(service.client.gate.refusal()).toBe(unexplained)
    const user = renewing({ parameters: { subject: new SubjectToken('alice') } })
    user.renewal.onFailure(unexplained, 'no token', ADMISSION)
    expect(user.client.gate.refusal()).toBeUndefined()
    expect(user.renewal.failures.forCallers()).toBe(unexplained)
  })

  it('of a refresh puts the next off, for no longer than the token can bear', async () => {
    const { renewal, client, clock } = await renewed()
    await clock.advance(HOUR * 0.9)
    for (let turn = 0; turn < 8; turn += 1)
      renewal.onFailure(OUTAGE, 'refresh due', { ...ADMISSION, probe: true, afterSuccesses: 9 })
    expect(renewal.failures.forRefresh()).toBe(OUTAGE)
    expect(client.gate.pauseMs()).toBeLessThanOrEqual(renewal.failures.pauseMs())
  })
})

describe('a rejected token', () => {
  it('is not used before a new one was asked for', async () => {
    const { renewal, token, named } = await renewed()
    renewal.reject(token)
    expect([renewal.standing.of(token, 0), renewal.failures.isEmpty]).toEqual(['rejected', true])
    expect(named('tokenRejected')).toEqual([{ client: 'default', scope: [], fingerprint: token.fingerprint }])
  })

  it('is used on if it has only just replaced another, and for a while no other is asked for', async () => {
    const { renewal, token, named } = await renewed()
    renewal.reject(token)
    const next = await renewal.obtain('rejected', {})
    for (let time = 0; time < 2; time += 1) {
      renewal.reject(next)
      expect(renewal.standing.of(next, 0)).toBe('fresh')
      expect(renewal.failures.forRefresh()).toMatchObject({ code: 'fresh_token_rejected', client: 'default' })
    }
    expect(named('tokenRejected')).toHaveLength(1)
    expect(named('freshTokenRejected')).toEqual([{ client: 'default', scope: [], fingerprint: next.fingerprint }])
  })

  it('is used on while it cannot be replaced for now, and is then due for a refresh', async () => {
    const { renewal, server, clock, token } = await renewed()
    renewal.standing.reject(HOUR)
    server.byDefault = { status: 503 }
    const call = renewal.obtain('rejected', {})
    await clock.advance(60 * SECOND)
    expect(await call).toBe(token)
    expect(renewal.standing.of(token, token.ageMs(clock))).toBe('refresh due')
    expect(renewal.failures.isEmpty).toBe(false)
  })

  it('is used on by callers who meet a failure that is known, which pauses the next attempt', async () => {
    const { renewal, client, token } = await renewed()
    renewal.standing.reject(HOUR)
    client.gate.failed(OUTAGE, { probe: true, afterFailures: 0, afterSuccesses: 9 })
    expect(renewal.failures.isEmpty).toBe(true)
    expect(await renewal.obtain('rejected', {})).toBe(token)
    expect(renewal.failures.forRefresh()).toBe(OUTAGE)
    const pauseMs = renewal.failures.pauseMs()
    expect(pauseMs).toBeGreaterThan(0)
    renewal.standing.reject(HOUR)
    expect(await renewal.obtain('rejected', {})).toBe(token)
    expect(renewal.failures.pauseMs()).toBe(pauseMs)
  })

  it.each<[string, object, object]>([
    ['for good', { status: 400, body: { error: 'invalid_scope' } }, { code: 'request_denied' }],
    ['in the time that the caller has', { hang: true }, { code: 'wait_timeout' }],
  ])('is not used on when it is not replaced %s', async (_, answer, error) => {
    const { renewal, server, clock } = await renewed()
    renewal.standing.reject(HOUR)
    server.byDefault = answer
    const call = expect(renewal.obtain('rejected', { timeoutMs: 3000 })).rejects.toMatchObject(error)
    await clock.advance(3000)
    await call
  })

  it('is not used on by callers who leave, nor once it has expired, nor where it is gone', async () => {
    const { renewal, server, clock, forgetToken } = await renewed()
    renewal.standing.reject(HOUR)
    const abort = new AbortController()
    server.byDefault = { hang: true }
    const left = expect(renewal.obtain('rejected', { signal: abort.signal })).rejects.toMatchObject({ retryable: true })
    abort.abort({ retryable: true, code: 'left' })
    await left
    server.byDefault = { status: 503 }
    await clock.advance(HOUR)
    const late = expect(renewal.obtain('rejected', {})).rejects.toMatchObject({ code: 'server_unavailable' })
    await clock.advance(60 * SECOND)
    await late
    forgetToken()
    const gone = expect(renewal.obtain('rejected', {})).rejects.toMatchObject({ code: 'server_unavailable' })
    await clock.advance(60 * SECOND)
    await gone
  })

  it.each([{ forceRefresh: true }, { minValidityMs: 1 }])(
    'is not used on by callers who want a new one: %o',
    async (wish) => {
      const { renewal, server, clock } = await renewed()
      renewal.standing.reject(HOUR)
      server.byDefault = { status: 503 }
      const call = expect(renewal.obtain('rejected', wish)).rejects.toMatchObject({ code: 'server_unavailable' })
      await clock.advance(60 * SECOND)
      await call
    },
  )

  it('may have been replaced by another process: a look at the store tells, and brings what replaces it', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    const { renewal, server, token, puts, ends, named, current } = await renewed({ store, clock })
    await clock.advance(10 * SECOND)
    const other = managed({ store: store.connect() }, clock)
    other.server.token()
    await other.tokens.getToken({ forceRefresh: true })
    await clock.settle()
    renewal.failures.refreshFailed(OUTAGE, token)
    renewal.reject(token)
    expect(renewal.standing.of(token, 0)).toBe('fresh')
    await clock.settle()
    expect(puts).toEqual([
      ['token-1', false],
      ['token-2', true],
    ])
    expect([server.requests.length, ends()]).toEqual([1, 2])
    renewal.reject(current())
    expect(named('freshTokenRejected')).toMatchObject([{ fingerprint: current().fingerprint }])
  })
})
