import { readFile, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, createPrivateFile } from './private-files.ts'

// What is done under a lock takes a few milliseconds.
const ABANDONED_MS = 5000
const LONGEST_WAIT_MS = 20_000

/**
 * Does something while no other process does it that uses the same lock file. A lock whose holder is gone from this
 * machine, or that was made more than 5 seconds ago, is taken away; also one of the future, which a clock made that has
 * been set back since.
 * @throws Error when it cannot be had for 20 seconds
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  longestWaitMs: number = LONGEST_WAIT_MS,
): Promise<T> {
  const mine = `${process.pid} ${crypto.randomUUID()} ${hostname()}`
  const until = Date.now() + longestWaitMs
  while (!(await createPrivateFile(path, mine))) {
    const wasAbandoned = await removeAbandoned(path)
    if (!wasAbandoned && Date.now() > until) throw new Error(`The lock ${path} is not given up.`)
    await sleep(1 + Math.random() * 10)
  }
  try {
    return await work()
  } finally {
    // It may have been taken away meanwhile.
    if ((await read(path)) === mine) await rm(path, { force: true })
  }
}

async function removeAbandoned(path: string): Promise<boolean> {
  const held = await read(path)
  if (held === undefined || !(await isAbandoned(path, held))) return false
  const aside = `${path}.${crypto.randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true
    throw error
  }
  // Another process was quicker, and this is its new lock.
  const taken = await read(aside)
  if (taken !== held && taken !== undefined) await createPrivateFile(path, taken)
  await rm(aside, { force: true })
  return true
}

async function isAbandoned(path: string, held: string): Promise<boolean> {
  const [pid, , ...host] = held.split(' ')
  // Another machine or container that has the same folder counts its processes by itself.
  if (host.join(' ') === hostname() && !isRunning(Number(pid))) return true
  try {
    return Math.abs(Date.now() - (await stat(path)).mtimeMs) > ABANDONED_MS
  } catch {
    return false
  }
}

function isRunning(pid: number): boolean {
  try {
    return Number.isInteger(pid) && process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}
