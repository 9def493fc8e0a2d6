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
  readonly stderr: string
}

// It starts three times as fast when its sources are compiled only once, which blurs what was covered.
const COMPILED = join(tmpdir(), `evertoken-test-compiled-${process.getuid?.() ?? ''}`)
const FAST_START = process.env.NODE_V8_COVERAGE === undefined ? { NODE_COMPILE_CACHE: COMPILED } : {}
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs the command in a process of its own, with nothing in its environment but this. `stdoutOf` reads what it prints. */
export async function evertoken(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
  stdoutOf: (stream: Readable) => Promise<string> = text,
): Promise<CommandRun> {
  const { PATH = '' } = process.env
  // The flag is for Node before 22.18.
  const child = spawn(process.execPath, ['--experimental-strip-types', MAIN, ...args], {
    env: { PATH, NODE_NO_WARNINGS: '1', NO_COLOR: '1', ...FAST_START, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [exitCode, stdout, stderr] = await Promise.all([exited, stdoutOf(child.stdout), text(child.stderr)])
  return { exitCode, stdout, stderr }
}
