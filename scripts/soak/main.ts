// Soaks a fleet of processes in random trouble, and tells what came of it: `npm run soak -- --seconds 60 --seed 7`.
import { parseArgs } from 'node:util'
import { report } from './report.ts'
import { soak } from './soak.ts'

const MOST_SECONDS = 24 * 60 * 60

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    workers: { type: 'string', default: '4' },
    'per-second': { type: 'string', default: '25' },
    // Breaks the library, to see whether the soak finds out.
    'plant-mistake': { type: 'boolean', default: false },
  },
})

function number(name: 'seconds' | 'seed' | 'workers' | 'per-second', least: number, most: number): number {
  const value = Number(values[name])
  if (value >= least && value <= most) return value
  console.error(`--${name} is a number from ${least} to ${most}`)
  process.exit(2)
}

const plan = {
  seed: number('seed', 0, 2 ** 31),
  seconds: number('seconds', 5, MOST_SECONDS),
  workers: number('workers', 2, 16),
  perSecond: number('per-second', 1, 200),
  plantMistake: values['plant-mistake'],
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)))
const unhandled: string[] = []
process.on('unhandledRejection', (reason) => unhandled.push(`unhandled in the soak itself: ${reason}`))

console.log(`Soaking ${plan.workers} processes for ${plan.seconds} s. To see the same again: --seed ${plan.seed}`)
try {
  const { table, complaints } = report(await soak(plan, stop.signal))
  console.log(table)
  const all = [...complaints, ...unhandled]
  for (const complaint of all) console.log(`NOT WELL: ${complaint}`)
  if (all.length === 0) console.log('All is well.')
  process.exitCode = all.length === 0 ? 0 : 1
} catch (error) {
  if (!stop.signal.aborted) throw error
  console.log('Stopped.')
  process.exitCode = 130
}
