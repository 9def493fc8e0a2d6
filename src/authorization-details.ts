import { optionError } from './errors.ts'

/** One thing that a token is to allow, in finer words than a scope. @see RFC 9396 §2 */
export interface AuthorizationDetail {
  /** What kind of thing; says which other members there are. */
  readonly type: string
  readonly [member: string]: unknown
}

/**
 * Checks authorization details and writes them as JSON with the members of every object in the order of their names:
 * what means the same is the same text. No details are the empty text.
 * @param option the option's place, for messages
 * @throws TypeError naming the option and what in it is wrong; never with a value
 * @see RFC 9396 §2
 */
export function canonicalDetails(details: unknown, option: string): string {
  if (!Array.isArray(details)) throw optionError(option, 'must be a list of objects', 'See RFC 9396 §2.')
  const list: unknown[] = [...details]
  list.forEach((detail, i) => {
    if (isDetail(detail)) return
    throw optionError(`${option}[${i}]`, 'must be an object with a `type` that is a non-empty string')
  })
  return list.length === 0 ? '' : canonicalJson(list, option)
}

/**
 * The authorization details of an answer: a frozen copy; `undefined` if they are not what they should be.
 * @see RFC 9396 §7
 */
export function grantedDetails(details: unknown): readonly AuthorizationDetail[] | undefined {
  if (!Array.isArray(details) || !details.every(isDetail)) return undefined
  try {
    return frozenJson(canonicalJson(details, 'authorization_details'))
  } catch {
    // Nested too deeply to be believed.
    return undefined
  }
}

/** What a JSON text says, frozen throughout. */
export function frozenJson<T>(text: string): T {
  return JSON.parse(text, (_, value) => Object.freeze(value)) as T
}

const DEEPEST = 32
// Objects that share parts are small in memory and without end as text.
const MOST_VALUES = 10_000

/**
 * The JSON of plain data, with the members of every object in the order of their names.
 * @param option the option's place, for messages
 * @throws TypeError for what JSON has no word for, and for what is nested in itself, too deeply or too large
 */
export function canonicalJson(data: unknown, option: string): string {
  let values = 0
  const write = (value: unknown, place: string, depth: number): string => {
    values += 1
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value)
    if (Number.isFinite(value)) return JSON.stringify(value)
    if (!Array.isArray(value) && !isPlain(value)) {
      throw optionError(place, 'must be text, a finite number, true, false, null, a list or a plain object')
    }
    if (depth === DEEPEST) throw optionError(option, 'is nested too deeply, or in a circle')
    if (values > MOST_VALUES) throw optionError(option, `holds more than ${MOST_VALUES} values`)
    if (Array.isArray(value)) return `[${Array.from(value, (item, i) => write(item, `${place}[${i}]`, depth + 1))}]`
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${write(item, `${place}.${name}`, depth + 1)}`)}}`
  }
  return write(data, option, 0)
}

// What is made by a class would lose what it is.
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function isDetail(value: unknown): value is AuthorizationDetail {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'type')) return false
  const { type } = value as { type: unknown }
  return typeof type === 'string' && type !== ''
}
