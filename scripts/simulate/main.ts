// Simulates fleets of all sizes and writes docs/fleet.md with its plots: `npm run simulate`.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { FleetOutcome, FleetPlan } from './fleet.ts'
import { plots } from './fleet-plots.ts'
import { report } from './report.ts'
import { SCENARIOS, type Scenario, type ScenarioName, VARIANTS } from './scenarios.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    most: { type: 'string', default: '100000' },
    out: { type: 'string', default: `${root}docs` },
  },
})
const seed = Number(values.seed)
const sizes = [1, 10, 100, 1000, 10_000, 100_000].filter((size) => size <= Number(values.most))

const plans = sizes.flatMap((processes) =>
  Object.entries<Scenario>(SCENARIOS).flatMap(([scenario, { variants = VARIANTS, most = {} }]) =>
    variants
      .filter((variant) => processes <= (most[variant] ?? Number.POSITIVE_INFINITY))
      .map((variant): FleetPlan => ({ variant, scenario: scenario as ScenarioName, processes, seed })),
  ),
)

// Each of those that take long in a Node process of its own, the longest first; the others in one.
const SHORT = 30_000
const work = ({ processes, variant }: FleetPlan) => processes * (1 + VARIANTS.indexOf(variant))
const long = plans.filter((plan) => work(plan) > SHORT).sort((a, b) => work(b) - work(a))
const jobs = [...long.map((plan) => [plan]), plans.filter((plan) => work(plan) <= SHORT)]

// No stacks for errors that nobody reads, and room for many short-lived objects: a third of the time.
const NODE_OPTIONS = ['--stack-trace-limit=0', '--max-semi-space-size=64', '--max-old-space-size=8000']

function simulate(job: readonly FleetPlan[]): Promise<FleetOutcome[]> {
  const file = fileURLToPath(new URL('fleet-process.ts', import.meta.url))
  const child = spawn(process.execPath, [...NODE_OPTIONS, file, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0)
        resolve(
          text
            .trim()
            .split('\n')
            .map((line): FleetOutcome => JSON.parse(line)),
        )
      else reject(new Error(`A simulation ended with code ${code}.`))
    })
  })
}

const began = performance.now()
const seconds = (since: number) => `${Math.round((performance.now() - since) / 1000)} s`
const outcomes: FleetOutcome[] = []
async function simulateNext(): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const [first] = job
    const since = performance.now()
    outcomes.push(...(await simulate(job)))
    const what =
      job.length > 1 ? `${job.length} small fleets` : `${first?.processes} × ${first?.variant}, ${first?.scenario}`
    console.log(`${what}: ${seconds(since)}`)
  }
}
await Promise.all([simulateNext(), simulateNext()])

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
mkdirSync(`${values.out}/fleet`, { recursive: true })
for (const [name, svg] of plots(outcomes)) writeFileSync(`${values.out}/fleet/${name}.svg`, svg)
writeFileSync(`${values.out}/fleet.md`, report(outcomes, { seed, version, node: process.version }))
console.log(`${plans.length} fleets in ${seconds(began)}; written to ${values.out}/fleet.md`)
