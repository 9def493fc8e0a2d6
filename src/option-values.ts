import { optionError } from './errors.ts'
import { optionMeantBy } from './option-meant.ts'

/**
 * A copy of the own properties of an options object, so that nothing is read twice or from a prototype.
 * @throws TypeError for something that is not an object, and for a name that is not an option
 */
export function ownOptions<T extends object>(given: unknown, at: string, names?: readonly string[]): T {
  const whole = at === '' ? 'options' : at.slice(0, -1)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw optionError(whole, 'must be an object', exampleOf(given, names))
  }
  if (isEmptyInstance(given)) throw misplaced(given, whole)
  const keys = Object.keys(given)
  for (const name of keys) {
    if (names === undefined || names.includes(name)) continue
    const meant = optionMeantBy(name, names)
    throw optionError(`${at}${name}`, 'is not an option', meant && `Did you mean \`${meant}\`?`)
  }
  return Object.assign(new Bare(), given) as T
}

function exampleOf(given: unknown, names: readonly string[] | undefined): string | undefined {
  if (names?.includes('origins')) return "Such as { origins: ['https://api.example.com'] }."
  const isScope = typeof given === 'string' && names?.includes('scope') && !names.includes('clientId')
  return isScope ? "Such as { scope: 'orders.read' }." : undefined
}

/**
 * Whether this is an instance of a class and has no property of its own: a promise, a map, a manager, which are meant
 * for something else than options.
 */
export function isEmptyInstance(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given)
  if (prototype === Object.prototype || prototype === null || Object.keys(given).length > 0) return false
  // Every realm has its own `Object.prototype`.
  return Object.hasOwn(prototype as object, 'constructor') && Object.getPrototypeOf(prototype) !== null
}

function misplaced(given: object, option: string): TypeError {
  if (given instanceof Promise) return optionError(option, 'is a promise', 'Await it.')
  return optionError(option, `must be an object with options, not an instance of ${given.constructor.name}`)
}

// Nothing is inherited, as of `{ __proto__: null }`, and it is copied to and read much faster.
class Bare {}
Object.setPrototypeOf(Bare.prototype, null)
Reflect.deleteProperty(Bare.prototype, 'constructor')

/** The least and the most that a duration may be, in milliseconds. */
export interface DurationBounds {
  /** What is less was meant in seconds. Default: anything above 0. */
  readonly leastMs?: number | undefined
  readonly mostMs: number
}

/** A duration option in milliseconds, or its default. @throws TypeError naming the option */
export function duration<Default>(
  value: unknown,
  option: string,
  byDefault: Default,
  { leastMs = 0, mostMs }: DurationBounds,
): number | Default {
  if (value === undefined) return byDefault
  if (typeof value === 'number' && value > 0 && value >= leastMs && value <= mostMs) return value
  const bounds = leastMs === 0 ? `above 0 and at most ${mostMs}` : `from ${leastMs} to ${mostMs}`
  const hint =
    typeof value === 'number' && value > 0 && value < leastMs
      ? `Were seconds meant? ${value} seconds are ${value * 1000}.`
      : undefined
  throw optionError(option, `must be a number of milliseconds ${bounds}, got ${shown(value)}`, hint)
}

/** A whole number of at least 1, or the default. @throws TypeError naming the option */
export function count(value: unknown, option: string, byDefault: number, most: number): number {
  if (value === undefined) return byDefault
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number
  throw optionError(option, `must be a whole number from 1 to ${most}, got ${shown(value)}`)
}

/** A flag, `false` by default. @throws TypeError naming the option */
export function flag(value: unknown, option: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw optionError(option, `must be true or false, got ${shown(value)}`)
}

// Of what is no number only the kind: text in the wrong place may be a secret.
function shown(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return value === null ? 'null' : `a value of type ${typeof value}`
}

/** A text that is not empty and fit for a header. @throws TypeError naming the option */
export function text(value: unknown, option: string): string {
  if (value === 'undefined' || value === 'null') {
    throw optionError(option, `is the text "${value}"`, 'Was an unset variable put into a template?')
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value)) return value
  throw optionError(option, 'must be a non-empty string without control characters', 'Is the environment variable set?')
}

/** An object of the user's with these methods. @throws TypeError naming the option, and the first that is missing */
export function requireMethods(value: unknown, option: string, names: readonly string[], hint?: string): void {
  const missing = names.find((name) => typeof (value as Record<string, unknown> | null)?.[name] !== 'function')
  if (missing !== undefined) throw optionError(option, `must be an object with the method \`${missing}\``, hint)
}
