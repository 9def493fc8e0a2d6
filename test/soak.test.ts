import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type FailedRequest, judge } from '../scripts/soak/oracle.ts'
import { perfectRequests } from '../scripts/soak/perfect-fleet.ts'
import { report } from '../scripts/soak/report.ts'
import { CALM_AFTER, FAULTS, INSTANT, schedule } from '../scripts/soak/schedule.ts'
import type { SoakOutcome } from '../scripts/soak/soak.ts'
import type { Holding, Timeline } from '../scripts/soak/timeline.ts'
import { canStartRedis } from './support/redis.ts'

const S = 1000

/** Two workers for 100 seconds with tokens that live 30; nothing goes wrong. */
const CALM: Timeline = {
  from: 0,
  to: 100 * S,
  lives: [0, 1].map((id) => ({ id, place: id, from: 0, to: 100 * S })),
  holdings: [],
  jumps: [],
  revocations: [],
  losses: [],
  withoutTokens: [],
  withoutStore: [],
  stalls: [],
  wrongRejections: [],
  apiNonces: [],
  tokenNonces: [],
  lifetimes: { orders: 30 * S },
}

describe('the schedule of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(schedule(7, 600 * S, 4)).toEqual(schedule(7, 600 * S, 4))
    expect(schedule(7, 600 * S, 4)).not.toEqual(schedule(8, 600 * S, 4))
  })

  it.each([1, 2, 3])('has every kind of fault in ten minutes, and a quiet end: seed %i', (seed) => {
    const faults = schedule(seed, 600 * S, 4)
    const kinds = new Set(faults.map(({ place, kind }) => `${place}: ${kind}`))
    expect(kinds.size).toBe(Object.values(FAULTS).flat().length)
    expect(Math.max(...faults.map(({ atMs, forMs }) => atMs + forMs))).toBeLessThan(600 * S * (1 - CALM_AFTER))
    expect(faults.filter(({ place, worker }) => place === 'worker' && worker === 0)).toEqual([])
    expect(faults.filter(({ kind }) => INSTANT.includes(kind)).length).toBeGreaterThan(0)
  })

  it('has one fault at a time in each place', () => {
    for (const place of Object.keys(FAULTS)) {
      const own = schedule(5, 600 * S, 4).filter((fault) => fault.place === place)
      for (const [i, { atMs }] of own.entries()) {
        const before = own[i - 1]
        if (before !== undefined) expect(atMs).toBeGreaterThanOrEqual(before.atMs + before.forMs)
      }
    }
  })
})

describe('a perfect fleet', () => {
  const during = { from: 10 * S, to: 90 * S }

  // A refresh after 18.5 of 30 seconds: at 0, 18.5, 37, 55.5, 74 and 92.5. On its own a worker uses a token for 27.
  it.each<[what: string, changes: Partial<Timeline>, requests: number]>([
    ['rotates one token for all', {}, 6],
    ['requests another after a revocation', { revocations: [10 * S] }, 6],
    ['requests another for wrong rejections', { wrongRejections: [{ from: 80 * S, to: 85 * S }] }, 7],
    ['requests a token for each worker where there is no store', { withoutStore: [{ from: 0, to: 100 * S }] }, 8],
    ['requests a token for each worker where the machine is too busy', { stalls: [{ from: 0, to: 90 * S }] }, 8],
    ['requests none while there is none to be had', { withoutTokens: [during] }, 2],
    [
      'requests one for a worker whose clock says that its own is over',
      { jumps: [{ worker: 1, at: 95 * S, byMs: 60 * S }] },
      7,
    ],
    [
      'serves a worker that starts from the store',
      { lives: [...CALM.lives, { id: 2, place: 1, from: 60 * S, to: 100 * S }] },
      6,
    ],
    [
      'requests one for a worker that starts after the store lost everything',
      { lives: [...CALM.lives, { id: 2, place: 1, from: 60 * S, to: 100 * S }], losses: [{ at: 59 * S }] },
      7,
    ],
    [
      'keeps its tokens when a certificate is renewed, and has nothing in the store for a worker that starts',
      {
        lives: [...CALM.lives, { id: 2, place: 1, from: 60 * S, to: 100 * S }],
        losses: [{ at: 59 * S, client: 'orders' }],
      },
      7,
    ],
    ['does not care for the certificate of another client', { losses: [{ at: 10 * S, client: 'billing' }] }, 6],
  ])('%s', (_what, changes, requests) => {
    expect(perfectRequests('orders', { ...CALM, ...changes })).toBe(requests)
  })
})

describe('the oracle', () => {
  const held = { worker: 0, client: 'orders', fingerprint: 'f', at: 10 * S, lifetimeMs: 30 * S, leftMs: 30 * S }
  const holdings: readonly Holding[] = [held]
  const failure: FailedRequest = {
    ...{
      worker: 0,
      client: 'orders',
      from: 20 * S,
      to: 21 * S,
      tokenError: 'network',
      retryable: true,
      what: 'network',
    },
    ...{ meetings: [], rejected: [] },
  }
  const refused = { ...failure, tokenError: undefined }
  const withoutTokens = [{ from: 15 * S, to: 30 * S }]
  const meeting = { status: 401, fault: undefined, refusal: undefined }
  const NONCE = { ...meeting, refusal: 'nonce' }

  const aheadUntil = (at: number) => [
    { worker: 0, at: 11 * S, byMs: 60 * S },
    { worker: 0, at, byMs: -60 * S },
  ]

  it.each<[what: string, failed: FailedRequest, changes: Partial<Timeline>, hadTo: boolean]>([
    ['no token, and none to be had', failure, { withoutTokens }, true],
    ['no token, and nothing in the way of one', failure, {}, false],
    ['no token, long after there were some again', { ...failure, from: 50 * S, to: 51 * S }, { withoutTokens }, false],
    ['a valid token, and none to be had', failure, { withoutTokens, holdings }, false],
    ['a valid token, and a machine that was busy', failure, { stalls: [{ from: 0, to: 100 * S }], holdings }, false],
    ['no token, on a machine that was busy a moment ago', failure, { stalls: [{ from: 9 * S, to: 10 * S }] }, true],
    ['no token, on a machine that was busy long ago', failure, { stalls: [{ from: 1 * S, to: 2 * S }] }, false],
    [
      'a token that expired on its way, on a busy machine',
      { ...refused, meetings: [{ ...meeting, refusal: 'expired' }] },
      { stalls: [{ from: 19 * S, to: 20.5 * S }] },
      true,
    ],
    ['a token that has expired', { ...failure, from: 39 * S, to: 40 * S }, { withoutTokens, holdings }, true],
    ['a token that was revoked', failure, { withoutTokens, holdings, revocations: [12 * S] }, true],
    [
      'a token that was revoked before it was found',
      failure,
      { withoutTokens, holdings: [{ ...held, leftMs: 25 * S }], revocations: [8 * S] },
      true,
    ],
    [
      'a token that is too old by its clock',
      failure,
      { withoutTokens, holdings, jumps: [{ worker: 0, at: 11 * S, byMs: 60 * S }] },
      true,
    ],
    [
      'a rejected token, and a refusal to give another',
      { ...failure, rejected: ['f'], retryable: false },
      { withoutTokens, holdings },
      true,
    ],
    [
      'a rejected token, and none to be had for now',
      { ...failure, rejected: ['f'] },
      { withoutTokens, holdings },
      false,
    ],
    ['a token of another in the store', failure, { withoutTokens, holdings: [{ ...held, worker: 1 }] }, false],
    [
      'a token of another in the store, and a clock that has been right again for a moment',
      failure,
      { withoutTokens, holdings: [{ ...held, worker: 1 }], jumps: aheadUntil(19.8 * S) },
      true,
    ],
    [
      'a token of another in the store, and a clock that has been right again for a second',
      failure,
      { withoutTokens, holdings: [{ ...held, worker: 1 }], jumps: aheadUntil(19 * S) },
      false,
    ],
    [
      'a token of another in a store that is away',
      failure,
      { withoutTokens, holdings: [{ ...held, worker: 1 }], withoutStore: [{ from: 12 * S, to: 13 * S }] },
      true,
    ],
    [
      'a token of another in a store that lost it',
      failure,
      { withoutTokens, holdings: [{ ...held, worker: 1 }], losses: [{ at: 12 * S }] },
      true,
    ],
    ['an API that fails', { ...refused, meetings: [{ ...meeting, fault: 'status' }] }, { holdings }, true],
    [
      'an expired token that was sent',
      { ...refused, meetings: [{ ...meeting, refusal: 'expired' }] },
      { withoutTokens },
      false,
    ],
    [
      'no token that was sent',
      { ...refused, meetings: [{ ...meeting, refusal: 'no token' }] },
      { withoutTokens },
      false,
    ],
    [
      'a revoked token, and none to be had',
      { ...refused, meetings: [{ ...meeting, refusal: 'revoked' }] },
      { withoutTokens },
      true,
    ],
    [
      'a revoked token, and nothing in the way of another',
      { ...refused, meetings: [{ ...meeting, refusal: 'revoked' }] },
      {},
      false,
    ],
    [
      'a revoked token in place of another, so that no third is requested for a while',
      { ...refused, meetings: [{ ...meeting, refusal: 'revoked' }] },
      { revocations: [10 * S, 18 * S] },
      true,
    ],
    [
      'a revoked token in place of another, because the store still had it',
      { ...refused, meetings: [{ ...meeting, refusal: 'revoked' }] },
      { holdings: [{ ...held, at: 19 * S, leftMs: 20 * S }], revocations: [18 * S] },
      true,
    ],
    [
      'a nonce that changed when another was just learned',
      { ...refused, meetings: [NONCE, NONCE] },
      { apiNonces: [20.1 * S] },
      true,
    ],
    ['a nonce that it did not learn', { ...refused, meetings: [NONCE] }, { apiNonces: [20.1 * S] }, false],
    ['a nonce that it learned wrong', { ...refused, meetings: [NONCE, NONCE] }, { apiNonces: [19 * S] }, false],
    [
      'no token, and a nonce that changed when another was just learned',
      { ...failure, client: 'shipping', tokenError: 'request_denied' },
      { tokenNonces: [19.9 * S] },
      true,
    ],
    ['no arrival at the API, and no error of a token', refused, { withoutTokens }, false],
    ['no arrival at the API, on a busy machine', refused, { stalls: [{ from: 19 * S, to: 20.5 * S }] }, true],
  ])('knows whether a request had to fail: %s', (_what, failed, changes, hadTo) => {
    expect(judge(failed, { ...CALM, ...changes }).hadTo).toBe(hadTo)
  })
})

describe('the report of a soak', () => {
  const heap = (megabytes: readonly number[]) =>
    megabytes.map((mb, i) => ({ worker: 0, at: (60 + 5 * i) * S, bytes: mb * 2 ** 20 }))
  const calm: SoakOutcome = {
    plan: { seed: 1, seconds: 100, workers: 2, perSecond: 1, plantMistake: false },
    ...{
      timeline: CALM,
      faults: [],
      succeeded: 100,
      leftOut: 0,
      failures: [],
      tokenRequests: { faulty: 0, good: { orders: 6 }, refused: 0 },
    },
    ...{ heaps: heap([20, 20, 20, 24, 24, 24]), longestWithTokenMs: 1, longestWithoutTokenMs: 1, troubles: [] },
  }
  const failure = {
    request: '0-1',
    client: 'orders',
    from: 0,
    to: 1,
    tokenError: 'network',
    retryable: true,
    what: 'network',
  }
  const failed = { worker: 0, failure: { ...failure, rejected: [], printed: '' } }

  it.each<[what: string, changes: Partial<SoakOutcome>, complaint: RegExp | undefined]>([
    ['nothing', {}, undefined],
    ['requests that had to fail', { failures: [{ ...failed, judgement: { hadTo: true, why: '' } }] }, undefined],
    [
      'one that need not have',
      { failures: [{ ...failed, judgement: { hadTo: false, why: '' } }] },
      /^1 requests failed/,
    ],
    [
      'too many token requests',
      { tokenRequests: { faulty: 0, good: { orders: 9 }, refused: 0 } },
      /too many token requests/,
    ],
    ['token requests in vain', { tokenRequests: { faulty: 1, good: { orders: 6 }, refused: 0 } }, /no token to be had/],
    [
      'refused token requests',
      { tokenRequests: { faulty: 0, good: { orders: 6 }, refused: 3 } },
      /requests were refused/,
    ],
    ['a heap that grows', { heaps: heap([20, 20, 20, 27, 26, 28]) }, /heap of worker 0/],
    ['what is left open', { troubles: ['worker 0: did not end by itself'] }, /did not end/],
    ['no request at all', { succeeded: 0 }, /no request succeeded/],
  ])('complains about %s', (_what, changes, complaint) => {
    const { complaints } = report({ ...calm, ...changes })
    expect(complaints.slice(0, 1)).toEqual(complaint === undefined ? [] : [expect.stringMatching(complaint)])
  })
})

describe.runIf(canStartRedis)('a soak', { timeout: 600_000 }, () => {
  async function run(...options: string[]): Promise<{ exitCode: number | null; output: string }> {
    const main = fileURLToPath(new URL('../scripts/soak/main.ts', import.meta.url))
    const flags = ['--experimental-strip-types', '--no-warnings']
    const child = spawn(process.execPath, [...flags, main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
    const [exitCode, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
    return { exitCode, output: stdout + stderr }
  }

  // For twelve seconds there is no token to be had: longer than a token of ten seconds is used, whenever it began.
  it('finds out when a failed refresh takes a valid token away', async () => {
    const { exitCode, output } = await run('--seconds', '20', '--seed', '1400', '--workers', '2', '--plant-mistake')
    expect(output).toContain('requests failed that a valid token could have served')
    expect(output).toContain('it had a valid token')
    expect(exitCode).toBe(1)
  })
})
