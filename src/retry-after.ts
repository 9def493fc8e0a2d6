const LONGEST_MS = Number.MAX_SAFE_INTEGER

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH = `(?<month>${MONTHS.join('|')})`
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'
const WEEKDAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const LONG_WEEKDAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day'

const HTTP_DATES = [
  new RegExp(`^${WEEKDAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^${LONG_WEEKDAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^${WEEKDAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
]

/** Whether the same request may fare better later, going by the answer's status. @see RFC 9110 §15 */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500
}

/**
 * How long a server asks to wait, in milliseconds; `undefined` when `value` is absent or neither
 * whole seconds nor one of the three date forms of HTTP.
 *
 * A date is measured against the answer's own `Date` header where that is valid, so that clocks
 * that disagree do no harm, and otherwise against `now` (epoch milliseconds). A date in the past
 * gives 0. The result is finite, but otherwise as large as the server says: callers cap it.
 *
 * @see RFC 9110 §10.2.3 and §5.6.7
 */
export function parseRetryAfter(
  value: string | undefined,
  dateHeader: string | undefined,
  now: number,
): number | undefined {
  const text = value?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS)
  const until = parseHttpDate(text, now)
  if (until === undefined) return undefined
  return Math.max(0, until - (parseHttpDate(dateHeader?.trim() ?? '', now) ?? now))
}

/**
 * How far `now` (epoch milliseconds) is ahead of the `Date` header of an answer that has just come; `undefined` when there
 * is none that can be read.
 * @see RFC 9110 §6.6.1
 */
export function clockOffsetMs(dateHeader: string | undefined, now: number): number | undefined {
  const date = parseHttpDate(dateHeader?.trim() ?? '', now)
  return date === undefined ? undefined : now - date
}

/** Epoch milliseconds of an HTTP-date. `now` settles the century of a two-digit year. */
function parseHttpDate(text: string, now: number): number | undefined {
  for (const form of HTTP_DATES) {
    const { day, month = '', year = '', hour, minute, second } = form.exec(text)?.groups ?? {}
    if (day === undefined) continue
    const fullYear = year.length === 2 ? withCentury(Number(year), now) : Number(year)
    const midnight = new Date(Date.UTC(fullYear, MONTHS.indexOf(month), Number(day)))
    // Date.UTC turns 31 February into 3 March, and years below 100 into the last century.
    if (midnight.getUTCDate() !== Number(day) || midnight.getUTCFullYear() !== fullYear) return undefined
    return midnight.getTime() + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000
  }
  return undefined
}

/** The latest year with these last two digits that is not more than 50 years ahead. */
function withCentury(lastTwoDigits: number, now: number): number {
  const horizon = new Date(now).getUTCFullYear() + 50
  return horizon - ((((horizon - lastTwoDigits) % 100) + 100) % 100)
}
