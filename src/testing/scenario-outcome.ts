import { TokenError } from '../errors.ts'
import type { ScenarioCount, ScenarioExpectation, ScenarioOutcome } from './scenario.ts'

/** What a call has come to so far: a token, a word, or the error. */
export type Outcome = string | Error

/** How the outcomes of the calls of one name differ from what is expected; `''` if they do not. */
export function callsDiffer(
  name: string,
  expected: NonNullable<ScenarioExpectation['calls']>[string],
  outcomes: readonly Outcome[],
): string {
  const groups = isCounted(expected) ? expected : [[outcomes.length, expected] as const]
  const sum = groups.reduce((all, [count]) => all + count, 0)
  const agree = groups.every(([count, wanted]) => count === outcomes.filter((got) => isOutcome(wanted, got)).length)
  return sum > 0 && sum === outcomes.length && agree ? '' : difference(`calls "${name}"`, expected, tally(outcomes))
}

function isCounted(expected: unknown): expected is readonly (readonly [number, ScenarioOutcome])[] {
  return Array.isArray(expected)
}

function isOutcome(expected: ScenarioOutcome, got: Outcome): boolean {
  return expected === 'a token' ? typeof got === 'string' && got.startsWith('token-') : matches(expected, got)
}

/** How a number differs from what is expected; `''` if it does not. */
export function countDiffers(what: string, expected: ScenarioCount | undefined, got: number): string {
  if (expected === undefined) return ''
  const { atLeast = 0, atMost = Infinity } =
    typeof expected === 'number' ? { atLeast: expected, atMost: expected } : expected
  return got >= atLeast && got <= atMost ? '' : difference(what, expected, got)
}

/** Whether everything that is expected is there; what is not mentioned does not matter. */
export function matches(expected: unknown, got: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(expected, got)
  if (typeof got !== 'object' || got === null) return false
  if (Array.isArray(expected) && (got as unknown[]).length !== expected.length) return false
  return Object.entries(expected).every(([name, value]) => matches(value, (got as Record<string, unknown>)[name]))
}

/** A difference in words, on lines of its own. */
export function difference(what: string, expected: unknown, got: unknown): string {
  return `  ${what}\n    expected ${shown(expected)}\n    got      ${shown(got)}`
}

/** How many came to what, in the form of an expectation. */
function tally(outcomes: readonly Outcome[]): readonly (readonly [number, Outcome])[] {
  const counts = new Map<string, [number, Outcome]>()
  for (const outcome of outcomes) {
    const known = counts.get(shown(outcome))
    if (known === undefined) counts.set(shown(outcome), [1, outcome])
    else known[0] += 1
  }
  return [...counts.values()]
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value
  return value instanceof Error && !(value instanceof TokenError) ? String(value) : JSON.stringify(value)
}
