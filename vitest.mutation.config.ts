import { defineConfig } from 'vitest/config'
import { GROUPS } from './scripts/mutation-groups.ts'
import config from './vitest.config.ts'

const { resolve, test } = config as { resolve: object; test: { setupFiles: string[] } }

// Stryker can be told the test files too, but then never switches on what is evaluated when a module loads.
export default defineConfig({
  resolve,
  test: {
    include: [...(GROUPS[process.env.MUTATION_GROUP ?? '']?.tests ?? ['test/*.test.ts'])],
    setupFiles: test.setupFiles,
    // A mutant for which something waits for ever costs this long.
    testTimeout: 5000,
    isolate: false,
  },
})
