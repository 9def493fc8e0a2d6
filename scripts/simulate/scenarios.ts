import type { Span } from './authorization-server.ts'

/** How the processes of a fleet come by their tokens. */
export const VARIANTS = ['naive', 'flight', 'jitter', 'lease'] as const
export type Variant = (typeof VARIANTS)[number]

/** What happens to a fleet. Instants and durations are milliseconds of virtual time. */
export interface Scenario {
  /** The processes start at random moments of this time. */
  readonly startsWithinMs: number
  readonly endMs: number
  /** From when on the fleet counts as settled. */
  readonly settledMs: number
  readonly outage?: Span
  readonly storeOutage?: Span
  /** Whether the first process that requests a token in each rotation is killed while it waits for the answer. */
  readonly holdersDie?: boolean
  /** The variants for which it is something of its own. Default: all. */
  readonly variants?: readonly Variant[]
  /** The largest fleet of a variant, where larger ones would only show the same, multiplied. */
  readonly most?: Partial<Record<Variant, number>>
}

const SECOND = 1000
const MINUTE = 60 * SECOND

export const SCENARIOS = {
  steady: { startsWithinMs: 30 * MINUTE, settledMs: 45 * MINUTE, endMs: 165 * MINUTE },
  deploy: { startsWithinMs: SECOND, settledMs: MINUTE, endMs: 62 * MINUTE },
  crashes: {
    startsWithinMs: SECOND,
    settledMs: MINUTE,
    endMs: 62 * MINUTE,
    holdersDie: true,
    variants: ['naive', 'jitter', 'lease'],
    most: { jitter: 10_000 },
  },
  outage: {
    startsWithinMs: 40 * MINUTE,
    settledMs: 60 * MINUTE,
    endMs: 110 * MINUTE,
    outage: { fromMs: 70 * MINUTE, toMs: 85 * MINUTE },
    variants: ['naive', 'jitter', 'lease'],
    most: { jitter: 10_000 },
  },
  storeOutage: {
    startsWithinMs: 40 * MINUTE,
    settledMs: 60 * MINUTE,
    endMs: 110 * MINUTE,
    storeOutage: { fromMs: 60 * MINUTE, toMs: 100 * MINUTE },
    variants: ['lease'],
  },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS
