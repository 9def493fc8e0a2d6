import { inspect } from 'node:util'
import { expect } from 'vitest'
import { fc } from '../support/fast-check.ts'

const { EVERTOKEN_FUZZ_RUNS, EVERTOKEN_FUZZ_MS = '600000' } = process.env

/** How many inputs each property is tried with; `EVERTOKEN_FUZZ_RUNS` says how many in the long mode. */
const RUNS = Number(EVERTOKEN_FUZZ_RUNS ?? 300)

// Far more than any input takes: a machine that is busy may stop a process for seconds.
const SLOWEST_MS = 5000

/** Must not be found in what is printed. */
export const SECRET = 'Marker-S3cret-1'
/** Must not be found in what is printed. */
export const TOKEN = 'Marker-T0ken-1'

/** What a property says of an input, to see that inputs of every kind come up. */
export type Kind = string

/**
 * Tries a property with many inputs. Each input may take five seconds at most, all of them ten minutes. In the long mode
 * the counts by kind, and the slowest input, are printed.
 * @returns how often each kind came up
 */
export async function fuzz<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  property: (input: Input) => Kind | Promise<Kind>,
): Promise<ReadonlyMap<Kind, number>> {
  const kinds = new Map<Kind, number>()
  let slowestMs = 0
  const timed = async (input: Input) => {
    const begun = performance.now()
    const kind = await property(input)
    const tookMs = performance.now() - begun
    slowestMs = Math.max(slowestMs, tookMs)
    expect(tookMs).toBeLessThan(SLOWEST_MS)
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  const limits = { numRuns: RUNS, interruptAfterTimeLimit: Number(EVERTOKEN_FUZZ_MS), markInterruptAsFailure: false }
  await fc.assert(fc.asyncProperty(inputs, timed), limits)
  if (EVERTOKEN_FUZZ_RUNS !== undefined) {
    const counts = [...kinds].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`)
    const runs = [...kinds.values()].reduce((sum, count) => sum + count, 0)
    process.stdout.write(`${name}: ${runs} inputs, slowest ${slowestMs.toFixed(1)} ms; ${counts.join(', ')}\n`)
  }
  return kinds
}

/** Whether every one of these kinds came up: a fuzzer that makes nothing but refusals finds nothing. */
export function expectKinds(kinds: ReadonlyMap<Kind, number>, ...expected: readonly Kind[]): void {
  expect(expected.filter((kind) => !kinds.has(kind))).toEqual([])
}

/** Checks that neither secret nor token comes out of an error or another value, however it is printed. */
export function expectNoSecret(value: unknown): void {
  const printed = [inspect(value, { depth: 6, showHidden: true, getters: false }), String(value)]
  if (value instanceof Error) printed.push(value.stack ?? '', inspect(value.cause, { depth: 4, showHidden: true }))
  try {
    printed.push(JSON.stringify(value) ?? '')
  } catch {
    // What is in a circle is not printed this way.
  }
  expect(printed.join('\n')).not.toMatch(new RegExp(`${SECRET}|${TOKEN}`, 'i'))
}

/** Texts as they come from whoever means harm, or does not know better. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 60, unit: 'binary' }),
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    ...['', ' ', '\0', '\r\n', 'null', 'undefined', '__proto__', 'constructor', '\u202e', '\ud800', '💥', 'ﬁ', 'İ'],
    ...[SECRET, `${SECRET}\u200b`, 'a'.repeat(5000), '%00', '%', '\\', '"', "'", '<html>', '{', '[', '-----BEGIN '],
    ...['https://as.example', 'https://as.example/', 'javascript:1', '//as.example', 'https://\u0430s.example'],
  ),
)

/** Any value that JSON has, and the numbers at which something changes. */
export const json: fc.Arbitrary<unknown> = fc.oneof(
  text,
  text,
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    59,
    60,
    3600,
    31_536_000,
    31_536_001,
    1e9,
    1e9 + 1,
    1_767_229_200,
    1e11,
    1e11 + 1,
    1e308,
  ),
  fc.bigInt().map(String),
  fc.constantFrom(null, true, false, [], {}, [[]], '3600', '-1', ' 3600', '3600.0', '3.6e3', '0x10', '٣'),
)

/** A text with some of its characters taken away, doubled, or replaced. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(), fc.constantFrom('cut', 'double', 'replace', 'insert', 'swap'), text)
  return fc.tuple(texts, fc.array(change, { maxLength: 3 })).map(([given, changes]) =>
    changes.reduce((current, [at, how, by]) => {
      const i = current.length === 0 ? 0 : at % current.length
      const [before, after] = [current.slice(0, i), current.slice(i)]
      if (how === 'cut') return before
      if (how === 'double') return before + after.slice(0, 20) + after
      if (how === 'replace') return before + by + after.slice(1)
      if (how === 'insert') return before + by + after
      return before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2)
    }, given),
  )
}
