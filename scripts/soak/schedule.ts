import { Random } from '../simulate/random.ts'

/** What can go wrong, by where. Each place has one fault at a time. */
export const FAULTS = {
  'token endpoint': [
    ...['latency', 'hang', 'reset', 'cut off', 'truncated', 'malformed', 'html', 'slow drip', '5xx', '429'],
    ...['invalid_client', 'outage'],
  ],
  api: ['401 for valid tokens', '5xx', 'reset', 'latency', 'all tokens revoked'],
  store: ['paused', 'killed', 'emptied', 'slow', 'full'],
  clock: ['ahead', 'behind'],
  worker: ['killed'],
  certificate: ['renewed'],
  nonce: ['new at the token endpoint', 'new at the API'],
} as const satisfies Record<string, readonly string[]>

/** Those that are over as soon as they have happened. */
export const INSTANT: readonly string[] = ['emptied', 'all tokens revoked', 'renewed', ...FAULTS.nonce]

export type FaultPlace = keyof typeof FAULTS

/** Something that goes wrong for a while. */
export interface PlannedFault {
  readonly place: FaultPlace
  readonly kind: string
  /** Since the beginning. */
  readonly atMs: number
  readonly forMs: number
  /** The place in the fleet of the worker it happens to; 0 is never killed. */
  readonly worker: number
  /** How bad it is, in `[0, 1)`. */
  readonly degree: number
}

interface Pace {
  /** How long it is quiet, on average. */
  readonly quietMs: number
  readonly leastMs: number
  readonly mostMs: number
}

const PACES: Readonly<Record<FaultPlace, Pace>> = {
  'token endpoint': { quietMs: 8000, leastMs: 2000, mostMs: 12_000 },
  api: { quietMs: 10_000, leastMs: 1000, mostMs: 5000 },
  store: { quietMs: 20_000, leastMs: 1000, mostMs: 10_000 },
  clock: { quietMs: 15_000, leastMs: 2000, mostMs: 8000 },
  worker: { quietMs: 12_000, leastMs: 500, mostMs: 3000 },
  certificate: { quietMs: 8000, leastMs: 1000, mostMs: 5000 },
  nonce: { quietMs: 1500, leastMs: 3000, mostMs: 6000 },
}

const CALM_BEFORE_MS = 3000
/** The last part of a run is quiet, so that everything has to recover. */
export const CALM_AFTER = 0.15

/** All faults of a run, in order: the same for the same seed, duration and number of workers. */
export function schedule(seed: number, durationMs: number, workers: number): PlannedFault[] {
  const end = durationMs * (1 - CALM_AFTER)
  const faults = (Object.keys(FAULTS) as FaultPlace[]).flatMap((place, stream) => {
    const random = new Random(seed, stream + 1)
    const { quietMs, leastMs, mostMs } = PACES[place]
    // Every kind has its turn before one comes again.
    let kinds: string[] = []
    const planned: PlannedFault[] = []
    for (let atMs = CALM_BEFORE_MS; ; ) {
      if (kinds.length === 0) kinds = shuffled(FAULTS[place], random)
      atMs += random.exponential(quietMs)
      const forMs = leastMs + random.next() * (mostMs - leastMs)
      if (atMs + forMs > end) return planned
      const worker =
        place === 'worker' ? 1 + Math.floor(random.next() * (workers - 1)) : Math.floor(random.next() * workers)
      planned.push({ place, kind: kinds.pop() ?? '', atMs, forMs, worker, degree: random.next() })
      atMs += forMs
    }
  })
  return faults.sort((a, b) => a.atMs - b.atMs)
}

function shuffled(kinds: readonly string[], random: Random): string[] {
  return kinds
    .map((kind) => ({ kind, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ kind }) => kind)
}
