import type { Scenario, ScenarioDuration, ScenarioStep } from './scenario.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A duration of a scenario in whole milliseconds.
 * @throws RangeError for text that is none
 */
export function milliseconds(duration: ScenarioDuration): number {
  if (typeof duration === 'number') return duration
  if (!/^-?\d+(\.\d+)?(ms|s|min|h|d)( \d+(\.\d+)?(ms|s|min|h|d))*$/.test(duration)) {
    throw new RangeError(`"${duration}" is no duration such as "39min 59.5s"`)
  }
  let sum = 0
  for (const [, figure, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|h|d)/g)) {
    sum += Number(figure) * (UNITS[unit ?? ''] ?? Number.NaN)
  }
  return Math.round(duration.startsWith('-') ? -sum : sum)
}

/** A step at its time. */
export interface TimetableEntry {
  readonly step: ScenarioStep
  readonly atMs: number
  /** Numbers of the repetitions to do at this time, from 1. */
  readonly repetitions: readonly number[]
  /** The step's place in the scenario, for messages. */
  readonly place: string
}

/**
 * The steps of a scenario in the order of time; what happens at the same time stays in the order of the scenario.
 * @throws RangeError for a scenario that is not well-formed
 */
export function timetable({ steps, ...rest }: Scenario): readonly TimetableEntry[] {
  checkMembers(rest, ['name', 'why', 'options', 'clients', 'secretIsSupplied', 'random', 'listen'])
  const entries: TimetableEntry[] = []
  let lastMs = 0
  for (const [index, step] of steps.entries()) {
    checkStep(step)
    const atMs = step.at === undefined ? lastMs : milliseconds(step.at)
    if (atMs < lastMs) throw new RangeError(`step ${index + 1} is before the one above it`)
    lastMs = atMs
    const numbers = Array.from({ length: step.times ?? 1 }, (_, n) => n + 1)
    const place = `step ${index + 1} (at ${step.at ?? `${atMs}ms`})`
    if (step.every === undefined) {
      entries.push({ step, atMs, repetitions: numbers, place })
      continue
    }
    const everyMs = milliseconds(step.every)
    for (const n of numbers) {
      entries.push({ step, atMs: atMs + (n - 1) * everyMs, repetitions: [n], place: `${place}, repetition ${n}` })
    }
  }
  return entries.sort((a, b) => a.atMs - b.atMs)
}

const STEP_MEMBERS = [
  ...['at', 'times', 'every', 'answer', 'answerAll', 'random', 'secret', 'moveWall', 'suspend', 'invalidate', 'abort'],
  ...['call', 'ready', 'removeClient', 'close', 'expect'],
]
const CALL_MEMBERS = ['as', 'client', 'scope', 'minValidityMs', 'forceRefresh', 'timeoutMs']
const ANSWER_MEMBERS = ['token', 'status', 'headers', 'body', 'after', 'hang', 'refuse']
const EXPECT_MEMBERS = ['calls', 'requests', 'requestsAt', 'lastRequest', 'secretReads', 'state', 'events']

function checkStep(step: ScenarioStep): void {
  checkMembers(step, STEP_MEMBERS)
  checkMembers(step.call, CALL_MEMBERS)
  checkMembers(step.invalidate, ['token', 'client', 'scope'])
  checkMembers(step.expect, EXPECT_MEMBERS)
  for (const answer of [...(step.answer ?? []), step.answerAll]) checkMembers(answer, ANSWER_MEMBERS)
}

// A member that is misspelt would be an expectation that nobody checks.
function checkMembers(given: object | undefined, known: readonly string[]): void {
  for (const name of Object.keys(given ?? {})) {
    if (!known.includes(name)) throw new RangeError(`"${name}" means nothing here`)
  }
}
