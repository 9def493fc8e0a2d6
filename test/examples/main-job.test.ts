import { describe, expect, it } from 'vitest'
import { startAuthorizationServer } from '../../examples/main-job/authorization-server.ts'
import { checkClaims, PHASES } from '../../examples/main-job/claims.ts'
import { type PhaseResult, percentile } from '../../examples/main-job/load.ts'
import { startOrdersApi } from '../../examples/main-job/orders-api.ts'
import { checklist, table } from '../../examples/main-job/report.ts'
import { SteadyClock } from '../../examples/main-job/steady-clock.ts'
import { main } from '../../examples/main-job.ts'
import { systemClock } from '../../src/clock.ts'

function collector() {
  const written: string[] = []
  return { write: (text: string) => written.push(text), text: () => written.join('') }
}

describe('the main job', () => {
  it('ends with 0 when everything it claims held, and shows no token whole', { timeout: 120_000 }, async () => {
    const out = collector()
    const exitCode = await main({}, out, { atOnce: 200, requestsPerSecond: 100, phases: ['outage', 'revocation'] })

    expect(out.text()).toContain('200 requests at once, with no token yet, made one token request (1 token requests)')
    expect(out.text()).not.toContain('✗')
    expect(exitCode).toBe(0)
    expect(out.text()).toContain('token type  Bearer')
    expect(out.text()).toContain('the API answered 200')
    // oidc-provider's tokens are 43 characters of base64url.
    expect(out.text()).not.toMatch(/[\w-]{40}/)
  })

  it('uses the server and the API that the environment names', async () => {
    const job = { clientId: 'job', clientSecret: 'job-secret', scope: 'orders.read' }
    const self = { clientId: 'api', clientSecret: 'api-secret' }
    const server = await startAuthorizationServer([job, self], 3600, systemClock)
    const orders = await startOrdersApi(server.introspectionEndpoint, self, systemClock)
    const env = {
      EVERTOKEN_ISSUER: server.issuer,
      EVERTOKEN_CLIENT_ID: job.clientId,
      EVERTOKEN_CLIENT_SECRET: job.clientSecret,
      EVERTOKEN_SCOPE: job.scope,
      EVERTOKEN_API_URL: `${orders.origin}/orders`,
    }
    const [right, wrong] = [collector(), collector()]

    try {
      expect(await main(env, right)).toBe(0)
      expect(await main({ ...env, EVERTOKEN_CLIENT_SECRET: 'another' }, wrong)).toBe(1)
    } finally {
      await Promise.all([server.close(), orders.close()])
    }
    expect(right.text()).toContain('lifetime    3600 s')
    expect(right.text()).toContain('scope       orders.read')
    expect(right.text()).toContain('the API answered 200')
    expect(wrong.text()).toContain('invalid_client')
    expect(wrong.text()).not.toContain('token type')
  })
})

const GOOD: PhaseResult = {
  ...{ name: '', sent: 100, failed: 0, waited: 0, replayed: 0, tokenRequests: 1, failedRefreshes: 0, rotations: 1 },
  latenciesMs: [1, 2, 3],
  longestMs: 20,
}
const GOOD_JOB: readonly PhaseResult[] = PHASES.map((name) => {
  if (name === 'outage') return { ...GOOD, name, failedRefreshes: 1 }
  if (name === 'revocation') return { ...GOOD, name, waited: 3, replayed: 3 }
  return { ...GOOD, name }
})

describe('the claims of the main job', () => {
  it('hold when everything went as it should', () => {
    expect(checkClaims(GOOD_JOB).filter((claim) => !claim.held)).toEqual([])
    expect(checkClaims(GOOD_JOB).length).toBeGreaterThan(PHASES.length)
  })

  it.each<[phase: (typeof PHASES)[number], what: Partial<PhaseResult>, claim: string]>([
    ['rotations', { failed: 1 }, 'every request got its answer'],
    ['cold start', { tokenRequests: 2 }, 'made one token request'],
    ['cold start', { tokenRequests: 0 }, 'made one token request'],
    ['cold start', { sent: 1 }, 'made one token request'],
    ['rotations', { tokenRequests: 2 }, 'each rotation made one token request'],
    ['rotations', { tokenRequests: 0, rotations: 0 }, 'each rotation made one token request'],
    ['rotations', { waited: 1 }, 'no request waited'],
    ['rotations', { sent: 0 }, 'no request waited'],
    ['slow', { waited: 1 }, 'no request waited'],
    ['slow', { tokenRequests: 3 }, 'each rotation made one token request'],
    ['slow', { longestMs: 400 }, 'delayed no request'],
    ['slow', { sent: 0 }, 'delayed no request'],
    ['outage', { failedRefreshes: 0 }, 'a refresh was due'],
    ['outage', { waited: 1 }, 'no request waited'],
    ['outage', { tokenRequests: 2 }, 'each rotation made one token request'],
    ['revocation', { tokenRequests: 2 }, 'replaced by one token request'],
    ['revocation', { replayed: 0 }, 'sent once more, with success'],
    ['revocation', { failed: 1 }, 'sent once more, with success'],
  ])('do not all hold when in the phase "%s" there is %j', (name, what, claim) => {
    const claims = checkClaims(GOOD_JOB.map((phase) => (phase.name === name ? { ...phase, ...what } : phase)))
    const broken = claims.filter(({ held }) => !held).map(({ text }) => text)
    expect(broken.some((text) => text.includes(claim))).toBe(true)
    expect(checklist(claims)).toContain('✗')
  })
})

describe('the clock of the main job', () => {
  it('stands still while the machine keeps the process from running', async () => {
    const clock = new SteadyClock()
    try {
      const begun = clock.now()
      for (const until = performance.now() + 300; performance.now() < until; );
      await clock.sleep(30)
      // The second step from here.
      expect(clock.now() - begun).toBe(40)
    } finally {
      clock.stop()
    }
  })

  it('wakes in the order of time whoever sleeps, but for those whose signal aborts', async () => {
    const clock = new SteadyClock()
    const over: unknown[] = []
    const stop = new AbortController()
    try {
      const last = clock.sleep(100).then(() => over.push(100))
      const first = clock.sleep(50).then(() => over.push(50))
      const aborted = clock.sleep(20, stop.signal).catch((reason: unknown) => over.push(reason))
      stop.abort('stopped')
      await Promise.all([last, first, aborted])
      await clock.sleep(0, stop.signal).catch((reason: unknown) => over.push(reason))
    } finally {
      clock.stop()
    }
    expect(over).toEqual(['stopped', 50, 100, 'stopped'])
  })
})

describe('the report of the main job', () => {
  it('adds the phases up', () => {
    const phases = [
      { ...GOOD, name: 'cold start', sent: 1000, waited: 1000, latenciesMs: [10, 20] },
      { ...GOOD, name: 'slow', sent: 200, failed: 3, latenciesMs: [1, 2] },
    ]
    expect(
      table(phases)
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/)),
    ).toEqual([
      ['phase', 'requests', 'failed', 'waited', 'token requests', 'rotations', 'p50 ms', 'p99 ms'],
      ['cold start', '1000', '0', '1000', '1', '1', '10.0', '20.0'],
      ['slow', '200', '3', '0', '1', '1', '1.0', '2.0'],
      ['in all', '1200', '3', '1000', '2', '2', '2.0', '20.0'],
      [''],
    ])
  })

  it.each([
    [[], 0.5, 0],
    [[7], 0.99, 7],
    [[3, 1, 2], 0.5, 2],
    [Array.from({ length: 100 }, (_, i) => i + 1), 0.99, 99],
    [Array.from({ length: 100 }, (_, i) => i + 1), 1, 100],
    [[1, 2], 0, 1],
  ])('finds the percentile of %j at %s', (values, share, expected) => {
    expect(percentile(values, share)).toBe(expected)
  })
})
