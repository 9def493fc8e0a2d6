import { boundTo } from './clients.ts'
import { perfectRequests } from './perfect-fleet.ts'
import type { HeapSample, JudgedFailure, SoakOutcome } from './soak.ts'
import type { Span, Timeline } from './timeline.ts'

const MOST_GROWTH_MB = 5
const MOST_RATIO = 1.2
// Of each client: of so few token requests as a short run has, one alone is more than a fifth.
const SPARE = 2
const MOST_TOLD = 5
const WARM_UP_MS = 60_000
// Of each worker and client: three attempts, and then a trickle.
const TRIES_AT_ONCE = 3
const TRIES_PER_SECOND = 0.5

/** The table of a soak, and what of it must not be; nothing if all is well. */
export interface SoakReport {
  readonly table: string
  readonly complaints: readonly string[]
}

/** Tells what a soak showed. */
export function report(outcome: SoakOutcome): SoakReport {
  const { plan, timeline, succeeded, failures, faults, tokenRequests, troubles } = outcome
  const seconds = (timeline.to - timeline.from) / 1000
  const mistakes = failures.filter(({ judgement }) => !judgement.hadTo)
  const clients = Object.keys(timeline.lifetimes)
  const requests = clients.map((client) => ({
    client,
    good: tokenRequests.good[client] ?? 0,
    ideal: perfectRequests(client, timeline),
  }))
  const good = requests.reduce((sum, each) => sum + each.good, 0)
  const ideal = requests.reduce((sum, each) => sum + each.ideal, 0)
  const mostInVain = mostRequestsInVain(timeline.withoutTokens, plan.workers * clients.length)
  const mostRefused = mostRequestsForNonces(timeline, plan.workers)
  const heaps = heapGrowth(outcome)
  const rows: [what: string, value: string][] = [
    ['seed, seconds', `${plan.seed}, ${Math.round(seconds)}`],
    ['processes, started in all', `${plan.workers}, ${timeline.lives.length}`],
    ['requests, per second', `${succeeded + failures.length}, ${((succeeded + failures.length) / seconds).toFixed(1)}`],
    ['requests left out, too many under way', String(outcome.leftOut)],
    ...counted(
      'fault',
      faults.map(({ place, kind }) => `${place}: ${kind}`),
    ),
    ['requests that failed', String(failures.length)],
    ...counted('  had to', of(failures, true)),
    ...counted('  NEED NOT HAVE', of(failures, false)),
    ['token requests that met no fault, and of a perfect fleet', `${good}, ${ideal}: ${(good / ideal).toFixed(2)}`],
    ...requests.map((each): [string, string] => [`  of ${each.client}`, `${each.good}, ${each.ideal}`]),
    ['times that the machine kept a process waiting', String(timeline.stalls.length)],
    ['token requests that met a fault', `${tokenRequests.faulty} (at most ${mostInVain})`],
    ['token requests for a new nonce', `${tokenRequests.refused} (at most ${mostRefused})`],
    ['tokens found in the store or received', String(timeline.holdings.length)],
    ['heap after the first minute, and at the end (MB)', heaps.map(({ text }) => text).join('; ') || 'not measured'],
    ['longest request with a token at hand (ms)', outcome.longestWithTokenMs.toFixed(0)],
    ['longest request that waited for a token (ms)', outcome.longestWithoutTokenMs.toFixed(0)],
  ]
  const grown = heaps.filter(({ growthMb }) => growthMb > MOST_GROWTH_MB)
  const complaints = [
    ...(mistakes.length > 0 ? [`${mistakes.length} requests failed that a valid token could have served`] : []),
    ...mistakes.slice(0, MOST_TOLD).map((mistake) => told(mistake, timeline)),
    ...(good > Math.max(MOST_RATIO * ideal, ideal + SPARE * clients.length) ? ['too many token requests'] : []),
    ...(tokenRequests.faulty > mostInVain ? ['too many token requests while there was no token to be had'] : []),
    ...(tokenRequests.refused > mostRefused ? ['too many token requests were refused'] : []),
    ...(succeeded === 0 ? ['no request succeeded'] : []),
    ...grown.map(({ text }) => `the heap of worker ${text} grew by more than ${MOST_GROWTH_MB} MB`),
    ...troubles,
  ]
  const width = Math.max(...rows.map(([what]) => what.length)) + 2
  return { table: rows.map(([what, value]) => what.padEnd(width) + value).join('\n'), complaints }
}

function of(failures: readonly JudgedFailure[], hadTo: boolean): string[] {
  return failures
    .filter(({ judgement }) => judgement.hadTo === hadTo)
    .map(({ judgement, failure }) => `${judgement.why} (${failure.what})`)
}

/** What to look for, of a request that need not have failed. */
function told({ failure, worker, judgement }: JudgedFailure, { from, holdings }: Timeline): string {
  const { client, what, rejected } = failure
  const seconds = (at: number) => `${((at - from) / 1000).toFixed(2)} s`
  const held = holdings.filter((one) => one.worker === worker && one.client === client && one.at <= failure.to).at(-1)
  const token =
    held && `${held.fingerprint} since ${seconds(held.at)}${rejected.includes(held.fingerprint) ? ', rejected' : ''}`
  return `worker ${worker}, client ${client}, ${seconds(failure.from)} to ${seconds(failure.to)}: ${what}, though ${judgement.why}; its token: ${token}`
}

function counted(what: string, names: readonly string[]): [string, string][] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort().map(([name, count]) => [`${what}: ${name}`, String(count)])
}

function mostRequestsInVain(troubles: readonly Span[], askers: number): number {
  return troubles.reduce(
    (sum, { from, to }) => sum + askers * (TRIES_AT_ONCE + Math.ceil(((to - from) / 1000) * TRIES_PER_SECOND)),
    0,
  )
}

/** Each worker learns a nonce by being refused: the first, and each that takes its place. */
function mostRequestsForNonces({ lives, tokenNonces }: Timeline, workers: number): number {
  return boundTo('key').length * (lives.length + workers * tokenNonces.length)
}

interface HeapGrowth {
  readonly growthMb: number
  readonly text: string
}

/** Of each worker that lived long enough. */
function heapGrowth({ timeline, heaps, plan }: SoakOutcome): HeapGrowth[] {
  const warmUpMs = Math.min(WARM_UP_MS, (plan.seconds * 1000) / 3)
  return timeline.lives.flatMap(({ id, from }): HeapGrowth[] => {
    const samples = heaps.filter(({ worker, at }) => worker === id && at - from >= warmUpMs)
    // Requests under way weigh something too: the least of three is nearest to what stays.
    if (samples.length < 6) return []
    const [first, last] = [leastMb(samples.slice(0, 3)), leastMb(samples.slice(-3))]
    return [{ growthMb: last - first, text: `${id}: ${first.toFixed(1)}, ${last.toFixed(1)}` }]
  })
}

function leastMb(samples: readonly HeapSample[]): number {
  return Math.min(...samples.map(({ bytes }) => bytes)) / 2 ** 20
}
