import { type PhaseResult, percentile } from './load.ts'

/** Something the job promises to show, and what it found. */
export interface Claim {
  readonly text: string
  readonly held: boolean
  readonly found: string
}

/** The names of the phases, in the order in which they make sense. */
export const PHASES = ['cold start', 'rotations', 'slow', 'outage', 'revocation'] as const

/** The name of a phase. */
export type PhaseName = (typeof PHASES)[number]

/** How much later the token endpoint answers while it is slow. */
export const SLOW_MS = 400

type PhaseClaim = (phase: PhaseResult) => Claim

const number = (n: number) => n.toLocaleString('en')

const onePerRotation: PhaseClaim = ({ tokenRequests, rotations }) => ({
  text: 'each rotation made one token request',
  held: rotations > 0 && tokenRequests === rotations,
  found: `${tokenRequests} token requests, ${rotations} rotations`,
})

const nobodyWaited: PhaseClaim = ({ sent, waited }) => ({
  text: 'no request waited for a token',
  held: sent > 0 && waited === 0,
  found: `${waited} of ${number(sent)} waited`,
})

const CLAIMS: Record<PhaseName, readonly PhaseClaim[]> = {
  'cold start': [
    ({ sent, tokenRequests }) => ({
      text: `${number(sent)} requests at once, with no token yet, made one token request`,
      held: sent > 1 && tokenRequests === 1,
      found: `${tokenRequests} token requests`,
    }),
  ],
  rotations: [onePerRotation, nobodyWaited],
  slow: [
    onePerRotation,
    nobodyWaited,
    ({ sent, longestMs, latenciesMs }) => ({
      text: `a token endpoint that takes ${SLOW_MS} ms delayed no request by that much`,
      held: sent > 0 && longestMs < SLOW_MS,
      found: `at most ${longestMs} ms by the clock of the job, p99 ${percentile(latenciesMs, 0.99).toFixed(0)} ms`,
    }),
  ],
  outage: [
    ({ failedRefreshes }) => ({
      text: 'a refresh was due while the authorization server was down',
      held: failedRefreshes > 0,
      found: `${failedRefreshes} refreshes failed`,
    }),
    nobodyWaited,
    onePerRotation,
  ],
  revocation: [
    ({ tokenRequests }) => ({
      text: 'a revoked token was replaced by one token request',
      held: tokenRequests === 1,
      found: `${tokenRequests} token requests`,
    }),
    ({ replayed, failed }) => ({
      text: 'the requests that the API rejected were sent once more, with success',
      held: replayed > 0 && failed === 0,
      found: `${replayed} sent again, ${failed} failed`,
    }),
  ],
}

/** Holds what happened against what is claimed, phase by phase, and over all. */
export function checkClaims(phases: readonly PhaseResult[]): Claim[] {
  const sent = phases.reduce((sum, phase) => sum + phase.sent, 0)
  const failed = phases.reduce((sum, phase) => sum + phase.failed, 0)
  const everyRequest: Claim = {
    text: 'every request got its answer from the API',
    held: sent > 0 && failed === 0,
    found: `${number(failed)} of ${number(sent)} failed`,
  }
  const byPhase = phases.flatMap((phase) =>
    CLAIMS[phase.name as PhaseName].map((check) => {
      const claim = check(phase)
      return { ...claim, text: `${phase.name}: ${claim.text}` }
    }),
  )
  return [everyRequest, ...byPhase]
}
