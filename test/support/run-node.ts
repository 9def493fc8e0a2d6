import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** What a Node process did. */
export interface NodeRun {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a module in a process of its own, for what concerns the whole process: exit, environment, what gets loaded.
 * @param source resolves imports from the project's folder; `argument` arrives as JSON in `process.argv[1]`
 */
export async function runNode(
  source: string,
  argument: unknown,
  environment: Record<string, string> = {},
): Promise<NodeRun> {
  const { PATH = '' } = process.env
  // The flag is for Node before 22.18.
  const flags = ['--experimental-strip-types', '--input-type=module']
  const child = spawn(process.execPath, [...flags, '-e', source, JSON.stringify(argument)], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { PATH, NODE_NO_WARNINGS: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [exitCode, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
  return { exitCode, stdout, stderr }
}
