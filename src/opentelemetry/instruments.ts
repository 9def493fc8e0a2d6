import type { Meter } from '@opentelemetry/api'

/** What an instrument is called, how it counts, and what it says. */
interface Definition {
  /** The method of a meter that makes it. */
  readonly create:
    | 'createCounter'
    | 'createUpDownCounter'
    | 'createHistogram'
    | 'createObservableUpDownCounter'
    | 'createObservableGauge'
  readonly name: string
  readonly unit: string
  readonly description: string
  /** Of a histogram: the limits of its buckets. */
  readonly buckets?: keyof typeof BUCKETS
}

const BUCKETS = {
  /** Durations of requests, as the conventions for HTTP have them, and the default deadline. */
  requests: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15],
  /** Calls of a store, which gets 0.05 s. */
  storeCalls: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
  /** What is left of tokens. */
  lifetimes: [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600, 86_400],
}

/** Every instrument there is. */
export const INSTRUMENTS = {
  lookups: {
    create: 'createCounter',
    name: 'evertoken.cache.lookups',
    unit: '{lookup}',
    description: 'Tokens that were asked for, by where they were: in the process, in the store, or nowhere.',
  },
  tokens: {
    create: 'createObservableUpDownCounter',
    name: 'evertoken.cache.tokens',
    unit: '{token}',
    description: 'Tokens that the process knows of, by where they stand.',
  },
  negativeHits: {
    create: 'createCounter',
    name: 'evertoken.negative_cache.hits',
    unit: '{lookup}',
    description: 'Callers that got the failure of a token request a moment ago, without another request.',
  },
  waiters: {
    create: 'createObservableUpDownCounter',
    name: 'evertoken.token.waiters',
    unit: '{caller}',
    description: 'Callers that wait for a token.',
  },
  waits: {
    create: 'createHistogram',
    name: 'evertoken.token.wait.duration',
    unit: 's',
    description: 'How long callers waited that found no usable token at hand.',
    buckets: 'requests',
  },
  remaining: {
    create: 'createHistogram',
    name: 'evertoken.token.remaining_lifetime',
    unit: 's',
    description: 'How long tokens were still valid when they were used.',
    buckets: 'lifetimes',
  },
  requests: {
    create: 'createHistogram',
    name: 'evertoken.token.request.duration',
    unit: 's',
    description: 'How long token requests took, with their retries.',
    buckets: 'requests',
  },
  activeRequests: {
    create: 'createUpDownCounter',
    name: 'evertoken.token.request.active',
    unit: '{request}',
    description: 'Token requests under way.',
  },
  retries: {
    create: 'createCounter',
    name: 'evertoken.token.request.retries',
    unit: '{attempt}',
    description: 'Attempts at a token request that failed and were followed by another.',
  },
  deviations: {
    create: 'createCounter',
    name: 'evertoken.token.response.deviations',
    unit: '{response}',
    description: 'Token responses that differ from RFC 6749, or grant less than was asked for.',
  },
  rejections: {
    create: 'createCounter',
    name: 'evertoken.token.rejections',
    unit: '{token}',
    description: 'Tokens that an API refused, though they had not expired.',
  },
  replays: {
    create: 'createCounter',
    name: 'evertoken.api.replays',
    unit: '{request}',
    description: 'API requests that were sent once more, with another token.',
  },
  expiry: {
    create: 'createObservableGauge',
    name: 'evertoken.credential.remaining_lifetime',
    unit: 's',
    description: 'How long what the client authenticates with is still valid.',
  },
  storeCalls: {
    create: 'createHistogram',
    name: 'evertoken.store.operation.duration',
    unit: 's',
    description: 'How long calls of the shared store took.',
    buckets: 'storeCalls',
  },
  leases: {
    create: 'createCounter',
    name: 'evertoken.store.leases',
    unit: '{lease}',
    description: 'What became of the right to request a token for the whole fleet.',
  },
  suspended: {
    create: 'createObservableGauge',
    name: 'evertoken.store.suspended',
    unit: '1',
    description: 'Whether the store is left alone after several failures: 1, else 0.',
  },
  unreadable: {
    create: 'createCounter',
    name: 'evertoken.store.unreadable_records',
    unit: '{record}',
    description: 'Records of the store that were tampered with, cut off, or written for another place.',
  },
} as const

/** The instruments of one meter. */
export type Instruments = {
  readonly [Key in keyof typeof INSTRUMENTS]: ReturnType<Meter[(typeof INSTRUMENTS)[Key]['create']]>
}

/** Makes them all. */
export function createInstruments(meter: Meter): Instruments {
  const made = Object.entries<Definition>(INSTRUMENTS).map(([key, { create, name, unit, description, buckets }]) => {
    const advice = buckets && { advice: { explicitBucketBoundaries: BUCKETS[buckets] } }
    return [key, meter[create](name, { unit, description, ...advice })]
  })
  return Object.fromEntries(made)
}
