/** Packs the package and uses it as its users do; `npm run check:package`. Needs the registry. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const temporary = mkdtempSync(join(tmpdir(), 'evertoken-package-'))
const consumer = join(temporary, 'consumer')

// Before 5.8 TypeScript did not know that CommonJS can require an ES module, so older ones check an ES module alone.
const TYPESCRIPTS = {
  typescript: ['nodenext', 'bundler'],
  'typescript-6': ['nodenext', 'bundler'],
  'typescript-5.8': ['nodenext', 'bundler'],
  'typescript-5.4': ['nodenext-esm', 'bundler'],
} as const

// Packages that contain a runtime; the one that runs this is 24.
const RUNTIMES = {
  'node@22.12.0': ['node'],
  'node@26.10.0': ['node'],
  'bun@1.4.5': ['bun'],
  'deno@2.9.6': ['deno', 'run', '--allow-all'],
} as const

class CheckFailed extends Error {}

interface RunOptions {
  readonly cwd?: string
  readonly nodeOptions?: string
}

/** Runs a program; its output is shown only if it fails. */
function run(program: string, args: readonly string[], { cwd = consumer, nodeOptions = '' }: RunOptions = {}): string {
  const env = { ...process.env, NODE_OPTIONS: nodeOptions, NO_COLOR: '1', npm_config_loglevel: 'error' }
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new CheckFailed(`${program} ${args.join(' ')}\n${error?.message ?? stdout + stderr}`)
}

function check(title: string, action: () => void): void {
  const start = performance.now()
  action()
  console.log(`ok   ${title} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
}

/** The locked versions of what the package depends on, so that a run today is a run tomorrow. */
function lockedDependencies(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.entries<{ version: string; dev?: boolean; peer?: boolean }>(packages).flatMap(([path, entry]) => {
    const [, name] = path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)$/) ?? []
    return name === undefined || entry.dev || entry.peer ? [] : [`${name}@${entry.version}`]
  })
}

/** The configuration that docs/jest.md tells users to write. */
function documentedJestConfiguration(): string {
  const [, code] = readFileSync(join(root, 'docs/jest.md'), 'utf8').match(/```js\n([\s\S]*?)```/) ?? []
  if (code === undefined) throw new CheckFailed('docs/jest.md has no configuration')
  return code
}

/** The options after esbuild's `--outfile` that docs/bundling.md tells users to add for ES modules. */
function documentedBanner(): string {
  const [, banner] = readFileSync(join(root, 'docs/bundling.md'), 'utf8').match(/--banner:js="(.*)"/) ?? []
  if (banner === undefined) throw new CheckFailed('docs/bundling.md has no banner')
  return `--banner:js=${banner}`
}

function checkPackage(): void {
  let tarball = ''
  check('builds and packs', () => {
    const [packed] = JSON.parse(
      run('npm', ['pack', '--json', '--silent', '--pack-destination', temporary], { cwd: root }),
    )
    tarball = join(temporary, packed.filename)
  })
  check('publint has no objection', () => {
    run('publint', ['run', tarball, '--strict'], { cwd: root })
  })
  check('its types resolve', () => {
    run('attw', [tarball, '--profile', 'esm-only', '--no-emoji'], { cwd: root })
  })
  check('installs beside axios', () => {
    cpSync(join(root, 'scripts/package-consumer'), consumer, { recursive: true })
    cpSync(join(root, 'examples/testing/jest.test.cjs'), join(consumer, 'testing.test.cjs'))
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball, ...lockedDependencies()])
  })
  check('works by import', () => {
    run('node', ['imported.mjs'])
  })
  check('works by require', () => {
    run('node', ['required.cjs'])
  })
  check('measures and traces with the oldest OpenTelemetry', () => {
    run('node', ['telemetry.mjs'])
  })
  // The same once more as an ES module: axios has separate declarations for those.
  cpSync(join(consumer, 'types.ts'), join(consumer, 'types.mts'))
  check('is no larger than it was, brings no HTTP client or Redis, and loads nothing late', () => {
    console.log(`     ${run('node', ['size.mjs']).trim()}`)
  })
  check('brings the command', () => {
    run('node_modules/.bin/evertoken', ['--help'])
  })
  for (const [typescript, resolutions] of Object.entries(TYPESCRIPTS)) {
    for (const resolution of resolutions) {
      check(`${typescript} understands its types (${resolution})`, () => {
        run('node', [`node_modules/${typescript}/bin/tsc`, '-p', `tsconfig.${resolution}.json`])
      })
    }
  }
  for (const [runtime, [program, ...args]] of Object.entries(RUNTIMES)) {
    check(`works in ${runtime}, by import and require`, () => {
      const cwd = join(temporary, runtime)
      mkdirSync(cwd)
      writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }))
      run('npm', ['install', '--no-audit', '--no-fund', runtime], { cwd })
      for (const file of ['imported.mjs', 'required.cjs']) run(join(cwd, 'node_modules/.bin', program), [...args, file])
    })
  }
  // Jest gives a test five seconds, which is not enough on a busy machine.
  const jest = ['node_modules/jest/bin/jest.js', '--testMatch=**/*.test.cjs', '--testTimeout=120000']
  check('works in Jest, with a flag', () => {
    run('node', jest, { nodeOptions: '--experimental-vm-modules' })
  })
  check('works in Jest, transformed', () => {
    writeFileSync(join(consumer, 'jest.config.js'), documentedJestConfiguration())
    run('node', [...jest, '--cacheDirectory=.jest-cache'])
  })
  for (const [format, extra] of [
    ['cjs', []],
    ['esm', [documentedBanner()]],
  ] as const) {
    check(`works in a bundle (${format})`, () => {
      const bundle = format === 'esm' ? 'bundle.mjs' : 'bundle.cjs'
      const options = [
        '--bundle',
        '--platform=node',
        `--format=${format}`,
        `--outfile=${bundle}`,
        '--log-level=warning',
      ]
      run('node', ['node_modules/esbuild/bin/esbuild', 'handler.mjs', ...options, ...extra])
      // What a bundle leaves out must not be found in node_modules.
      rmSync(join(temporary, 'elsewhere'), { recursive: true, force: true })
      for (const file of [bundle, 'run-handler.mjs', 'server.cjs']) {
        cpSync(join(consumer, file), join(temporary, 'elsewhere', file))
      }
      run('node', ['run-handler.mjs', bundle], { cwd: join(temporary, 'elsewhere') })
    })
  }
}

try {
  checkPackage()
} catch (error) {
  if (!(error instanceof CheckFailed)) throw error
  console.error(`FAILED  ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
