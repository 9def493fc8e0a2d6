import { describe, expect, it } from 'vitest'
import { clockOffsetMs, parseRetryAfter } from '../src/retry-after.ts'
import { fc } from './support/fast-check.ts'

const NOW = Date.UTC(1994, 10, 6, 8, 49, 37)
const IMF = 'Sun, 06 Nov 1994 08:49:37 GMT'

describe('parseRetryAfter', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['007', 7_000],
    [' 120\t', 120_000],
    ['31536000', 31_536_000_000],
    ['99999999999999999999', Number.MAX_SAFE_INTEGER],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
  ])('reads %j as whole seconds', (value, expected) => {
    expect(parseRetryAfter(value, undefined, NOW)).toBe(expected)
  })

  it.each([
    ['an IMF-fixdate', 'Sun, 06 Nov 1994 08:51:37 GMT'],
    ['an RFC 850 date', 'Sunday, 06-Nov-94 08:51:37 GMT'],
    ['an asctime date', 'Sun Nov  6 08:51:37 1994'],
  ])('measures %s against the clock', (_form, value) => {
    expect(parseRetryAfter(value, undefined, NOW)).toBe(120_000)
  })

  it.each([
    ['an IMF-fixdate', IMF],
    ['an RFC 850 date', 'Sunday, 06-Nov-94 08:49:37 GMT'],
    ['an asctime date', 'Sun Nov  6 08:49:37 1994'],
    ['a date within white space', ` ${IMF}\t`],
  ])("measures against the answer's own Date header, %s, when the clocks disagree", (_form, date) => {
    const wrongClock = NOW + 7 * 24 * 3_600_000
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:50:07 GMT', date, wrongClock)).toBe(30_000)
  })

  it.each(['yesterday', '', '784111777', '1994-11-06T08:49:37Z'])('ignores the Date header %j', (date) => {
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:50:07 GMT', date, NOW)).toBe(30_000)
  })

  it.each([IMF, 'Sun, 06 Nov 1994 08:49:36 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'says not to wait for %j, which is not in the future',
    (value) => {
      expect(parseRetryAfter(value, undefined, NOW)).toBe(0)
    },
  )

  it.each([
    // now, two-digit year, year meant
    [2026, '26', 2026],
    [2026, '76', 2076],
    [2026, '77', 1977],
    [1999, '05', 2005],
    [2051, '01', 2101],
    [2051, '02', 2002],
  ])('reads, in %i, the two-digit year %s as %i', (thisYear, digits, meant) => {
    const now = Date.UTC(thisYear, 0, 1)
    const date = Date.UTC(meant, 10, 6, 8, 49, 37)
    expect(parseRetryAfter(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, undefined, now)).toBe(Math.max(0, date - now))
  })

  it('knows leap days and leap seconds', () => {
    const now = Date.UTC(2016, 1, 28)
    expect(parseRetryAfter('Mon, 29 Feb 2016 00:00:00 GMT', undefined, now)).toBe(24 * 3_600_000)
    expect(parseRetryAfter('Sun, 28 Feb 2016 00:00:60 GMT', undefined, now)).toBe(60_000)
    expect(parseRetryAfter('Wed, 29 Feb 2017 00:00:00 GMT', undefined, now)).toBeUndefined()
  })

  it.each([
    undefined,
    '',
    '-3',
    '+3',
    '1.5',
    '1e3',
    '0x10',
    '12 s',
    '120, 120',
    'soon',
    'NaN',
    '١٢٠',
    // Everything below is a date to Date.parse.
    '2030-01-01',
    '2030-01-01T00:00:00Z',
    '1 Jan 2030',
    'Sun, 6 Nov 2030 08:49:37 GMT',
    'Sun, 06 Nov 2030 08:49:37',
    'Sun, 06 Nov 2030 08:49:37 UTC',
    'Sun, 06 Nov 2030 08:49:37 +0100',
    'sun, 06 nov 2030 08:49:37 gmt',
    'Sun, 06 Nov 30 08:49:37 GMT',
    'Sun, 06 Nov 2030 24:00:00 GMT',
    'Sun, 06 Nov 2030 08:60:37 GMT',
    'Sun, 31 Feb 2030 08:49:37 GMT',
    'Sun, 00 Nov 2030 08:49:37 GMT',
    'Sun, 06 Nov 0094 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 2030',
  ])('finds no wait in %j', (value) => {
    expect(parseRetryAfter(value, undefined, NOW)).toBeUndefined()
  })

  it('takes a bare year for seconds, as it takes all digits', () => {
    expect(parseRetryAfter('1994', undefined, NOW)).toBe(1_994_000)
  })

  it('gives, for whatever is sent, nothing or a finite figure that is not negative', () => {
    const headers = fc.oneof(
      fc.string({ maxLength: 60, unit: 'binary' }),
      fc.stringMatching(/^(Sun|Mon)(day)?, \d\d[ -](Jan|Feb|Dec)[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/),
      fc.stringMatching(/^\d{0,60}$/),
    )
    fc.assert(
      fc.property(headers, headers, fc.integer({ min: 0, max: 4e12 }), (value, date, now) => {
        const wait = parseRetryAfter(value, date, now)
        expect(wait === undefined || (Number.isFinite(wait) && wait >= 0)).toBe(true)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('reads back the date that a server writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: 0, max: 1e8 }), (seconds, wait) => {
        const [from, until] = [seconds, seconds + wait].map((at) => new Date(at * 1000).toUTCString())
        expect(parseRetryAfter(until, from, 0)).toBe(wait * 1000)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it.each(['9'.repeat(1_000_000), ' '.repeat(1_000_000), `Sun, ${'0'.repeat(1_000_000)}`, 'S'.repeat(1_000_000)])(
    'is done with a megabyte at once (case %#)',
    (value) => {
      const startedAt = performance.now()
      parseRetryAfter(value, value, NOW)
      expect(performance.now() - startedAt).toBeLessThan(5000)
    },
  )
})

describe('clockOffsetMs', () => {
  it.each([
    ['right', NOW, 0],
    ['ahead', NOW + 90_000, 90_000],
    ['behind', NOW - 90_000, -90_000],
  ])('says by how much a clock is %s', (_what, now, offset) => {
    expect(clockOffsetMs(IMF, now)).toBe(offset)
    expect(clockOffsetMs(` ${IMF} `, now)).toBe(offset)
  })

  it.each([undefined, '', 'yesterday', '784111777'])('says nothing of a server whose date is %j', (date) => {
    expect(clockOffsetMs(date, NOW)).toBeUndefined()
  })
})
