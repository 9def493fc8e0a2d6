import { describe, expect, it } from 'vitest'
import { GuardedStore, orElse, type StoreCall, type StoreNotice } from '../../src/store/guarded-store.ts'
import { MemoryTokenStore } from '../../src/store/memory-store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A store, its guard, and what the guard tells. */
function guarded({ timeoutMs = undefined as number | undefined } = {}) {
  const clock = new VirtualClock()
  const store = Object.assign(new MemoryTokenStore({ clock, plaintext: true }), { timeoutMs })
  const notices: StoreNotice[] = []
  const calls: StoreCall[] = []
  const guard = new GuardedStore(
    store,
    clock,
    (notice) => notices.push(notice),
    (call) => calls.push(call),
  )
  return { clock, guard, notices, calls }
}

const answering =
  <T>(clock: VirtualClock, ms: number, result: T) =>
  async () => {
    await clock.sleep(ms)
    return result
  }

const failing = (error: unknown) => () => Promise.reject(error)

describe('a call of the store', () => {
  it.each([
    ['get', undefined, 'none'],
    ['get', { value: 'x' }, 'token'],
    ['getOrLease', 'busy', 'busy'],
    ['getOrLease', null, 'busy'],
    ['getOrLease', { token: {} }, 'token'],
    ['getOrLease', { error: {} }, 'error'],
    ['getOrLease', { lease: {} }, 'lease'],
    ['set', true, 'done'],
    ['set', false, 'refused'],
    ['renew', false, 'refused'],
    ['delete', true, 'done'],
  ] as const)('is told of with what it came to: %s that gives %j', async (operation, result, outcome) => {
    const { guard, clock, calls, notices } = guarded()
    const given = guard.call(operation, answering(clock, 20, result))
    await clock.advance(20)
    expect(await given).toBe(result)
    expect(calls).toEqual([{ operation, outcome, durationMs: 20, reason: undefined }])
    expect(notices).toEqual([])
  })

  it.each([
    ['a code', Object.assign(new Error('refused by 10.0.0.7'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a code with an underscore and digits', Object.assign(new Error('x'), { code: 'ERR_2' }), 'ERR_2'],
    ['the first word of Redis', new Error('READONLY You cannot write'), 'READONLY'],
    ['such a word after a code of another kind', Object.assign(new Error('OOM no room'), { code: 7 }), 'OOM'],
    [
      "a code of OpenSSL's",
      Object.assign(new Error('x'), { code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE' }),
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    ],
    ['a list of codes', Object.assign(new TypeError('x'), { code: ['ECONNRESET'] }), 'TypeError'],
    ['a code in lower case', Object.assign(new TypeError('x'), { code: 'secret' }), 'TypeError'],
    ['a code of several words', Object.assign(new TypeError('x'), { code: 'GET secret' }), 'TypeError'],
    ['a code that ends in other words', Object.assign(new TypeError('x'), { code: 'SET 1:key' }), 'TypeError'],
    ['a code without end', Object.assign(new TypeError('x'), { code: 'E'.repeat(42) }), 'TypeError'],
    ['a message with capitals in it', new RangeError('no GET secret'), 'RangeError'],
    ['a message without words', new RangeError('SECRET'), 'RangeError'],
    ['a message that is no text', Object.assign(new RangeError(), { message: 7 }), 'RangeError'],
    ['neither a message nor a class', Object.assign(new Error(), { message: null, constructor: null }), 'Error'],
    [
      'a class whose name is none',
      new (class extends Error {
        static override name = ''
      })('x'),
      'Error',
    ],
    ['a class with a name without end', new (class extends Error {})('x'), expect.stringMatching(/^.{0,40}$/)],
    ['no error at all', 'secret', 'unknown'],
  ])('that fails with %s is told of by a code, never by its words', async (_, error, reason) => {
    const { guard, calls, notices } = guarded()
    await expect(guard.call('get', failing(error))).rejects.not.toBe(error)
    expect(notices).toEqual([{ kind: 'failed', operation: 'get', reason }])
    expect(calls).toEqual([{ operation: 'get', outcome: 'failed', durationMs: 0, reason }])
  })

  it('cuts the name of a class that has no end', async () => {
    const { guard, notices } = guarded()
    class EndlessEndlessEndlessEndlessEndlessEndlessError extends Error {}
    await expect(guard.call('get', failing(new EndlessEndlessEndlessEndlessEndlessEndlessError('x')))).rejects.toThrow()
    expect(notices).toEqual([{ kind: 'failed', operation: 'get', reason: 'EndlessEndlessEndlessEndlessEndlessEndle' }])
  })

  it.each([
    ['50 ms, by default', undefined, undefined, 50],
    ['as long as the store says', 200, undefined, 200],
    ['as long as the call needs, if that is longer', undefined, 120, 120],
    ['not for less than the store says', 200, 120, 200],
  ])('is waited for %s', async (_, timeoutMs, patienceMs, ms) => {
    const { guard, clock, notices } = guarded({ timeoutMs })
    const inTime = guard.call('get', answering(clock, ms - 1, undefined), { patienceMs })
    await clock.advance(ms)
    await expect(inTime).resolves.toBeUndefined()
    const tooLate = orElse('gave up', () => guard.call('get', answering(clock, ms + 1, 'late'), { patienceMs }))
    await clock.advance(ms)
    expect(await tooLate).toBe('gave up')
    expect(notices).toEqual([{ kind: 'failed', operation: 'get', reason: 'timeout' }])
  })

  it('has no patience after one that failed', async () => {
    const { guard, clock, notices } = guarded()
    await orElse(undefined, () => guard.call('get', failing(new Error('no'))))
    const call = orElse('gave up', () => guard.call('get', answering(clock, 60, 'late'), { patienceMs: 120 }))
    await clock.advance(50)
    expect(await call).toBe('gave up')
    expect(notices).toHaveLength(2)
  })

  it('hands over what comes when nobody waits for it any more, and nothing else', async () => {
    const { guard, clock } = guarded()
    const late: string[] = []
    const options = { late: (result: string) => late.push(result) }
    await guard.call('get', () => Promise.resolve('in time'), options)
    const call = orElse('gave up', () => guard.call('get', answering(clock, 100, 'late'), options))
    await clock.advance(50)
    expect(await call).toBe('gave up')
    expect(late).toEqual([])
    await clock.advance(50)
    expect(late).toEqual(['late'])
  })
})

describe('a store that fails', () => {
  it('is left alone for ten seconds after five failures in a row, and then tried again', async () => {
    const { guard, clock, notices, calls } = guarded()
    const call = (work: () => Promise<unknown>) => orElse('not to be had', () => guard.call('get', work))
    for (let failures = 0; failures < 5; failures++) await call(failing(new Error('no')))
    expect(guard.isSuspended).toBe(true)
    expect(notices.slice(4)).toEqual([{ kind: 'failed', operation: 'get', reason: 'Error' }, { kind: 'suspended' }])
    expect(await call(expect.unreachable)).toBe('not to be had')
    expect(calls).toHaveLength(5)
    await clock.advance(10_000)
    expect(await call(() => Promise.resolve('token'))).toBe('token')
    expect(guard.isSuspended).toBe(false)
    expect(notices.slice(6)).toEqual([{ kind: 'resumed' }])
  })

  it('is gone on without, but mistakes of others are not hidden', async () => {
    const mistake = new TypeError('a mistake')
    await expect(orElse('otherwise', failing(mistake))).rejects.toBe(mistake)
  })

  it('may hold what cannot be read, which is told', () => {
    const { guard, notices } = guarded()
    guard.unreadable('token')
    guard.unreadable('error')
    expect(notices).toEqual([
      { kind: 'unreadable', record: 'token' },
      { kind: 'unreadable', record: 'error' },
    ])
  })

  it('is asked by an owner of its own in each process', () => {
    expect(guarded().guard.owner).not.toBe(guarded().guard.owner)
  })
})
