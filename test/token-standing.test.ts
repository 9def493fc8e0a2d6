import { describe, expect, it } from 'vitest'
import { AccessToken } from '../src/access-token.ts'
import { livesFor, TokenStanding } from '../src/token-standing.ts'

const MINUTE = 60_000

/** A token that lives for an hour: a refresh is due after 40 minutes, and it is used for 59. */
const hour = new AccessToken({
  ...{ value: 'secret', tokenType: 'Bearer', scope: [], requestedAt: { wall: 0, monotonic: 0 } },
  ...{ lifetimeMs: 60 * MINUTE, dueAfterMs: 40 * MINUTE, expiredAfterMs: 59 * MINUTE },
})

/** A token that lives for three seconds. */
const seconds = new AccessToken({
  ...{ value: 'secret', tokenType: 'Bearer', scope: [], requestedAt: { wall: 0, monotonic: 0 } },
  ...{ lifetimeMs: 3000, dueAfterMs: 1800, expiredAfterMs: 2700 },
})

/** What is known of a token that took the place of a rejected one. */
function replacement(): TokenStanding {
  const standing = new TokenStanding()
  standing.reject(0)
  standing.replace()
  return standing
}

describe('where a token stands', () => {
  it('is told by its age alone, at first', () => {
    const standing = new TokenStanding()
    expect(standing.isPlain).toBe(true)
    expect(standing.dueAfterMs(hour)).toBe(40 * MINUTE)
    expect([0, 40 * MINUTE - 1].map((age) => standing.of(hour, age))).toEqual(['fresh', 'fresh'])
    expect([40 * MINUTE, 59 * MINUTE - 1].map((age) => standing.of(hour, age))).toEqual(['refresh due', 'refresh due'])
    expect(standing.of(hour, 59 * MINUTE)).toBe('expired')
    expect([59 * MINUTE - 1, 59 * MINUTE].map((age) => standing.hasExpired(hour, age))).toEqual([false, true])
  })

  it('is rejected once an API has rejected it, whatever its age, until there is another', () => {
    const standing = new TokenStanding()
    expect(standing.reject(MINUTE)).toBe(true)
    expect(standing.isPlain).toBe(false)
    expect([MINUTE, 60 * MINUTE].map((age) => standing.of(hour, age))).toEqual(['rejected', 'rejected'])
    expect([MINUTE, 59 * MINUTE].map((age) => standing.hasExpired(hour, age))).toEqual([false, true])
    expect(standing.replace()).toBe(true)
    expect(standing.of(hour, MINUTE)).toBe('fresh')
  })

  it('stays expired once it was found to be, though a clock is set back', () => {
    const standing = new TokenStanding()
    standing.expire()
    expect(standing.of(hour, 0)).toBe('expired')
    expect(standing.hasExpired(hour, 0)).toBe(true)
    expect(standing.isPlain).toBe(false)
    expect(standing.replace()).toBe(false)
    expect(standing.isPlain).toBe(true)
  })

  it('is due for a refresh when it was rejected and could not be replaced', () => {
    const standing = new TokenStanding()
    standing.reject(0)
    standing.useOn(hour)
    expect([0, MINUTE].map((age) => standing.of(hour, age))).toEqual(['refresh due', 'refresh due'])
    expect(standing.of(hour, 59 * MINUTE)).toBe('expired')
    expect(standing.dueAfterMs(hour)).toBe(0)
    expect(standing.replace()).toBe(true)
    expect(standing.of(hour, 0)).toBe('fresh')
  })

  it('does not change where a token is used on that nobody rejected', () => {
    const standing = new TokenStanding()
    standing.useOn(hour)
    expect(standing.isPlain).toBe(true)
    standing.expire()
    standing.useOn(hour)
    expect(standing.of(hour, 0)).toBe('expired')
  })

  it('is that of no token once there is none', () => {
    const standing = new TokenStanding()
    standing.reject(0)
    standing.clear()
    expect(standing.isPlain).toBe(true)
    expect(standing.replace()).toBe(false)
  })
})

describe('a token that replaced a rejected one', () => {
  it('is used on when it is rejected within ten seconds: it was not the problem', () => {
    const standing = replacement()
    expect(standing.isPlain).toBe(false)
    expect(standing.reject(9999)).toBe(false)
    expect(standing.of(hour, 9999)).toBe('fresh')
    expect(standing.reject(10_000)).toBe(true)
    expect(standing.of(hour, 10_000)).toBe('rejected')
  })

  it('counts as such after one that was used on, too', () => {
    const standing = new TokenStanding()
    standing.reject(0)
    standing.useOn(hour)
    standing.replace()
    expect(standing.reject(0)).toBe(false)
  })

  it('and was rejected at once has one after it that counts as such, too, whoever requested that', () => {
    const standing = replacement()
    expect(standing.reject(0)).toBe(false)
    expect(standing.postponeRefresh('in step', hour, 40 * MINUTE, 0)).toBe(true)
    for (let times = 0; times < 3; times++) {
      expect(standing.replace()).toBe(true)
      expect(standing.reject(0)).toBe(false)
    }
    standing.replace()
    expect(standing.replace()).toBe(false)
    expect(standing.reject(0)).toBe(true)
  })

  it('is what follows one that was rejected while none might be requested, and that was used on', () => {
    const standing = new TokenStanding()
    standing.rejectInVain()
    expect([standing.isPlain, standing.of(hour, 0), standing.of(hour, 40 * MINUTE)]).toEqual([
      false,
      'fresh',
      'refresh due',
    ])
    expect(standing.replace()).toBe(true)
  })

  it('changes nothing by that where more is known', () => {
    const [rejected, suspect, expired] = [new TokenStanding(), new TokenStanding(), new TokenStanding()]
    for (const standing of [rejected, suspect]) standing.reject(0)
    suspect.useOn(hour)
    expired.expire()
    for (const standing of [rejected, suspect, expired]) standing.rejectInVain()
    expect([rejected, suspect, expired].map((standing) => standing.of(hour, 0))).toEqual([
      'rejected',
      'refresh due',
      'expired',
    ])
  })

  it('is like every other once it was replaced in turn', () => {
    const standing = replacement()
    expect(standing.replace()).toBe(false)
    expect(standing.isPlain).toBe(true)
    expect(standing.reject(0)).toBe(true)
  })
})

describe('a refresh that is due', () => {
  it.each([
    [0, 20_000],
    [1, 40_000],
  ])('is put off where another process is busy with it, time and again: drawn %d', (random, pauseMs) => {
    const standing = new TokenStanding()
    expect(standing.postponeRefresh('busy', hour, 40 * MINUTE, random)).toBe(true)
    expect(standing.dueAfterMs(hour)).toBe(40 * MINUTE + pauseMs)
    expect(standing.of(hour, 40 * MINUTE + pauseMs - 1)).toBe('fresh')
    expect(standing.of(hour, 40 * MINUTE + pauseMs)).toBe('refresh due')
    expect(standing.of(hour, 59 * MINUTE)).toBe('expired')
    expect(standing.isPlain).toBe(false)
    expect(standing.postponeRefresh('busy', hour, 50 * MINUTE, random)).toBe(true)
    expect(standing.dueAfterMs(hour)).toBe(50 * MINUTE + pauseMs)
  })

  it('is put off for half of what is left at the most', () => {
    const standing = new TokenStanding()
    standing.postponeRefresh('busy', hour, 59 * MINUTE - 30_000, 1)
    expect(standing.dueAfterMs(hour)).toBe(59 * MINUTE - 15_000)
  })

  it.each([
    [0, 40 * MINUTE],
    [0.5, 40 * MINUTE + 19 * MINUTE * 0.375],
    [1, 40 * MINUTE + 19 * MINUTE * 0.75],
  ])(
    'is spread over three quarters of what is left of the window, once for each token: drawn %d',
    (random, dueAfterMs) => {
      const standing = new TokenStanding()
      expect(standing.postponeRefresh('in step', hour, 40 * MINUTE, random)).toBe(true)
      expect(standing.dueAfterMs(hour)).toBe(dueAfterMs)
      expect(standing.of(hour, 59 * MINUTE)).toBe('expired')
      expect(standing.postponeRefresh('in step', hour, 50 * MINUTE, random)).toBe(false)
      expect(standing.dueAfterMs(hour)).toBe(dueAfterMs)
      standing.replace()
      expect(standing.dueAfterMs(hour)).toBe(40 * MINUTE)
      expect(standing.postponeRefresh('in step', hour, 40 * MINUTE, random)).toBe(true)
    },
  )

  it('of a rejected token that is used on is not spread: it has waited already', () => {
    const standing = new TokenStanding()
    standing.reject(0)
    standing.useOn(hour)
    expect(standing.postponeRefresh('in step', hour, MINUTE, 1)).toBe(false)
    expect(standing.dueAfterMs(hour)).toBe(0)
  })

  it.each<['busy' | 'in step', afterRejection: boolean]>([
    ['busy', true],
    ['in step', false],
  ])('of a rejected token is put off, or not, where others are %s', (why, isPutOff) => {
    const standing = new TokenStanding()
    standing.reject(0)
    expect(standing.postponeRefresh(why, hour, MINUTE, 1)).toBe(isPutOff)
    expect(standing.of(hour, MINUTE)).toBe('rejected')
  })

  it('is put off for so long, and not a moment longer, once the token is rejected', () => {
    const standing = new TokenStanding()
    expect(standing.putOffMs(0)).toBe(0)
    standing.postponeRefresh('in step', hour, 40 * MINUTE, 1)
    expect([40 * MINUTE, 59 * MINUTE].map((age) => standing.putOffMs(age))).toEqual([19 * MINUTE * 0.75, 0])
    standing.reject(40 * MINUTE)
    expect(standing.putOffMs(40 * MINUTE)).toBe(0)
    standing.postponeRefresh('busy', hour, 40 * MINUTE, 1)
    expect(standing.putOffMs(40 * MINUTE + 4000)).toBe(6000)
  })

  it('stays put off where a token that has just replaced a rejected one is rejected too, and used on', () => {
    const standing = replacement()
    standing.postponeRefresh('busy', hour, 0, 0)
    expect(standing.reject(4000)).toBe(false)
    expect([standing.dueAfterMs(hour), standing.putOffMs(4000)]).toEqual([20_000, 16_000])
  })

  it('of a token that has expired is not spread over a window that is over', () => {
    const standing = new TokenStanding()
    expect(standing.postponeRefresh('in step', hour, 59 * MINUTE, 0)).toBe(false)
    standing.expire()
    expect(standing.postponeRefresh('in step', hour, 0, 0)).toBe(false)
    expect(standing.dueAfterMs(hour)).toBe(40 * MINUTE)
  })

  it.each([
    [hour, 0, 5000],
    [hour, 1, 10_000],
    [seconds, 0, 1500],
    [seconds, 1, 3000],
  ])(
    'of a token that has expired is put off for seconds where another process is busy: %#',
    (token, random, pauseMs) => {
      const standing = new TokenStanding()
      standing.expire()
      for (const ageMs of [token.expiredAfterMs, token.lifetimeMs, 0]) {
        expect(standing.postponeRefresh('busy', token, ageMs, random)).toBe(true)
        expect(standing.dueAfterMs(token)).toBe(ageMs + pauseMs)
        expect(standing.of(token, ageMs + pauseMs)).toBe('expired')
      }
    },
  )
})

describe('livesFor', () => {
  const short = new AccessToken({
    ...{ value: 'secret', tokenType: 'Bearer', scope: [], requestedAt: { wall: 0, monotonic: 0 } },
    ...{ lifetimeMs: 50_000, dueAfterMs: 30_000, expiredAfterMs: 45_000 },
  })

  it.each([
    ['as long as wanted', hour, 30 * MINUTE, 30 * MINUTE, 'fresh', 'yes'],
    ['not as long', hour, 30 * MINUTE + 1, 30 * MINUTE, 'fresh', 'no'],
    ['not as long, and as good as new', hour, 60 * MINUTE, 9999, 'refresh due', 'not quite'],
    ['not as long, and ten seconds old', hour, 60 * MINUTE, 10_000, 'fresh', 'no'],
    ['shorter than wanted, and a tenth of its life old', short, 50_000, 5000, 'fresh', 'no'],
    ['shorter than wanted, and almost a tenth of its life old', short, 50_000, 4999, 'refresh due', 'not quite'],
    ['fresh, of a server whose tokens never live so long', short, 50_001, 20_000, 'fresh', 'not quite'],
    ['of such a server, and due for a refresh', short, 50_001, 30_000, 'refresh due', 'no'],
  ] as const)('of a token that lives on %s', (_what, token, ms, ageMs, standing, answer) => {
    expect(livesFor(ms, token, ageMs, standing)).toBe(answer)
  })
})
