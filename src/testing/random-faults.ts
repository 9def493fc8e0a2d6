import type { Fault, FaultSource } from './fault.ts'
import type { ServerEndpoint } from './received-request.ts'
import { seededRandom } from './seeded-random.ts'

/** Options of {@link randomFaults}. */
export interface RandomFaultOptions {
  /** How likely a request is to meet a fault, from 0 to 1. */
  readonly probability: number
  /** Those to choose from, each as likely as the others; one that is given twice is twice as likely. */
  readonly faults: readonly Fault[]
  /** The same seed gives the same faults to the same sequence of requests. */
  readonly seed: number
  /** Requests to other endpoints meet none. Default: all. */
  readonly endpoints?: readonly ServerEndpoint[] | undefined
}

/** Faults at random, for the option `fault` of a server. */
export function randomFaults({ probability, faults, seed, endpoints }: RandomFaultOptions): FaultSource {
  const random = seededRandom(seed)
  return ({ endpoint }) => {
    if (endpoints !== undefined && !endpoints.includes(endpoint)) return undefined
    return random() < probability ? faults[Math.floor(random() * faults.length)] : undefined
  }
}
