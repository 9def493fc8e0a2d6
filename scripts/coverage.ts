/**
 * Which branches the tests took, those of the processes that they start included: `npm run coverage`. Whatever is given is
 * passed on to Vitest. Shows the files that have a branch which was not taken; fails below 95 % in all, or if a test does.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseAstAsync } from 'vitest/node'

const LEAST_PERCENT = 95
const REPORT = 'coverage/coverage-final.json'

interface Place {
  readonly start: { readonly line: number; readonly column: number }
}

/** What Istanbul keeps of a file, as far as it is used here: places by number, and how often each was reached. */
interface FileCoverage {
  readonly statementMap: Readonly<Record<string, Place>>
  readonly fnMap: Readonly<Record<string, { readonly loc: Place }>>
  readonly branchMap: Readonly<Record<string, { readonly loc: Place; readonly type: string; readonly line: number }>>
  readonly s: Record<string, number>
  readonly f: Record<string, number>
  readonly b: Record<string, number[]>
}

/** What V8 tells of a file. */
interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly object[]
}

type Coverage = Record<string, FileCoverage>

// What Vitest reads V8's numbers with, in the very same versions.
const ofVitest = createRequire(import.meta.resolve('@vitest/coverage-v8'))
const { mergeScriptCovs } = ofVitest('@bcoe/v8-coverage') as {
  mergeScriptCovs(scripts: readonly ScriptCoverage[]): ScriptCoverage
}
const { convert } = ofVitest('ast-v8-to-istanbul') as { convert(options: object): Promise<Coverage> }

const SOURCES = pathToFileURL('src/').href

/** What the processes covered, by file. */
async function readProcesses(folder: string): Promise<Coverage> {
  const byUrl = new Map<string, ScriptCoverage[]>()
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: ScriptCoverage[] }
    for (const script of result.filter(({ url }) => url.startsWith(SOURCES))) {
      byUrl.set(script.url, [...(byUrl.get(script.url) ?? []), script])
    }
  }
  const coverage: Coverage = {}
  for (const [url, scripts] of byUrl) {
    // As Node runs it: types are blanks, and everything else is where it was.
    const code = stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'))
    const { functions } = mergeScriptCovs(scripts)
    Object.assign(coverage, await convert({ code, ast: await parseAstAsync(code), coverage: { url, functions } }))
  }
  return coverage
}

const placeOf = ({ start }: Place) => `${start.line}:${start.column}`

/** Numbers of one map, by where its entries begin. */
function byPlace<Entry>(map: Readonly<Record<string, Entry>>, place: (entry: Entry) => string): Map<string, string> {
  return new Map(Object.entries(map).map(([number, entry]) => [place(entry), number]))
}

/** Adds what processes reached. The few places of which the two ways of reading a file differ are left as they were. */
function add(own: FileCoverage, more: FileCoverage): void {
  const statements = byPlace(more.statementMap, placeOf)
  for (const [number, place] of Object.entries(own.statementMap)) {
    own.s[number] = (own.s[number] ?? 0) + (more.s[statements.get(placeOf(place)) ?? ''] ?? 0)
  }
  const functions = byPlace(more.fnMap, ({ loc }) => placeOf(loc))
  for (const [number, { loc }] of Object.entries(own.fnMap)) {
    own.f[number] = (own.f[number] ?? 0) + (more.f[functions.get(placeOf(loc)) ?? ''] ?? 0)
  }
  const branches = byPlace(more.branchMap, ({ loc, type }) => placeOf(loc) + type)
  for (const [number, { loc, type }] of Object.entries(own.branchMap)) {
    const found = more.b[branches.get(placeOf(loc) + type) ?? '']
    if (found?.length === own.b[number]?.length)
      own.b[number] = own.b[number]?.map((n, i) => n + (found?.[i] ?? 0)) ?? []
  }
}

interface Counts {
  reached: number
  of: number
}

const percent = ({ reached, of }: Counts) => (of === 0 ? 100 : (100 * reached) / of)

function count(numbers: readonly number[]): Counts {
  return { reached: numbers.filter((n) => n > 0).length, of: numbers.length }
}

function sum(counts: readonly Counts[]): Counts {
  return counts.reduce((total, { reached, of }) => ({ reached: total.reached + reached, of: total.of + of }), {
    reached: 0,
    of: 0,
  })
}

function row(file: string, statements: Counts, branches: Counts, lines: string): string {
  const cells = [statements, branches].map((counts) => percent(counts).toFixed(1).padStart(6))
  return `${file.padEnd(44)}${cells.join('')}  ${branches.reached}/${branches.of} ${lines}`
}

/** Shows the files, lowest first. @returns how much of all branches was taken, in percent */
function show(coverage: Coverage): number {
  const files = Object.entries(coverage).map(([path, { s, b, branchMap }]) => {
    const missed = Object.entries(b).filter(([, taken]) => taken.includes(0))
    const lines = missed.map(([number]) => branchMap[number]?.loc.start.line)
    const counted = { statements: count(Object.values(s)), branches: count(Object.values(b).flat()) }
    return { file: relative('', path), ...counted, lines: [...new Set(lines)].join(' ') }
  })
  const incomplete = files.filter(({ branches }) => branches.reached < branches.of)
  console.log(`\n${''.padEnd(44)}% of statements, branches; lines of branches not taken`)
  for (const { file, statements, branches, lines } of incomplete.sort(
    (a, b) => percent(a.branches) - percent(b.branches),
  )) {
    console.log(row(file, statements, branches, lines))
  }
  const branches = sum(files.map((file) => file.branches))
  console.log(row(`All ${files.length} files`, sum(files.map(({ statements }) => statements)), branches, ''))
  return percent(branches)
}

const folder = mkdtempSync(join(tmpdir(), 'evertoken-coverage-'))
try {
  const reporters = ['json', 'html'].map((name) => `--coverage.reporter=${name}`)
  const options = ['run', '--coverage', '--coverage.reportOnFailure', ...reporters, ...process.argv.slice(2)]
  const env = { ...process.env, EVERTOKEN_CHILD_COVERAGE: folder }
  const { status } = spawnSync('node_modules/.bin/vitest', options, { env, stdio: 'inherit' })
  const coverage = JSON.parse(readFileSync(REPORT, 'utf8')) as Coverage
  for (const [path, more] of Object.entries(await readProcesses(folder))) {
    const own = coverage[path]
    if (own !== undefined) add(own, more)
  }
  writeFileSync(REPORT, JSON.stringify(coverage))
  const taken = show(coverage)
  process.exitCode = status === 0 && taken >= LEAST_PERCENT ? 0 : 1
} finally {
  rmSync(folder, { recursive: true })
}
