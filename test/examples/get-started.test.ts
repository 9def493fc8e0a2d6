import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NodeRun } from '../support/run-node.ts'

// The flag is for Node before 22.18; the import gives the package's sources to what imports it as users do.
const FLAGS = ['--experimental-strip-types', '--import', './test/support/package-source.mjs']

/** Runs a program of the project with nothing else in its environment. */
function start(
  command: readonly string[],
  environment: Record<string, string> = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [...FLAGS, ...command], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { PATH: process.env.PATH, NODE_NO_WARNINGS: '1', no_proxy: '*', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function run(command: readonly string[], environment: Record<string, string>): Promise<NodeRun> {
  const child = start(command, environment)
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [exitCode, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
  return { exitCode, stdout, stderr }
}

describe('what "get started" says, with the servers that it offers', () => {
  const servers = start(['examples/get-started-servers.ts'])
  const environment: Record<string, string> = {}

  // The lines that the reader pastes into a shell.
  beforeAll(async () => {
    for await (const line of createInterface({ input: servers.stdout })) {
      expect(line).toMatch(/^export( EVERTOKEN_[A-Z_]+=\S+)+$/)
      for (const assignment of line.split(' ').slice(1)) {
        const [name = '', value = ''] = assignment.split('=')
        environment[name] = value
      }
      if (environment.EVERTOKEN_API_URL) return
    }
  })
  afterAll(() => servers.kill())

  it('prints the answer of the API, and what is known of the token', async () => {
    const { exitCode, stdout, stderr } = await run(['examples/get-started.ts'], environment)

    expect(stderr).toBe('')
    expect(stdout).toMatch(/^\[ \{ item: 4711 \} \]\nThe cached token is used; a refresh is due in \d+ s, .*\n$/)
    expect(exitCode).toBe(0)
  })

  it('finds with the command that it works', async () => {
    const { exitCode, stdout } = await run(['src/cli/main.ts', 'doctor'], environment)

    expect(stdout).toMatch(/^✔ It works: a token was issued\.\n/)
    expect(exitCode).toBe(0)
  })

  it('says which variable is missing where the lines were not pasted', async () => {
    const { exitCode, stderr } = await run(['examples/get-started.ts'], {})

    expect(stderr).toContain('Is the environment variable set?')
    expect(exitCode).toBe(1)
  })
})
