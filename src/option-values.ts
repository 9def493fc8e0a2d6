import { optionError } from './errors.ts'

/**
 * A copy of the own properties of an options object, so that nothing is read twice or from a prototype.
 * @throws TypeError for something that is not an object, and for a name that is not an option
 */
export function ownOptions<T extends object>(given: unknown, at: string, names?: readonly string[]): T {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw optionError(at === '' ? 'options' : at.slice(0, -1), 'must be an object')
  }
  for (const name of Object.keys(given)) {
    if (names === undefined || names.includes(name)) continue
    const meant = optionMeantBy(name, names)
    throw optionError(`${at}${name}`, 'is not an option', meant && `Did you mean \`${meant}\`?`)
  }
  return { __proto__: null, ...given } as T
}

// Other spellings (`client_secret`), parts (`timeout`) and plurals (`scopes`) are what people write.
function optionMeantBy(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '')
  const written = plain(name)
  const isPart = (part: string, whole: string) => part.length > 3 && whole.startsWith(part)
  return (
    names.find((known) => plain(known) === written) ??
    names.find((known) => isPart(plain(known), written) || isPart(written, plain(known)))
  )
}

/** A duration option in milliseconds, or its default. @throws TypeError naming the option */
export function duration<Default>(
  value: unknown,
  option: string,
  byDefault: Default,
  mostMs: number,
): number | Default {
  if (value === undefined) return byDefault
  if (typeof value === 'number' && value > 0 && value <= mostMs) return value
  throw optionError(option, `must be a number of milliseconds above 0 and at most ${mostMs}, got ${shown(value)}`)
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
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value)) return value
  throw optionError(option, 'must be a non-empty string without control characters', 'Is the environment variable set?')
}
