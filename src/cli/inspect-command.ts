import { CommandError } from './command-error.ts'
import { printable } from './terminal.ts'

/** A token in the form of a JWT, as it says of itself. */
export interface InspectedToken {
  readonly verified: false
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The header and claims of a token, nothing of which is verified; `undefined` for one that is not a JWT.
 * @see RFC 7519 §3
 */
export function inspectToken(text: string): InspectedToken | undefined {
  const token = text.trim().replace(/^(?:authorization:\s*)?(?:bearer|dpop)\s+/i, '')
  if (token === '') throw new CommandError('There is no token.', 'Pipe one in: evertoken token | evertoken inspect.')
  const [header, claims, , ...more] = token.split('.').map(objectOf)
  if (header === undefined || claims === undefined || more.length > 0) return undefined
  return { verified: false, header, claims }
}

function objectOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The token's claims, with what their instants mean; to read, not to parse. */
export function describeInspected({ header, claims }: InspectedToken, now: number): string {
  const instants = ['iat', 'nbf', 'exp', 'auth_time']
    .filter((name) => typeof claims[name] === 'number')
    .map((name) => `  ${name}: ${instantOf(claims[name] as number, now)}`)
  const lines = [
    'Not verified: this is what the token says of itself.',
    `header ${JSON.stringify(header, undefined, 2)}`,
    `claims ${JSON.stringify(claims, undefined, 2)}`,
    ...instants,
  ]
  return printable(lines.join('\n'))
}

function instantOf(seconds: number, now: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return 'not an instant'
  const away = Math.round(seconds - now / 1000)
  return `${date.toISOString()}, ${away < 0 ? `${-away} s ago` : `in ${away} s`}`
}
