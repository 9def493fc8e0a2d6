import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** What a run of the command did. */
export interface CommandRun {
  readonly exitCode: number | null
  readonly stdout: string
  /** Without the lines of progress, which depend on how busy the machine is. */
  readonly stderr: string
  /** What it said to wait for. */
  readonly progress: readonly string[]
}

const PROGRESS = /^.* …\n/gm

// It starts three times as fast when its sources are compiled only once, which blurs what was covered.
const COMPILED = join(tmpdir(), `evertoken-test-compiled-${process.getuid?.() ?? ''}`)
/** With what the command starts fast, in a process of a test's own making. */
export const FAST_START: Readonly<Record<string, string>> =
  process.env.NODE_V8_COVERAGE === undefined ? { NODE_COMPILE_CACHE: COMPILED } : {}
/** The file of the command. */
export const MAIN: string = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs the command in a process of its own, with nothing in its environment but this. `stdoutOf` reads what it prints. */
export async function evertoken(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
  stdoutOf: (stream: Readable) => Promise<string> = text,
): Promise<CommandRun> {
  // The flag is for Node before 22.18.
  return await run(process.execPath, ['--experimental-strip-types', MAIN, ...args], environment, input, stdoutOf)
}

/** Runs a shell that knows Node as `$0` and the command's file as `$1`. */
export async function inShell(command: string, environment: Readonly<Record<string, string>>): Promise<CommandRun> {
  return await run('/bin/sh', ['-c', command, process.execPath, MAIN], environment, '', text)
}

async function run(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input: string,
  stdoutOf: (stream: Readable) => Promise<string>,
): Promise<CommandRun> {
  const { PATH = '' } = process.env
  const child = spawn(file, args, {
    env: { PATH, NODE_NO_WARNINGS: '1', NO_COLOR: '1', ...FAST_START, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [exitCode, stdout, said] = await Promise.all([exited, stdoutOf(child.stdout), text(child.stderr)])
  return { exitCode, stdout, stderr: said.replace(PROGRESS, ''), progress: said.match(PROGRESS) ?? [] }
}
