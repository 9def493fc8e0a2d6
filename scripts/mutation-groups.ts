/** What is mutated together, and the tests that have to notice. */
export interface MutationGroup {
  /** Source files, as globs. */
  readonly mutate: readonly string[]
  /** Test files, as globs: the fewer, the faster. A mutant that only others would notice counts as not noticed. */
  readonly tests: readonly string[]
}

const LIFECYCLE = ['test/token-source*.test.ts', 'test/token-manager.test.ts', 'test/scenarios/scenarios.test.ts']

/** Every group by its name. Pure functions are held by their own tests alone, the rest by what uses it too. */
export const GROUPS: Readonly<Record<string, MutationGroup>> = {
  rules: {
    mutate: ['src/{token-lifecycle,failure-memory}.ts'],
    tests: ['test/{token-lifecycle,failure-memory}.test.ts'],
  },
  retry: {
    mutate: ['src/retry.ts'],
    tests: ['test/retry.test.ts'],
  },
  flight: {
    mutate: ['src/single-flight.ts'],
    tests: ['test/single-flight.test.ts'],
  },
  key: {
    mutate: ['src/{token-key,token-parameters,authorization-details}.ts'],
    tests: ['test/{token-key,token-parameters,authorization-details}.test.ts'],
  },
  reading: {
    mutate: ['src/{token-response,received-token,token-response-error,retry-after}.ts'],
    tests: ['test/{token-response*,partner-hooks,retry-after,standards/token-response}.test.ts'],
  },
  challenge: {
    mutate: ['src/http/challenge.ts'],
    tests: ['test/http/challenge.test.ts'],
  },
  origins: {
    mutate: ['src/http/{origins,axios-origins,fetch-origins,undici-origins,listed-origins}.ts'],
    tests: ['test/http/{origins,axios-origins,fetch-origins,undici-origins}.test.ts'],
  },
  failures: {
    mutate: ['src/{key-failures,request-gate,keep-warm}.ts'],
    tests: LIFECYCLE,
  },
  lifecycle: {
    mutate: ['src/{current-token,token-source,token-source-inspection,token-sources,token-flights}.ts'],
    tests: LIFECYCLE,
  },
  store: {
    mutate: ['src/store/{breaker,encryption,found-record,guarded-store,memory-store,record,token-share}.ts'],
    tests: ['test/store/{breaker,encryption,memory-store,token-share}.test.ts', 'test/shared-tokens.test.ts'],
  },
  sharing: {
    mutate: ['src/{shared-token,client-share}.ts'],
    tests: ['test/shared-tokens*.test.ts'],
  },
}
