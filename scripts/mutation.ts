/**
 * Mutation tests of the groups that are named, or of all: `node scripts/mutation.ts [group…]`. Shows every mutant that no test
 * noticed, then a score per file. Fails below 90 % in all. `reports/mutation` keeps what was found: what has not changed
 * since is not tested again.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { GROUPS } from './mutation-groups.ts'

const LEAST_SCORE = 90

/** What Stryker reports, as far as it is used here. */
interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>
}

interface Mutant {
  readonly status: string
  readonly mutatorName: string
  readonly replacement?: string
  readonly location: { readonly start: { readonly line: number; readonly column: number } }
}

interface Score {
  readonly file: string
  readonly killed: number
  readonly timedOut: number
  readonly unnoticed: number
}

function run(group: string): Report {
  const env = { ...process.env, MUTATION_GROUP: group }
  const { status } = spawnSync('node_modules/.bin/stryker', ['run'], { env, stdio: 'inherit' })
  if (status !== 0) throw new Error(`Stryker failed with the group ${group}`)
  return JSON.parse(readFileSync(`reports/mutation/${group}.json`, 'utf8'))
}

function isUnnoticed({ status }: Mutant): boolean {
  return status === 'Survived' || status === 'NoCoverage'
}

function scoreOf(file: string, mutants: readonly Mutant[]): Score {
  const count = (wanted: string) => mutants.filter(({ status }) => status === wanted).length
  return { file, killed: count('Killed'), timedOut: count('Timeout'), unnoticed: mutants.filter(isUnnoticed).length }
}

function percent({ killed, timedOut, unnoticed }: Omit<Score, 'file'>): number {
  return (100 * (killed + timedOut)) / Math.max(1, killed + timedOut + unnoticed)
}

function row(score: Score): string {
  const { file, killed, timedOut, unnoticed } = score
  return `| ${file} | ${killed + timedOut + unnoticed} | ${killed} | ${timedOut} | ${unnoticed} | ${percent(score).toFixed(1)} |`
}

function showUnnoticed(file: string, source: string, mutants: readonly Mutant[]): void {
  const lines = source.split('\n')
  for (const { mutatorName, replacement = '', location } of mutants.filter(isUnnoticed)) {
    const { line, column } = location.start
    const original = lines[line - 1]?.slice(column - 1)
    console.log(`${file}:${line}:${column} ${mutatorName}: ${original} → ${replacement.slice(0, 100)}`)
  }
}

const named = process.argv.slice(2)
const scores: Score[] = []
for (const group of named.length > 0 ? named : Object.keys(GROUPS)) {
  for (const [file, { source, mutants }] of Object.entries(run(group).files)) {
    showUnnoticed(file, source, mutants)
    scores.push(scoreOf(file, mutants))
  }
}
const sum = (part: 'killed' | 'timedOut' | 'unnoticed') => scores.reduce((total, score) => total + score[part], 0)
const total = { file: 'All', killed: sum('killed'), timedOut: sum('timedOut'), unnoticed: sum('unnoticed') }
console.log(
  '\n| File | Mutants | Killed | Timed out | Unnoticed | Score in % |\n| --- | ---: | ---: | ---: | ---: | ---: |',
)
console.log([...scores, total].map(row).join('\n'))
if (percent(total) < LEAST_SCORE) process.exitCode = 1
