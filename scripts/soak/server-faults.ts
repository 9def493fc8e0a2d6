import type { Fault } from '../../src/testing/index.ts'
import type { Random } from '../simulate/random.ts'

const status = (statuses: readonly number[]) => (random: Random) =>
  ({ kind: 'status', status: statuses[Math.floor(random.next() * statuses.length)] ?? 500 }) as const

/** What becomes of a token request, by what is wrong at the token endpoint. */
export const TOKEN_FAULTS: Readonly<Record<string, (random: Random) => Fault>> = {
  latency: (random) => ({ kind: 'latency', afterMs: 300 + random.next() * 2000 }),
  hang: () => ({ kind: 'hang' }),
  reset: () => ({ kind: 'resetBeforeHeaders' }),
  'cut off': () => ({ kind: 'resetAfterHeaders' }),
  truncated: () => ({ kind: 'truncatedBody' }),
  malformed: () => ({ kind: 'malformedJson' }),
  html: () => ({ kind: 'html' }),
  'slow drip': () => ({ kind: 'slowDrip', everyMs: 200 }),
  '5xx': status([500, 502, 503, 504]),
  '429': () => ({ kind: 'tooManyRequests', retryAfterMs: 2000 }),
  invalid_client: () => ({ kind: 'oauthError', error: 'invalid_client' }),
  outage: () => ({ kind: 'resetBeforeHeaders' }),
}

/** What becomes of a request to the API, by what is wrong there. */
export const API_FAULTS: Readonly<Record<string, (random: Random) => Fault | undefined>> = {
  '401 for valid tokens': (random) => (random.next() < 0.3 ? { kind: 'status', status: 401 } : undefined),
  '5xx': (random) => (random.next() < 0.5 ? status([500, 502, 503])(random) : undefined),
  reset: (random) => (random.next() < 0.3 ? { kind: 'resetBeforeHeaders' } : undefined),
  latency: (random) => ({ kind: 'latency', afterMs: random.next() * 1000 }),
}
