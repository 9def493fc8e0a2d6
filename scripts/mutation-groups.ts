/** What is mutated together, and the tests that have to notice. */
export interface MutationGroup {
  /** Source files, as globs. */
  readonly mutate: readonly string[]
  /** Test files, as globs: the fewer, the faster. A mutant that only others would notice counts as not noticed. */
  readonly tests: readonly string[]
}

const SHARED = 'test/shared-{tokens,failures,tokens-outage,tokens-recovery,tokens-protected,tokens-trouble}.test.ts'

/** Every group by its name. What can be is held by its own tests alone, the rest by what uses it too. */
export const GROUPS: Readonly<Record<string, MutationGroup>> = {
  rules: {
    mutate: ['src/{token-lifecycle,failure-memory,key-failures,token-standing,retry}.ts'],
    tests: ['test/{token-lifecycle,failure-memory,key-failures,token-standing,retry}.test.ts'],
  },
  flight: {
    mutate: ['src/{single-flight,request-gate,refresh-line}.ts'],
    tests: ['test/{single-flight,request-gate,refresh-line}.test.ts'],
  },
  key: {
    mutate: ['src/{token-key,token-parameters,authorization-details}.ts'],
    tests: ['test/{token-key,token-parameters,authorization-details}.test.ts'],
  },
  reading: {
    mutate: ['src/{token-response,received-token,token-response-error,retry-after}.ts'],
    tests: ['test/{token-response,token-response-error,partner-hooks,retry-after,standards/token-response}.test.ts'],
  },
  challenge: {
    mutate: ['src/http/challenge.ts'],
    tests: ['test/http/challenge.test.ts'],
  },
  origins: {
    mutate: ['src/http/{origins,listed-origins,axios-origins,fetch-origins,undici-origins}.ts'],
    tests: ['test/http/{origins,listed-origins}.test.ts'],
  },
  sources: {
    mutate: ['src/{bounded-cache,token-sources,token-source-inspection,keep-warm}.ts'],
    tests: ['test/{bounded-cache,token-sources,token-source-inspection,keep-warm}.test.ts'],
  },
  renewal: {
    mutate: ['src/{token-renewal,token-flight,token-flights,request-spacing}.ts'],
    tests: ['test/{token-renewal,token-flights,token-flights-owner}.test.ts'],
  },
  lifecycle: {
    mutate: ['src/{token-source,key-events}.ts'],
    tests: [
      'test/{token-source,token-source-calls,token-source-upkeep,token-renewal,token-flights,token-manager,token-exchange,hot-path-core,opentelemetry,logger,lifecycle-bounds,bounded-cache}.test.ts',
      SHARED,
      'test/scenarios/scenarios.test.ts',
    ],
  },
  store: {
    mutate: [
      'src/store/{breaker,encryption,found-record,guarded-store,memory-store,record,shared-lease,store-entry,store-place,token-share}.ts',
    ],
    tests: ['test/store/{breaker,encryption,found-record,guarded-store,memory-store,store-entry,token-share}.test.ts'],
  },
  sharing: {
    mutate: ['src/{shared-token,shared-failure,client-share}.ts'],
    tests: ['test/{shared-token,shared-token-plans,shared-failure,client-share}.test.ts'],
  },
}
