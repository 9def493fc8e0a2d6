import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXIT } from '../../src/cli/command-error.ts'
import { EXAMPLES } from '../../src/cli/examples.ts'
import { SETTINGS } from '../../src/cli/settings.ts'
import { startAuthorizationServer, type TestAuthorizationServer } from '../../src/testing/index.ts'
import { sendJson, startServer, type TestServer } from '../support/http-server.ts'
import { evertoken, FAST_START, MAIN } from './run-command.ts'

const SECRET = 'a-marker-secret-0123456789'
const page = await readFile(new URL('../../docs/command-line.md', import.meta.url), 'utf8')
const HELP: readonly string[] = [...new Set(Object.values(EXAMPLES).flat())]
let server: TestAuthorizationServer
let api: TestServer
let home: string

/** A program of this name for the examples: a script of bash. */
async function program(name: string, script: string): Promise<void> {
  const path = join(home, 'bin', name)
  await writeFile(path, `#!/bin/bash\n${script}\n`)
  await chmod(path, 0o755)
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'evertoken-examples-'))
  const claims = Buffer.from('{"iss":"https://auth.example.com"}').toString('base64url')
  server = await startAuthorizationServer({
    clients: { orders: SECRET },
    tokenResponse: { access_token: `${claims}.${claims}.a-signature` },
  })
  api = await startServer((response, { headers }) => sendJson(response, {}, headers.authorization ? 200 : 401))
  await mkdir(join(home, 'bin'))
  await program('evertoken', `exec '${process.execPath}' --experimental-strip-types '${MAIN}' "$@"`)
  // These are not on every machine.
  await program('curl', '[[ $1 == -H && $(cat "$(tr -d @ <<< "$2")") == "Authorization: Bearer "* && -n $3 ]]')
  await program('jq', 'cat order.json')
  await program('openssl', '[[ $* == *"-out dpop.pem" ]]')
  await mkdir(join(home, 'config', 'evertoken'), { recursive: true })
  const orders = { issuer: server.issuer, clientId: 'orders', clientSecret: SECRET, allowInsecureLoopback: true }
  const path = join(home, 'config', 'evertoken', 'config.json')
  await writeFile(path, JSON.stringify({ profiles: { orders } }), { mode: 0o600 })
  await writeFile(join(home, 'order.json'), '{"item":"book"}')
})

afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await server.close()
  await rm(home, { recursive: true })
})

/** Runs lines of bash in which the example's servers are those of the test. */
async function ran(lines: string): Promise<string> {
  const script = lines
    .replaceAll('https://auth.example.com', server.issuer)
    .replaceAll('https://api.example.com', api.origin)
  const env = {
    PATH: `${join(home, 'bin')}:${process.env.PATH}`,
    NODE_NO_WARNINGS: '1',
    ...FAST_START,
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    EVERTOKEN_ISSUER: server.issuer,
    EVERTOKEN_CLIENT_ID: 'orders',
    EVERTOKEN_CLIENT_SECRET: SECRET,
    EVERTOKEN_ALLOW_INSECURE_LOOPBACK: '1',
  }
  return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { env, cwd: home })).stdout
}

describe('an example in the help', () => {
  it.each(Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[])('is there: %s', async (command) => {
    const { stdout } = await evertoken([...(command === 'evertoken' ? [] : [command]), '--help'], { HOME: home })
    for (const example of EXAMPLES[command]) expect(stdout).toContain(`\n  ${example}\n`)
  })

  it.each(HELP)('runs: %s', async (example) => {
    await ran(example)
  })
})

describe('the page on the command', () => {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
  // What is typed is not there to be read.
  const lines = blocks.flatMap((block) =>
    block.split('\n').filter((line) => line !== '' && !line.startsWith('read ') && !HELP.includes(line)),
  )

  it('has blocks to run', () => {
    expect(lines.length).toBeGreaterThan(10)
  })

  it.each(lines)('has a line that runs: %s', async (line) => {
    await ran(line)
  })

  it('names every exit code', () => {
    const [, table = ''] = page.split('## Exit codes')
    const named = [...table.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes = '']) => codes.split(', ').map(Number))
    expect(named).toEqual([0, ...Object.values(EXIT)])
  })

  it('names no flag and no variable that is not there', async () => {
    const helps = await Promise.all(
      Object.keys(EXAMPLES).map((command) =>
        evertoken([command, '--help'].slice(command === 'evertoken' ? 1 : 0), { HOME: home }),
      ),
    )
    const known = helps.map(({ stdout }) => stdout).join()
    const flags = [...page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag)
    expect(flags.filter((flag) => !known.includes(`${flag} `) && !known.includes(`${flag}\n`))).toEqual([])
    const variables = [...page.matchAll(/EVERTOKEN_\w+/g)].map(([variable]) => variable)
    const others = ['EVERTOKEN_CLIENT_SECRET', 'EVERTOKEN_PROFILE', 'EVERTOKEN_CACHE_DIR']
    const there = [...SETTINGS.map(({ variable }) => variable), ...others]
    expect(variables.filter((variable) => !there.includes(variable))).toEqual([])
  })
})
