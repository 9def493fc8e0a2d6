/** Runs the benchmarks: `node bench/main.ts [--quick] [--only <part of a name>]`. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Figure, Pace } from './harness.ts'
import { machine } from './machine.ts'
import { type MeasuredGroup, printRow, writeReport } from './report.ts'
import { benchmarkFiles, loadGroup } from './rows.ts'

const { only, quick } = parseArgs({
  options: { only: { type: 'string', default: '' }, quick: { type: 'boolean', default: false } },
}).values

const pace: Pace = quick
  ? { isQuick: true, rounds: 12, rowMs: 2000, sliceMs: 8, warmUpMs: 150, warmUpTimes: 1000, generations: 1 }
  : { isQuick: false, rounds: 60, rowMs: 9000, sliceMs: 20, warmUpMs: 300, warmUpTimes: 10_000, generations: 2 }

const conditions = machine()
const groups: MeasuredGroup[] = []
for (const file of benchmarkFiles()) {
  const { title, rows } = await loadGroup(file)
  const measured: MeasuredGroup = { name: file.replace('.bench.ts', ''), title, rows: [] }
  for (const { name, title, about } of rows.filter(({ name }) => name.includes(only))) {
    const row = { name, title, about, figures: await measureRow(file, name) }
    measured.rows.push(row)
    printRow(row)
  }
  if (measured.rows.length > 0) groups.push(measured)
}
// A part of the rows, or little of each, is no report.
if (!quick && only === '') {
  const minutes = Math.round(performance.now() / 6000) / 10
  writeReport({ ...conditions, minutes, loadAfter: machine().load, groups })
}

async function measureRow(file: string, name: string): Promise<Figure[]> {
  const path = fileURLToPath(new URL('row.ts', import.meta.url))
  const child = fork(path, [file, name, JSON.stringify(pace)], { execArgv: ['--expose-gc'] })
  return await new Promise((resolve, reject) => {
    child.once('message', (figures) => resolve(figures as Figure[]))
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
}
