import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url))

// Where .ci/run wants to read how many tests passed.
const { TEST_REPORT } = process.env

export default defineConfig({
  resolve: {
    // Tests and examples import the package as users do, and get its sources.
    alias: [
      { find: /^evertoken$/, replacement: source('index.ts') },
      { find: /^evertoken\/axios$/, replacement: source('http/axios.ts') },
      { find: /^evertoken\/fetch$/, replacement: source('http/fetch.ts') },
      { find: /^evertoken\/undici$/, replacement: source('http/undici.ts') },
      { find: /^evertoken\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    // Nothing here should take as long; a busy machine must not turn a test red.
    testTimeout: 30_000,
    ...(TEST_REPORT && { reporters: ['default', 'json'], outputFile: { json: TEST_REPORT } }),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'html', 'lcov'],
    },
  },
})
