/**
 * What a benchmark is made of. Every figure is a ratio to a floor, measured side by side in one run:
 *
 * - A file `<group>.bench.ts` in this folder exports `group`: a title and its rows. `main.ts` finds it by its name.
 *   `node bench/main.ts --only <part of a row's name>` runs some rows, `--quick` runs less of each, in about 3 seconds.
 * - A {@link Comparison} gives variants, of which the first is the floor. Each is warmed up, then all take turns in short
 *   slices of equal CPU time, in a new order in each round; the figure is the median over all rounds of the ratio of a
 *   variant's time per operation to the floor's in the same round. The floor takes two turns in each, as if it were two
 *   variants: ratios are to the mean of both, and the ratio of one to the other shows what differences mean nothing.
 * - Variants run in one process, unless they disturb each other (the shapes of objects that one makes slow down code
 *   that others share): with `apart` each has a process of its own, still in turns.
 * - A {@link Survey} measures whatever is no ratio of CPU time, and gives its figures itself.
 *
 * Every row runs in a new process, with `--expose-gc`, so that `globalThis.gc` is there.
 */

/** A ratio of CPU time between a floor and everything that does the same. */
export interface Comparison {
  /** Unique, in lower case with dashes: for `--only`. */
  readonly name: string
  /** A heading: what is done. */
  readonly title: string
  /** What the floor is and how it was set up, in a sentence or two of Markdown. */
  readonly about: string
  /** Whether each variant runs in a process of its own. Default `false`. */
  readonly apart?: boolean
  /** Servers that the variants share, in processes of their own; what it gives must survive JSON. */
  readonly surroundings?: () => Promise<Surroundings>
  /** The floor first. */
  readonly variants: readonly Variant[]
}

/** One way to do the work of a {@link Comparison}. */
export interface Variant {
  readonly name: string
  readonly role: Role
  /** The ratio to stay at or below. */
  readonly bound?: number
  /** Makes everything ready, tokens cached. @param given what the row's surroundings gave */
  readonly prepare: (given: Record<string, string>) => Work | Promise<Work>
}

/** `ours` is what is held to a bound, `peer` what it is seen beside. */
export type Role = 'floor' | 'ours' | 'peer'

/** Work that is ready to be measured. */
export interface Work {
  /** Does the work this many times, and ends when all of it is done. Synchronous where the work is. */
  readonly run: (times: number) => void | Promise<void>
  /** How many times at least in one go, for work that is done at once. Default 1. */
  readonly least?: number
  readonly close?: () => unknown
}

/** What the variants of a row share. */
export interface Surroundings {
  readonly given: Record<string, string>
  readonly close: () => unknown
}

/** A row that measures in its own way. */
export interface Survey {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly measure: (pace: Pace) => Promise<readonly Figure[]>
}

/** The name of the floor as it was measured beside itself. */
export const FLOOR_AGAIN = 'the floor again'

/** How long to measure. */
export interface Pace {
  readonly isQuick: boolean
  /** Rounds of a comparison in all, at most. */
  readonly rounds: number
  /** Milliseconds by the wall clock after which a comparison ends. */
  readonly rowMs: number
  /** Milliseconds of CPU time that each variant gets in a round. */
  readonly sliceMs: number
  /** Milliseconds of CPU time, and operations, with which each variant warms up at least: what runs less is not compiled. */
  readonly warmUpMs: number
  readonly warmUpTimes: number
  /** With `apart`, how often all processes are replaced by new ones: no two processes are equally fast. */
  readonly generations: number
}

/** One cell of the results. */
export interface Figure {
  readonly name: string
  readonly role: Role
  /** `x` for a ratio, else such as `bytes` or `ms`. */
  readonly unit: string
  readonly value: Spread
  readonly bound?: number
  /** The same ratio by the clock on the wall. */
  readonly wall?: Spread
  /** Microseconds of CPU time, for orientation. */
  readonly microseconds?: number
}

/** The median, between the quartiles. */
export interface Spread {
  readonly low: number
  readonly median: number
  readonly high: number
}

/** What a file `<group>.bench.ts` exports as `group`. */
export interface Group {
  readonly title: string
  readonly rows: readonly (Comparison | Survey)[]
}

/** The median and the quartiles. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number): number => {
    const place = part * (sorted.length - 1)
    const below = sorted[Math.floor(place)] ?? Number.NaN
    return below + (place % 1) * ((sorted[Math.ceil(place)] ?? below) - below)
  }
  return { low: at(0.25), median: at(0.5), high: at(0.75) }
}

/** Work that does a job again and again, with this many under way at once. */
export function jobs(concurrency: number, job: () => Promise<unknown>): Work {
  // Most of the time all are under way, and not the last few.
  return { run: (times) => atConcurrency(concurrency, times, job), least: concurrency === 1 ? 1 : 3 * concurrency }
}

async function atConcurrency(concurrency: number, times: number, job: () => Promise<unknown>): Promise<void> {
  let left = times
  const one = async () => {
    while (left > 0) {
      left -= 1
      await job()
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, times) }, one))
}
