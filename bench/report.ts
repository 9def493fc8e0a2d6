import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Figure, Spread } from './harness.ts'
import type { Machine } from './machine.ts'

/** A row with its figures. */
export interface MeasuredRow {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly figures: readonly Figure[]
}

/** A group of rows with their figures. */
export interface MeasuredGroup {
  readonly title: string
  readonly rows: MeasuredRow[]
}

/** Everything that was measured in one run. */
export interface Results extends Machine {
  readonly loadAfter: number
  readonly groups: readonly MeasuredGroup[]
}

/** Shows a row in the terminal. */
export function printRow({ name, figures }: MeasuredRow): void {
  console.log(`\n${name}`)
  for (const figure of figures) {
    const { role, unit, value, wall, microseconds, bound } = figure
    const cells = [
      role.padEnd(5),
      figure.name.padEnd(44),
      `${inWords(value)} ${unit}`.padEnd(28),
      wall === undefined ? '' : `wall ${inWords(wall)}`.padEnd(30),
      microseconds === undefined ? '' : `${microseconds.toPrecision(3)} us`.padEnd(10),
      bound === undefined ? '' : `${isWithin(figure) ? 'within' : 'MISSES'} ${bound}`,
    ]
    console.log(`  ${cells.join(' ')}`)
  }
}

/** Writes the results as JSON, and as a document with plots. */
export function writeReport(results: Results): void {
  const folder = fileURLToPath(new URL('results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}latest.json`, `${JSON.stringify(results, null, 2)}\n`)
}

// Bounds have two places.
function isWithin({ value, bound = Number.POSITIVE_INFINITY }: Figure): boolean {
  return Math.round(value.median * 100) <= Math.round(bound * 100)
}

function inWords({ low, median, high }: Spread): string {
  return `${short(median)} (${short(low)} to ${short(high)})`
}

function short(value: number): string {
  return value < 10 ? value.toFixed(3) : value.toFixed(value < 100 ? 1 : 0)
}
