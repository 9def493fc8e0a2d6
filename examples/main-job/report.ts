import type { Clock, TokenSource } from 'evertoken'
import type { Claim } from './claims.ts'
import { type Load, type PhaseResult, percentile } from './load.ts'

/** Where the job writes: standard output, or what stands for it in a test. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

/** Writes how things stand: one line that changes on a terminal, a line per second otherwise. Ends with the function returned. */
export function showProgress(out: Output, load: Load, source: TokenSource, clock: Clock): () => void {
  const begin = performance.now()
  const show = () => {
    const { name, sent, failed, waited, rotations } = load.current
    const leftMs = Math.max(0, (source.peek()?.expiresAt ?? 0) - clock.now())
    const token = leftMs > 0 ? `token good for ${(leftMs / 1000).toFixed(1)} s` : 'no token'
    const elapsed = ((performance.now() - begin) / 1000).toFixed(1).padStart(5)
    const line = `${elapsed} s  ${name}: ${sent} sent, ${failed} failed, ${waited} waited, ${rotations} rotations, ${token}`
    out.write(out.isTTY === true ? `\r\x1b[K${line}` : `${line}\n`)
  }
  const timer = setInterval(show, out.isTTY === true ? 100 : 1000)
  return () => {
    clearInterval(timer)
    if (out.isTTY === true) out.write('\r\x1b[K')
  }
}

const COLUMNS: readonly [title: string, cell: (phase: PhaseResult) => string | number][] = [
  ['phase', (phase) => phase.name],
  ['requests', (phase) => phase.sent],
  ['failed', (phase) => phase.failed],
  ['waited', (phase) => phase.waited],
  ['token requests', (phase) => phase.tokenRequests],
  ['rotations', (phase) => phase.rotations],
  ['p50 ms', (phase) => percentile(phase.latenciesMs, 0.5).toFixed(1)],
  ['p99 ms', (phase) => percentile(phase.latenciesMs, 0.99).toFixed(1)],
]

/** The phases as a table, with a line for all of them together. */
export function table(phases: readonly PhaseResult[]): string {
  const sum = (of: (phase: PhaseResult) => number) => phases.reduce((total, phase) => total + of(phase), 0)
  const all: PhaseResult = {
    name: 'in all',
    sent: sum((phase) => phase.sent),
    failed: sum((phase) => phase.failed),
    waited: sum((phase) => phase.waited),
    replayed: sum((phase) => phase.replayed),
    tokenRequests: sum((phase) => phase.tokenRequests),
    failedRefreshes: sum((phase) => phase.failedRefreshes),
    rotations: sum((phase) => phase.rotations),
    latenciesMs: phases.flatMap((phase) => phase.latenciesMs),
    longestMs: Math.max(...phases.map((phase) => phase.longestMs)),
  }
  const rows = [
    COLUMNS.map(([title]) => title),
    ...[...phases, all].map((phase) => COLUMNS.map(([, cell]) => String(cell(phase)))),
  ]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  return `${rows.map(line).join('\n')}\n`
}

/** The claims, each with a tick or a cross and what was found. */
export function checklist(claims: readonly Claim[]): string {
  return claims.map(({ text, held, found }) => `${held ? '✓' : '✗'} ${text} (${found})\n`).join('')
}
