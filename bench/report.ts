import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BarGroup, drawBars } from './bars.ts'
import { type Figure, FLOOR_AGAIN, type Spread } from './harness.ts'
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
  /** For the name of its plot. */
  readonly name: string
  readonly title: string
  readonly rows: MeasuredRow[]
}

/** Everything that was measured in one run. */
export interface Results extends Machine {
  readonly minutes: number
  readonly loadAfter: number
  readonly groups: readonly MeasuredGroup[]
}

/** Shows a row in the terminal. */
export function printRow({ name, figures }: MeasuredRow): void {
  console.log(`\n${name}`)
  for (const figure of figures) {
    const { role, wall, microseconds, bound } = figure
    const cells = [
      role.padEnd(5),
      figure.name.padEnd(44),
      inWords(figure, figure.value).padEnd(30),
      wall === undefined ? '' : `wall ${inWords(figure, wall)}`.padEnd(34),
      microseconds === undefined ? '' : `${microseconds.toPrecision(3)} µs`.padEnd(10),
      bound === undefined ? '' : `${isWithin(figure) ? 'within' : 'MISSES'} ${bound}`,
    ]
    console.log(`  ${cells.join(' ')}`)
  }
}

/** Writes the results as JSON to `bench/results/`, and as a document with plots to `docs/`. */
export function writeReport(results: Results): void {
  const [json, plots] = ['results/', '../docs/performance/'].map(emptied) as [string, string]
  writeFileSync(`${json}latest.json`, `${JSON.stringify(results, null, 2)}\n`)
  for (const { name, title, rows } of results.groups) {
    const bars = rows.map(barsOf).filter((group) => group.bars.length > 0)
    if (bars.length > 0) writeFileSync(`${plots}${name}.svg`, drawBars(title, bars))
  }
  writeFileSync(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), documentOf(results))
}

function emptied(path: string): string {
  const folder = fileURLToPath(new URL(path, import.meta.url))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return folder
}

function barsOf({ title, figures }: MeasuredRow): BarGroup {
  const bars = figures.filter(({ role, unit }) => role !== 'floor' && unit === 'x')
  return { title, bars: bars.map(({ name, role, value, bound }) => ({ name, role, ratio: value.median, bound })) }
}

function documentOf(results: Results): string {
  const { date, cpu, cores, memoryGiB, system, node, load, loadAfter, packages, minutes } = results
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  return [
    '# What it costs',
    'Written by `npm run bench`; do not edit.',
    `Every figure is a ratio to a floor that was measured beside it, in the same run: the variants take turns in slices of
some milliseconds of CPU time, in a new order in each round, and the figure is the median over all rounds of the ratio of
the CPU time of one operation (user and system, garbage collection included) to the floor's in the same round. The
quartiles are in parentheses. The floor is measured twice, as if it were two variants; ratios are to the mean of both, and
“the floor again” is the ratio of one to the other: what a difference has to be above on this machine to mean anything. Tokens are 1 KB long and at hand, and 64 keys are live, unless a row says otherwise. Peers
are set up as their documents say.`,
    `Measured on ${date}: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}; ${minutes} minutes; load ${load} before
and ${loadAfter} after. ${versions.join(', ')}.`,
    '## Bounds',
    table(
      ['Measure', 'Bound', 'evertoken', 'The floor again', 'Peers'],
      results.groups.flatMap(({ rows }) => rows.flatMap(summaryOf)),
    ),
    ...results.groups.flatMap(sectionOf),
  ]
    .join('\n\n')
    .concat('\n')
}

function summaryOf({ title, figures }: MeasuredRow): string[][] {
  const peers = figures.filter(({ role }) => role === 'peer')
  const again = figures.find(({ name }) => name === FLOOR_AGAIN)
  const noise = again === undefined ? '–' : inWords(again, again.value)
  const seen = peers.map((peer) => `${peer.name} ${short(peer.value.median)}${unitOf(peer)}`).join('; ')
  return figures.flatMap((figure) => {
    const { name, role, bound } = figure
    if (role !== 'ours' || bound === undefined) return []
    const what = name === 'evertoken' ? title : `${title}: ${name}`
    const verdict = isWithin(figure) ? '' : ' **missed**'
    return [[what, `${bound}${unitOf(figure)}`, `${inWords(figure, figure.value)}${verdict}`, noise, seen || '–']]
  })
}

function sectionOf({ name, title, rows }: MeasuredGroup): string[] {
  const hasPlot = rows.some((row) => barsOf(row).bars.length > 0)
  const plot = hasPlot ? [`![${title}, as ratios to the floor](performance/${name}.svg)`] : []
  const tables = rows.flatMap(({ title: heading, about, figures }) => {
    const cells = figures.map((figure) => [
      figure.name,
      inWords(figure, figure.value),
      figure.wall === undefined ? '–' : inWords(figure, figure.wall),
      figure.microseconds === undefined ? '–' : `${Number(figure.microseconds.toPrecision(3))} µs`,
    ])
    return [`### ${heading}`, about, table(['', 'Figure', 'By the wall clock', 'CPU time'], cells)]
  })
  return [`## ${title}`, ...plot, ...tables]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

// Bounds have two places.
function isWithin({ value, bound = Number.POSITIVE_INFINITY }: Figure): boolean {
  return Math.round(value.median * 100) <= Math.round(bound * 100)
}

function inWords(figure: Figure, { low, median, high }: Spread): string {
  const isSteady = low === high
  return `${short(median)}${unitOf(figure)}${isSteady ? '' : ` (${short(low)} to ${short(high)})`}`
}

function unitOf({ unit }: Figure): string {
  return unit === 'x' ? '' : ` ${unit}`
}

function short(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return value < 10 ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0)
}
