import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { sign } from '../../src/cli/terminal.ts'
import { startAuthorizationServer, type TestAuthorizationServer } from '../../src/testing/index.ts'
import { runNode } from '../support/run-node.ts'
import { evertoken } from './run-command.ts'

const SECRET = 'a-marker-secret'

describe('what the command waits for', () => {
  it('is waited for though nothing but a time-out can end it, which keeps no process alive', async () => {
    const source = `
      import { once } from 'node:events'
      import { withProgress } from './src/cli/terminal.ts'
      const timeout = AbortSignal.timeout(100)
      await withProgress('Waiting', once(timeout, 'abort'))
      console.log('waited')`
    expect(await runNode(source, null)).toEqual({ exitCode: 0, stdout: 'waited\n', stderr: '' })
  })

  it.each([
    ['is taken back on a terminal, once it is there', true, 'Waiting …\r\u001b[2K'],
    ['stays in a log', false, 'Waiting …\n'],
  ])('is told when it takes a second, and %s', async (_, isTTY, stderr) => {
    const source = `
      import { withProgress } from './src/cli/terminal.ts'
      const { stderr } = process
      stderr.isTTY = ${isTTY}
      const told = new Promise((resolve) => {
        const write = stderr.write.bind(stderr)
        stderr.write = (text) => write(text, resolve)
      })
      console.log(await withProgress('Waiting', told.then(() => 'here')))`
    expect(await runNode(source, null)).toEqual({ exitCode: 0, stdout: 'here\n', stderr })
  })
})

describe('the sign of a mark', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  const COLOURED = '\u001b[31m✘\u001b[39m'

  it.each<[title: string, isTTY: boolean, variables: Readonly<Record<string, string>>, shown: string]>([
    ['in colour on a terminal', true, { TERM: 'xterm-256color' }, COLOURED],
    ['without colour in a file', false, { TERM: 'xterm-256color' }, '✘'],
    ['without colour where NO_COLOR is set', true, { TERM: 'xterm-256color', NO_COLOR: '1' }, '✘'],
    ['without colour on a terminal that has none', true, { TERM: 'dumb' }, '✘'],
    ['in colour in a file where FORCE_COLOR is set', false, { FORCE_COLOR: '1' }, COLOURED],
  ])('is %s', (_, isTTY, variables, shown) => {
    for (const name of ['CI', 'COLORTERM', 'FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'TMUX']) {
      vi.stubEnv(name, undefined)
    }
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    const stream = Object.assign(new PassThrough(), { isTTY, getColorDepth: WriteStream.prototype.getColorDepth })
    expect(sign('wrong', stream as unknown as WriteStream)).toBe(shown)
  })
})

describe('the question for a secret', () => {
  let server: TestAuthorizationServer
  let home: string

  beforeAll(async () => {
    server = await startAuthorizationServer({ clients: { orders: SECRET } })
    home = await mkdtemp(join(tmpdir(), 'evertoken-terminal-'))
    await writeFile(join(home, 'terminal.mjs'), 'process.stdin.isTTY = true')
  })

  afterAll(async () => {
    await server.close()
    await rm(home, { recursive: true })
  })

  const typed = async (args: readonly string[], keys: string) =>
    await evertoken(
      args,
      {
        HOME: home,
        EVERTOKEN_CACHE_DIR: join(home, 'cache'),
        EVERTOKEN_ISSUER: server.issuer,
        EVERTOKEN_CLIENT_ID: 'orders',
        EVERTOKEN_ALLOW_INSECURE_LOOPBACK: '1',
        NODE_OPTIONS: `--import=${join(home, 'terminal.mjs')}`,
      },
      keys,
    )
  const question = () => `Secret of client orders at ${server.issuer}: \n`

  it.each([
    ['is typed', `${SECRET}\r`],
    ['is typed anew after Ctrl-U', `something\u0015${SECRET}\r`],
    ['is corrected', `${SECRET}x\u007f\r`],
  ])('gives a token when it %s, and shows nothing of it', async (_, keys) => {
    const run = await typed(['token'], keys)
    expect(run).toMatchObject({ exitCode: 0, stderr: question() })
    expect(server.findToken(run.stdout.trim())).toMatchObject({ clientId: 'orders' })
  })

  it.each([
    ['Ctrl-C', 'token', 'half of it\u0003', 130],
    ['Ctrl-D', 'token', '\u0004', 130],
    ['the end of what is typed', 'token', '', 130],
    ['Enter alone', 'token', '\r', 2],
    ['Ctrl-C, and makes no report', 'doctor', '\u0003', 130],
  ])('is left by %s: evertoken %s', async (_, command, keys, exitCode) => {
    const stderr = `${question()}✘ No secret was given.\n`
    expect(await typed([command], keys)).toMatchObject({ exitCode, stdout: '', stderr })
  })

  it('is not asked after a body that was typed to its end', async () => {
    const run = await typed(['call', `${server.origin}/orders`, '-d', '@-'], 'a=b')
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain("The client's secret is missing. Set EVERTOKEN_CLIENT_SECRET")
  })
})
