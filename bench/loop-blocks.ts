import { existsSync, openSync, readSync } from 'node:fs'
import { PerformanceObserver } from 'node:perf_hooks'

/** The longest turns of the event loop, in milliseconds; what others did on its core meanwhile does not count. */
export interface LoopBlocks {
  /** But for pauses of the garbage collector. */
  readonly work: number
  /** All of it. */
  readonly all: number
}

interface Turn {
  readonly start: number
  readonly end: number
  readonly ms: number
}

const SHORT_MS = 0.2

/** How long the event loop was held up at most while something ran. */
export async function longestBlocks(run: () => Promise<unknown>): Promise<LoopBlocks> {
  const turns: Turn[] = []
  const pauses: { readonly startTime: number; readonly duration: number }[] = []
  const observer = new PerformanceObserver((list) => pauses.push(...list.getEntries()))
  observer.observe({ entryTypes: ['gc'] })
  let isOver = false
  let start = performance.now()
  let waited = waitedForCoreMs()
  let usage = process.cpuUsage()
  const turn = () => {
    const end = performance.now()
    const now = waitedForCoreMs()
    const used = process.cpuUsage()
    // The CPU time alone would have the threads in it that help.
    const cpuMs = (used.user + used.system - usage.user - usage.system) / 1000
    const ms = Math.min(end - start - (now - waited), cpuMs)
    if (ms > SHORT_MS) turns.push({ start, end, ms })
    start = end
    waited = now
    usage = used
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await run()
  isOver = true
  // Pauses are told of in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 20))
  observer.disconnect()
  const workOf = ({ start, end, ms }: Turn) => {
    const inside = pauses.filter(({ startTime }) => startTime >= start && startTime < end)
    return ms - inside.reduce((sum, { duration }) => sum + duration, 0)
  }
  return { work: Math.max(0, ...turns.map(workOf)), all: Math.max(0, ...turns.map(({ ms }) => ms)) }
}

const STATISTICS = '/proc/thread-self/schedstat'
const statistics = existsSync(STATISTICS) ? openSync(STATISTICS, 'r') : undefined
const text = Buffer.alloc(64)

// How long this thread could have run and had no core, where Linux tells.
function waitedForCoreMs(): number {
  if (statistics === undefined) return 0
  const length = readSync(statistics, text, 0, text.length, 0)
  return Number(text.toString('latin1', 0, length).split(' ')[1]) / 1e6
}
