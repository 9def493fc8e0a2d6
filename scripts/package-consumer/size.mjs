import assert from 'node:assert/strict'
import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'

// What an import of the root brings with it, all of it used: nothing is left out for not being called.
// docs/bundling.md says what it consists of.
const MOST_BYTES = 55_000
const NEVER = /node_modules\/(?:axios|redis|@redis|ioredis|undici|pino|commander|@opentelemetry)\//

const { outputFiles, metafile } = await build({
  stdin: { contents: "export * from 'evertoken'", resolveDir: import.meta.dirname },
  ...{ bundle: true, minify: true, platform: 'node', format: 'esm', write: false, metafile: true },
  ...{ splitting: true, outdir: 'size' },
  external: ['axios'],
})
const [{ contents }, ...loadedLater] = outputFiles
const bytes = brotliCompressSync(contents).length
console.log(`${contents.length} bytes, ${bytes} with brotli`)
assert.deepEqual(
  Object.keys(metafile.inputs).filter((path) => NEVER.test(path)),
  [],
)
// axios is loaded at the first token request, and nothing else is left for later.
assert.deepEqual(loadedLater, [])
const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports)
assert.deepEqual(
  imported.filter(({ path }) => !path.startsWith('node:')),
  [{ path: 'axios', kind: 'dynamic-import', external: true }],
)
assert.ok(bytes < MOST_BYTES, `The root entry has grown to ${bytes} bytes: is everything in it needed by everybody?`)
