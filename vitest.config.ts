import { fileURLToPath } from 'node:url'
import newest from 'axios/package.json' with { type: 'json' }
import middle from 'axios-middle/package.json' with { type: 'json' }
import oldest from 'axios-oldest/package.json' with { type: 'json' }
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url))

// Where .ci/run wants to read how many tests passed.
const { TEST_REPORT } = process.env

// What sends its requests by axios runs against three versions of it: the oldest supported, one half-way, the newest.
const USES_AXIOS = ['test/http/axios*.test.ts', 'test/transport*.test.ts']

// What speaks to Redis runs with the oldest clients too.
const USES_REDIS = ['test/store/redis.test.ts', 'test/store/redis-wire.test.ts']

const against = (packageName: string, { version }: { readonly version: string }): TestProjectInlineConfiguration => ({
  extends: true,
  resolve: { alias: [{ find: /^axios$/, replacement: packageName }] },
  test: { name: `axios ${version}`, include: USES_AXIOS, provide: { axiosVersion: version } },
})

export default defineConfig({
  resolve: {
    // Tests and examples import the package as users do, and get its sources.
    alias: [
      { find: /^evertoken$/, replacement: source('index.ts') },
      { find: /^evertoken\/axios$/, replacement: source('http/axios.ts') },
      { find: /^evertoken\/fetch$/, replacement: source('http/fetch.ts') },
      { find: /^evertoken\/undici$/, replacement: source('http/undici.ts') },
      { find: /^evertoken\/providers$/, replacement: source('providers/index.ts') },
      { find: /^evertoken\/redis$/, replacement: source('store/redis.ts') },
      { find: /^evertoken\/opentelemetry$/, replacement: source('opentelemetry/index.ts') },
      { find: /^evertoken\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    projects: [
      { extends: true, test: { name: 'evertoken', include: ['test/**/*.test.ts'], exclude: USES_AXIOS } },
      against('axios', newest),
      against('axios-middle', middle),
      against('axios-oldest', oldest),
      {
        extends: true,
        resolve: {
          alias: [
            { find: /^redis$/, replacement: 'redis-oldest' },
            { find: /^ioredis$/, replacement: 'ioredis-oldest' },
          ],
        },
        test: { name: 'redis 5.0.0, ioredis 5.0.0', include: USES_REDIS },
      },
    ],
    setupFiles: ['test/support/setup.ts'],
    // Nothing here should take as long; a busy machine must not turn a test red.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Every core: by default one is left idle, which is half of a machine with two.
    maxWorkers: '100%',
    ...(TEST_REPORT && { reporters: ['default', 'json'], outputFile: { json: TEST_REPORT } }),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'html', 'lcov'],
    },
  },
})
