import { GROUPS } from './scripts/mutation-groups.ts'

// One group at a time: `npm run mutation` sets its name.
const name = process.env.MUTATION_GROUP ?? 'rules'

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: GROUPS[name].mutate,
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  timeoutMS: 15_000,
  incremental: true,
  incrementalFile: `reports/mutation/${name}.incremental.json`,
  reporters: ['json'],
  jsonReporter: { fileName: `reports/mutation/${name}.json` },
  ignorePatterns: ['/bench', '/coverage', '/dist', '/docs', '/examples', '/reports'],
  // Stryker would rewrite the paths in it by an interface that TypeScript 7 does not have.
  tsconfigFile: 'none',
  disableTypeChecks: false,
}
