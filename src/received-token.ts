import { TokenError } from './errors.ts'
import { hookFailure, notPromised, type ReceivedToken } from './partner-hooks.ts'

/** A member of an answer by name: its own members only, nothing inherited. */
export type Members = (name: string) => unknown

/**
 * What the hook `parseResponse` finds in an answer, as an answer would say it; `undefined` if it leaves that to us.
 * @throws TokenError `hook_failed`, without the words of what it threw: a parser quotes what it parsed, which has the token
 */
export function parsedMembers<Answer>(
  parse: ((answer: Answer) => ReceivedToken | undefined) | undefined,
  answer: Answer,
  { client, requestedAt }: { readonly client: string; readonly requestedAt: number },
): Members | undefined {
  try {
    const received = notPromised('parseResponse', client, parse?.(answer))
    return received === undefined ? undefined : membersOf(received, requestedAt)
  } catch (error) {
    if (error instanceof TokenError) throw error
    const name = error instanceof Error ? error.name : typeof error
    throw new TokenError(hookFailure('parseResponse', client, `failed with ${name}`))
  }
}

/** A token from elsewhere, as an answer would say it. Reads each of its members once. */
export function membersOf(received: ReceivedToken | undefined, requestedAt: number): Members {
  const { accessToken, lifetimeMs, expiresAt, refreshInMs, scope } = received ?? {}
  const untilMs = isMissing(expiresAt) ? undefined : instantOf(expiresAt) - requestedAt
  const members = new Map<string, unknown>([
    ['access_token', accessToken],
    ['token_type', 'Bearer'],
    ['expires_in', inSeconds(lifetimeMs ?? untilMs)],
    ['refresh_in', inSeconds(refreshInMs)],
    ['scope', scope],
  ])
  return (name) => members.get(name)
}

// Of milliseconds this was in 1973: seconds are meant, as `exp` has them.
const SECONDS_BELOW = 1e11

function instantOf(given: number | Date | string): number {
  if (typeof given === 'number' && given < SECONDS_BELOW) return given * 1000
  return new Date(given).getTime()
}

const MOST_SECONDS = 1e9

// No more than what would be taken for an instant; and text would be taken for seconds.
function inSeconds(ms: number | undefined): number | undefined {
  if (isMissing(ms)) return undefined
  return typeof ms === 'number' ? Math.min(ms / 1000, MOST_SECONDS) : Number.NaN
}

// What JSON.parse gives may be null whatever the type says.
function isMissing(value: unknown): value is undefined {
  return value === undefined || value === null
}
