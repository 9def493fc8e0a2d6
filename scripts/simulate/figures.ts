import type { FleetOutcome } from './fleet.ts'
import type { ScenarioName, Variant } from './scenarios.ts'

/** The variants in the words of the document. */
export const NAMES: Readonly<Record<Variant, string>> = {
  naive: 'no collapsing',
  flight: 'one flight per process',
  jitter: 'with jitter',
  lease: 'with lease (store)',
}

const MONTH_MS = 30 * 24 * 3_600_000

/** The outcomes of a simulation, to be asked. */
export class Figures {
  readonly outcomes: readonly FleetOutcome[]
  readonly sizes: readonly number[]

  constructor(outcomes: readonly FleetOutcome[]) {
    this.outcomes = outcomes
    this.sizes = [...new Set(outcomes.map(({ processes }) => processes))].sort((a, b) => a - b)
  }

  /** The largest fleet. */
  get most(): number {
    return this.sizes.at(-1) as number
  }

  find(scenario: ScenarioName, variant: Variant, processes: number): FleetOutcome | undefined {
    return this.outcomes.find(
      (one) => one.scenario === scenario && one.variant === variant && one.processes === processes,
    )
  }

  get(scenario: ScenarioName, variant: Variant, processes: number): FleetOutcome {
    const found = this.find(scenario, variant, processes)
    if (found === undefined) throw new Error(`Not simulated: ${scenario}, ${variant}, ${processes}`)
    return found
  }
}

/** Token requests of the whole fleet while each process changes its token once. */
export function requestsPerRotation({ requestsSettled, rotations }: FleetOutcome): number {
  return requestsSettled / rotations
}

/** Token requests of the whole fleet in 30 days of which each is like what was simulated. */
export function requestsPerMonth(outcome: FleetOutcome): number {
  return (requestsPerRotation(outcome) * MONTH_MS) / outcome.rotationMs
}

/** The store's calls and bytes in a rotation, and calls per second on average. */
export function storeLoad({ store, rotations, rotationMs }: FleetOutcome): {
  readonly callsPerRotation: number
  readonly callsPerSecond: number
  readonly bytesPerRotation: number
} {
  const callsPerRotation = (store?.callsSettled ?? 0) / rotations
  return {
    callsPerRotation,
    callsPerSecond: callsPerRotation / (rotationMs / 1000),
    bytesPerRotation: (store?.bytesSettled ?? 0) / rotations,
  }
}
