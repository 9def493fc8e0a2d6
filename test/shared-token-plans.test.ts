import { beforeEach, describe, expect, it } from 'vitest'
import { AccessToken } from '../src/access-token.ts'
import type { ReadCertificate } from '../src/client-certificate.ts'
import type { ClientOptions } from '../src/client-options.ts'
import { Client } from '../src/clients.ts'
import { TokenError, TokenResponseError } from '../src/errors.ts'
import { TokenEventEmitter } from '../src/events.ts'
import { UNCACHEABLE } from '../src/shared-failure.ts'
import { type SharedTokenPlan, sharedToken } from '../src/shared-token.ts'
import { SharedToken } from '../src/store/record.ts'
import type { SharedLease } from '../src/store/shared-lease.ts'
import type { FoundToken, FreeAnswer } from '../src/store/token-share.ts'
import { AuthorizationServer } from './support/authorization-server.ts'
import { clientOf } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const HOUR = 3_600_000
const REFUSED = new TokenError({ code: 'server_unavailable', message: 'Down.' })

type Answer = FreeAnswer<AccessToken>

/** What a store does, as far as it differs from one that has nothing and gives a lease. */
interface StoreScript {
  readonly found?: FoundToken
  readonly removal?: 'removed' | 'kept' | 'unavailable'
  readonly answers?: readonly (Answer | 'lease' | 'never')[]
  readonly certificate?: ReadCertificate
  readonly sharesErrors?: boolean
  readonly isNowhere?: boolean
}

// Each begins at the same time, so that a token made for a table is as old in every test.
let clock = new VirtualClock()
beforeEach(() => {
  clock = new VirtualClock()
})

/** A token of this process that was requested a while ago. */
function token(
  value: string,
  { ageMs = 0, lifetimeMs = HOUR, boundTo = undefined as ReadCertificate | undefined } = {},
) {
  return new AccessToken({
    ...{ value, tokenType: 'Bearer', scope: ['read'], lifetimeMs, boundTo },
    requestedAt: { wall: clock.now() - ageMs, monotonic: clock.monotonicNow() - ageMs },
    dueAfterMs: lifetimeMs / 2,
    expiredAfterMs: lifetimeMs * 0.9,
  })
}

/** A token in the store. */
function found(value: string, leftMs = HOUR, lifetimeMs = HOUR): FoundToken {
  return { token: new SharedToken({ value, tokenType: 'Bearer', scope: ['read'], lifetimeMs }), leftMs }
}

const denied = (more: object = {}) =>
  new TokenResponseError({
    ...{ code: 'request_denied', message: 'No such scope.', status: 400, error: 'invalid_scope', retryable: false },
    ...more,
  } as ConstructorParameters<typeof TokenResponseError>[0])

/** What becomes of a flight with such a store, and everything that it did, in order. */
async function fly(plan: Partial<SharedTokenPlan>, script: StoreScript = {}, options: Partial<ClientOptions> = {}) {
  const did: unknown[][] = []
  const known: (string | undefined)[] = []
  const records: (SharedToken | undefined)[] = []
  const used: unknown[] = []
  const answers = [...(script.answers ?? [])]
  const writing: Promise<unknown>[] = []
  const share = {
    async find(_: string, one?: SharedToken) {
      did.push(['find', one?.reveal()])
      return script.found
    },
    async remove(_: string, what: SharedToken | { error: unknown }) {
      did.push(['remove', 'error' in what ? what.error : what.reveal()])
      return script.removal ?? 'removed'
    },
    async askUntilFree(_: string, one: SharedToken | undefined, signal: AbortSignal, asking: object) {
      did.push(['ask'])
      known.push(one?.reveal())
      records.push(one)
      asked.push(asking as (typeof asked)[number])
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      if (answer === 'never') await clock.sleep(HOUR, signal)
      return answer === undefined || answer === 'lease' ? { lease } : answer
    },
    put: async (_: string, one: SharedToken, leftMs: number) => void did.push(['put', one.reveal(), leftMs]),
  }
  const lease: Pick<SharedLease, keyof SharedLease> = {
    during: (request) => {
      did.push(['lease'])
      return request()
    },
    put: async (one, leftMs) => did.push(['put leased', one.reveal(), leftMs]) > 0,
    putError: async (error, ttlMs) => did.push(['putError', error, ttlMs]) > 0,
    release: async (afterMs) => void did.push(['release', afterMs]),
  }
  const asked: { patienceMs: number; otherwise: () => AccessToken | undefined }[] = []
  const place = {
    ...{ share, identity: 'id', certificate: script.certificate, sharesErrors: script.sharesErrors ?? true },
    writes: (work: Promise<unknown>) => void writing.push(work),
  }
  const client = new Client('orders', clientOf(new AuthorizationServer(clock), options), '', {
    ...{ clock, events: new TokenEventEmitter(), max: 10, optionsOf: undefined, store: undefined },
    ...{ isClosed: () => false, onWarmToken: () => {}, isAttached: () => false },
  })
  const settings = { ...client.settings, certificate: { use: (one: unknown) => void used.push(one) } }
  const context = { ...client, settings, share: { placeOf: async () => (script.isNowhere ? undefined : place) } }
  const wanted: SharedTokenPlan = {
    ...{ key: 'key', scope: ['read'], reason: 'no token', background: false, isRejected: false, isAnew: false },
    ...{ signal: new AbortController().signal, replaced: undefined, refusal: undefined, impatience: undefined },
    leastMs: () => 0,
    request: async () => {
      did.push(['request'])
      return token('requested')
    },
    postpone: (why) => void did.push(['postpone', why]),
    pauseMs: () => 0,
    onFound: (one) => did.push(['found', one.reveal()]),
    onDenied: () => did.push(['denied']),
    ...plan,
  }
  const outcome = sharedToken(context as unknown as Parameters<typeof sharedToken>[0], wanted)
  outcome.catch(() => {})
  await clock.settle()
  return { outcome, did, known, records, used, asked, written: () => Promise.all(writing) }
}

const text = async (flight: { outcome: Promise<AccessToken> }) => (await flight.outcome).reveal()
const names = ({ did }: { did: unknown[][] }) => did.map(([name]) => name)

describe('a process with a store', () => {
  it('requests for itself where it is not known which place in the store is its own', async () => {
    const flight = await fly({ refusal: REFUSED }, { isNowhere: true, found: found('stored') })
    expect(await text(flight)).toBe('requested')
    expect(flight.did).toEqual([['request']])
  })

  it('only looks while it may make no request, and hears why if there is nothing', async () => {
    const flight = await fly({ refusal: REFUSED, replaced: token('old') }, { found: found('stored') })
    expect(await text(flight)).toBe('stored')
    expect(flight.did).toEqual([
      ['find', 'old'],
      ['found', 'stored'],
    ])
    const other = await fly({ refusal: REFUSED, request: () => Promise.reject(REFUSED) })
    await expect(other.outcome).rejects.toBe(REFUSED)
    expect(other.did).toEqual([['find', undefined]])
  })

  it('asks with the token that it had, and knows that of the store again', async () => {
    const stored = found('stored')
    const first = await fly({}, { answers: [{ found: stored }] })
    const replaced = await first.outcome
    expect(first.known).toEqual([undefined])
    expect((await fly({ replaced, reason: 'expired' })).records[0]).toBe(stored.token)
    const own = token('own')
    const [one] = (await fly({ replaced: own, reason: 'expired' })).records
    expect(one).toMatchObject({ tokenType: 'Bearer', scope: ['read'], lifetimeMs: HOUR })
    expect((await fly({ replaced: own, reason: 'expired' })).records[0]).toBe(one)
  })

  it('asks for a newer one when what the store has is not enough, five times at most', async () => {
    const late = found('late', 1000)
    const flight = await fly({ replaced: token('old'), reason: 'rejected' }, { answers: [{ found: late }] })
    expect(await text(flight)).toBe('requested')
    expect(flight.known).toEqual(['old', 'late', 'late', 'late', 'late'])
    await flight.written()
    expect(flight.did.slice(5)).toEqual([['request'], ['put', 'requested', HOUR]])
  })

  it.each(['no token', 'expired', 'rejected', 'refresh due', 'forced', 'short validity'] as const)(
    'waits for a slow store only where there is no token to use: %s',
    async (reason) => {
      const { asked } = await fly({ reason }, {}, { attemptTimeoutMs: 4000 })
      expect(asked.map(({ patienceMs }) => patienceMs)).toEqual([
        reason === 'no token' || reason === 'expired' ? 800 : 0,
      ])
    },
  )

  it('may use what it has while another process is busy', async () => {
    const old = token('old')
    const reasons: string[] = []
    const postpone = (why: string) => {
      reasons.push(why)
      return old
    }
    const { asked, outcome } = await fly({ postpone }, { answers: [{ instead: old }] })
    expect(await outcome).toBe(old)
    expect(asked[0]?.otherwise()).toBe(old)
    expect(reasons).toEqual(['busy'])
  })

  it.each(['absent', 'unavailable'] as const)(
    'may put its refresh off where nothing orders them: %s',
    async (answer) => {
      const old = token('old')
      const reasons: string[] = []
      const postpone = (why: string) => {
        reasons.push(why)
        return old
      }
      const flight = await fly({ postpone }, { answers: [answer] })
      expect(await flight.outcome).toBe(old)
      expect(reasons).toEqual(['in step'])
      expect(names(flight)).toEqual(['ask'])
    },
  )

  it('takes the old token out of a store without leases before it writes the new one, and out of no other', async () => {
    const ways = { absent: ['remove', 'put'], unavailable: ['put'] } as const
    for (const answer of ['absent', 'unavailable'] as const) {
      const flight = await fly({ replaced: token('old'), reason: 'expired' }, { answers: [answer] })
      expect(await text(flight)).toBe('requested')
      await flight.written()
      expect(names(flight)).toEqual(['ask', 'postpone', 'request', ...ways[answer]])
    }
    const first = await fly({}, { answers: ['absent'] })
    await first.written()
    expect(names(first)).toEqual(['ask', 'postpone', 'request', 'put'])
  })

  it('waits for the probe of another for as long as one of its own may take', async () => {
    const impatience = REFUSED
    const start = clock.now()
    const { outcome } = await fly({ impatience }, { answers: ['never'] }, { attemptTimeoutMs: 4000 })
    let ended: number | undefined
    void outcome.catch(() => {
      ended = clock.now() - start
    })
    await clock.advance(10_000)
    await expect(outcome).rejects.toBe(impatience)
    expect(ended).toBe(4000)
    const patient = await fly({}, { answers: ['never'] }, { attemptTimeoutMs: 4000 })
    let isOver = false
    void patient.outcome.catch(() => {
      isOver = true
    })
    await clock.advance(10_000)
    expect(isOver).toBe(false)
  })
})

describe('a token that is found', () => {
  const about = { value: 'stored', tokenType: 'DPoP', scope: ['read'], lifetimeMs: HOUR }
  const bound: FoundToken = { token: new SharedToken(about), leftMs: HOUR }
  const cases: [string, boolean, Partial<SharedTokenPlan>, FoundToken, Partial<ClientOptions>?][] = [
    ['is taken', true, {}, found('stored')],
    ['is not taken when it is about to expire', false, {}, found('stored', 9000)],
    ['is taken when it is bound to a key and the client has one', true, {}, bound, { dpop: true }],
    ['is not taken by a client without one', false, {}, bound],
    ['is not taken for one that has to be new', false, { reason: 'forced' }, found('stored')],
    ['is taken with exactly the validity wanted', true, { leastMs: () => HOUR / 2 }, found('stored', HOUR / 2)],
    ['is not taken with less', false, { leastMs: () => HOUR / 2 + 1 }, found('stored', HOUR / 2)],
    ['is taken with less if none lives longer and it is new', true, { leastMs: () => HOUR + 1 }, found('stored')],
    ['is not taken if it lives exactly so long', false, { leastMs: () => HOUR }, found('stored', HOUR - 1)],
    ['is not taken with less once it is old', false, { leastMs: () => HOUR + 1 }, found('stored', HOUR / 10)],
    [
      'is taken by a refresh if it lives longer',
      true,
      { reason: 'refresh due', replaced: token('old', { ageMs: HOUR / 2 }) },
      found('stored', HOUR / 2 + 1),
    ],
    [
      'is not taken by a refresh if it lives as long',
      false,
      { reason: 'refresh due', replaced: token('old', { ageMs: HOUR / 2 }) },
      found('stored', HOUR / 2),
    ],
    [
      'is taken in place of a rejected one, however long that lives',
      true,
      { reason: 'rejected', replaced: token('old', { ageMs: HOUR / 2 }) },
      found('stored', HOUR / 2),
    ],
    ['is taken by a refresh that replaces nothing', true, { reason: 'refresh due' }, found('stored', HOUR / 2)],
    ['is not taken without the scopes required', false, { scope: ['write'] }, found('stored'), { requireScope: true }],
    ['is taken without them otherwise', true, { scope: ['write'] }, found('stored')],
    ['is taken with the scopes required', true, { scope: ['read'] }, found('stored'), { requireScope: true }],
  ]
  it.each(cases)('%s', async (_, isTaken, plan, one, options) => {
    const flight = await fly(plan, { answers: [{ found: one }, 'lease'] }, options)
    expect(await text(flight)).toBe(isTaken ? 'stored' : 'requested')
    expect(names(flight).includes('found')).toBe(isTaken)
  })

  it('is as old as what is left of it says, by both clocks', async () => {
    const { outcome } = await fly({}, { answers: [{ found: found('stored', HOUR - 90_000) }] })
    const { requestedAt, scope, tokenType, lifetimeMs } = await outcome
    expect(clock.now() - requestedAt.wall).toBe(90_000)
    expect(clock.monotonicNow() - requestedAt.monotonic).toBe(90_000)
    expect({ scope, tokenType, lifetimeMs }).toEqual({ scope: ['read'], tokenType: 'Bearer', lifetimeMs: HOUR })
  })
})

describe('a token that was rejected', () => {
  const rejected = { isRejected: true, reason: 'rejected' } as const

  it('is removed from the store before another is asked for, if there is one', async () => {
    expect((await fly({ ...rejected, replaced: token('old') })).did.slice(0, 2)).toEqual([['remove', 'old'], ['ask']])
    expect(names(await fly(rejected))).not.toContain('remove')
    expect(names(await fly({ replaced: token('old'), reason: 'expired' }))).not.toContain('remove')
  })

  it('is replaced by what another process has requested meanwhile', async () => {
    const flight = await fly({ ...rejected, replaced: token('old') }, { removal: 'kept', found: found('newer') })
    expect(await text(flight)).toBe('newer')
    expect(flight.did).toEqual([
      ['remove', 'old'],
      ['find', 'old'],
      ['found', 'newer'],
    ])
  })

  it.each<[string, boolean, Partial<SharedTokenPlan>]>([
    ['by those that report it', true, {}],
    ['by a look in the background', true, { reason: 'refresh due', background: true }],
    ['not by callers for whom it was forgotten', false, { reason: 'no token' }],
    ['not by callers that want it to last', false, { leastMs: () => 1 }],
    ['not once it has expired', false, { replaced: token('old', { ageMs: HOUR }) }],
  ])('is used on while the store keeps it, %s', async (_, isUsedOn, plan) => {
    const flight = await fly({ ...rejected, replaced: token('old'), ...plan }, { removal: 'kept' })
    if (isUsedOn) await expect(flight.outcome).rejects.toMatchObject({ code: 'fresh_token_rejected', retryable: true })
    else expect(await text(flight)).toBe('requested')
    expect(names(flight).includes('ask')).toBe(!isUsedOn)
  })

  it('is left alone for a while where the store keeps it and nobody waits', async () => {
    const background = { ...rejected, reason: 'refresh due', background: true, replaced: token('old') } as const
    const why: string[] = []
    const postpone = (reason: string) => {
      why.push(reason)
      return token('old')
    }
    const flight = await fly({ ...background, postpone }, { removal: 'kept' })
    expect(await text(flight)).toBe('old')
    expect(why).toEqual(['busy'])
    expect(names(flight)).toEqual(['remove', 'find'])
  })

  it('is not looked for again in a store that has removed it, or is of no use', async () => {
    for (const removal of ['removed', 'unavailable'] as const) {
      const flight = await fly({ ...rejected, replaced: token('old') }, { removal, found: found('newer') })
      expect(await text(flight)).toBe('requested')
      expect(names(flight)).not.toContain('find')
    }
  })
})

describe('a failure that is found', () => {
  it('is thrown, and told of as a denial', async () => {
    const failed = { error: { ...denied().toJSON() }, leftMs: 5000 }
    const flight = await fly({}, { answers: [{ failed }] })
    await expect(flight.outcome).rejects.toMatchObject({ code: 'request_denied', error: 'invalid_scope' })
    expect(flight.did).toEqual([['ask'], ['denied']])
  })

  it('is removed and not thrown for a caller to whom it does not count', async () => {
    const failed = { error: { code: 'request_denied' }, leftMs: 5000 }
    const flight = await fly({ isAnew: true }, { answers: [{ failed }, 'lease'] })
    expect(await text(flight)).toBe('requested')
    expect(flight.did.slice(0, 4)).toEqual([['ask'], ['remove', failed.error], ['ask'], ['lease']])
  })

  it('means where tokens must not be cached that each requests its own', async () => {
    for (const isAnew of [false, true]) {
      const failed = { error: UNCACHEABLE as Record<string, unknown>, leftMs: 5000 }
      const flight = await fly({ isAnew }, { answers: [{ failed }] })
      expect(await text(flight)).toBe('requested')
      expect(names(flight)).toEqual(['ask', 'request', 'put'])
    }
  })
})

describe('a request for all', () => {
  const CERTIFICATE = { thumbprint: 'x' } as ReadCertificate

  it.each<[string, AccessToken, StoreScript, number]>([
    ['what is left of it', token('new', { ageMs: 7000 }), {}, HOUR - 7000],
    ['none of it where the certificate has changed', token('new', { boundTo: CERTIFICATE }), {}, 0],
    ['it with the certificate', token('new', { boundTo: CERTIFICATE }), { certificate: CERTIFICATE }, HOUR],
    ['none of it without the certificate', token('new'), { certificate: CERTIFICATE }, 0],
  ])('shares %s', async (_, made, script, leftMs) => {
    const flight = await fly({ request: async () => made }, script)
    expect(await flight.outcome).toBe(made)
    await flight.written()
    expect(flight.did).toEqual([['ask'], ['lease'], ['put leased', 'new', leftMs]])
    const alone = await fly({ request: async () => made }, { ...script, answers: ['unavailable'] })
    await alone.written()
    expect(alone.did.slice(2)).toEqual(leftMs === 0 ? [] : [['put', 'new', leftMs]])
  })

  it('tells for a minute that tokens must not be cached', async () => {
    const made = token('once', { lifetimeMs: 0 })
    const flight = await fly({ request: async () => made })
    expect(await flight.outcome).toBe(made)
    expect(flight.did.at(-1)).toEqual(['putError', UNCACHEABLE, 60_000])
  })

  it.each<[string, unknown, Partial<SharedTokenPlan>, StoreScript, unknown[]]>([
    ['shared for as long as it holds', denied(), { pauseMs: () => 3000 }, {}, ['putError', 3000]],
    ['shared for five minutes at most', denied(), { pauseMs: () => HOUR }, {}, ['putError', 300_000]],
    ['its own if it holds for no time', denied(), {}, {}, ['release', 0]],
    ['its own if it is not the server’s', REFUSED, { pauseMs: () => 3000 }, {}, ['release', 0]],
    [
      'its own where the credential may be another’s',
      denied(),
      { pauseMs: () => 3000 },
      { sharesErrors: false },
      ['release', 0],
    ],
    [
      'its own, and not repeated at once, if nobody waited',
      REFUSED,
      { background: true, pauseMs: () => 3000 },
      {},
      ['release', 3000],
    ],
    [
      'its own, and not repeated for five seconds at most',
      REFUSED,
      { background: true, pauseMs: () => HOUR },
      {},
      ['release', 5000],
    ],
  ])('that fails has a failure that is %s', async (_, error, plan, script, last) => {
    const flight = await fly({ request: () => Promise.reject(error), ...plan }, script)
    await expect(flight.outcome).rejects.toBe(error)
    const [name, ...values] = flight.did.at(-1) ?? []
    expect([name, ...values.filter((value) => typeof value !== 'object')]).toEqual(last)
  })
})

describe('the certificate that a found token is bound to', () => {
  it('is in use from then on', async () => {
    const certificate = { thumbprint: 'x', expiresAt: 0 } as ReadCertificate
    const { outcome, used } = await fly({}, { answers: [{ found: found('stored') }], certificate })
    expect((await outcome).boundTo).toBe(certificate)
    expect(used).toEqual([certificate])
  })
})
