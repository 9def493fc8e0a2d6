import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Comparison, type Figure, FLOOR_AGAIN, type Pace, spreadOf, type Variant, type Work } from './harness.ts'

/** CPU and wall time per operation, in microseconds. */
export interface Cost {
  readonly cpu: number
  readonly wall: number
}

/** A variant that can be given a turn, in this process or in its own. */
interface Runner {
  warmUp(pace: Pace): Promise<void>
  /** Runs for about this long. */
  turn(sliceMs: number): Promise<Cost>
  close(): Promise<unknown>
}

/** What a process of its own is told to do. @see member.ts */
export type Order = { readonly warmUp: Pace } | { readonly turn: number }

/** Measures all variants of a row side by side, and the floor twice: smaller differences than between these mean nothing. */
export async function compare(file: string, row: Comparison, pace: Pace): Promise<Figure[]> {
  const [floor, ...others] = row.variants as [Variant, ...Variant[]]
  const variants = [floor, { ...floor, name: FLOOR_AGAIN }, ...others]
  const surroundings = await row.surroundings?.()
  const given = surroundings?.given ?? {}
  const costs: Cost[][] = variants.map(() => [])
  const generations = row.apart ? pace.generations : 1
  try {
    for (let generation = 0; generation < generations; generation += 1) {
      const runners = await Promise.all(
        variants.map(async (variant, i) =>
          row.apart
            ? ProcessRunner.start([file, row.name, String(Math.max(0, i - 1)), JSON.stringify(given)])
            : new WorkRunner(await variant.prepare(given)),
        ),
      )
      // In one process they would count each other's time.
      if (row.apart) await Promise.all(runners.map((runner) => runner.warmUp(pace)))
      else for (const runner of runners) await runner.warmUp(pace)
      const end = performance.now() + pace.rowMs / generations
      const isDone = (round: number) => round >= pace.rounds / generations || (round >= 3 && performance.now() > end)
      for (let round = 0; !isDone(round); round += 1) {
        for (const i of shuffled(runners.length)) {
          costs[i]?.push(await (runners[i] as Runner).turn(pace.sliceMs))
        }
      }
      for (const runner of runners) await runner.close()
    }
  } finally {
    await surroundings?.close()
  }
  const [first = [], again = []] = costs
  // To the mean of both floors, but for the second of them.
  const floorOf = (i: number, round: number, of: keyof Cost): number => {
    const [one, other] = [first[round], (i < 2 ? first : again)[round]]
    return one === undefined || other === undefined ? Number.NaN : (one[of] + other[of]) / 2
  }
  return variants.map(({ name, role, bound }, i) => {
    const own = costs[i] ?? []
    const ratios = (of: keyof Cost) => spreadOf(own.map((cost, round) => cost[of] / floorOf(i, round, of)))
    return {
      ...{ name, role, unit: 'x', value: ratios('cpu'), wall: ratios('wall') },
      microseconds: spreadOf(own.map(({ cpu }) => cpu)).median,
      ...(bound !== undefined && { bound }),
    }
  })
}

/** Measures work in this process. */
export class WorkRunner implements Runner {
  readonly #work: Work
  #perTurn: number

  constructor(work: Work) {
    this.#work = work
    this.#perTurn = this.#least
  }

  async warmUp({ warmUpMs, warmUpTimes, sliceMs }: Pace): Promise<void> {
    let [spentMs, times] = [0, 0]
    while (spentMs < warmUpMs || (times < warmUpTimes && spentMs < 10 * warmUpMs)) {
      const { cpu } = await this.turn(sliceMs)
      spentMs += (cpu * this.#perTurn) / 1000
      times += this.#perTurn
      // By little and little: code that is not compiled yet says nothing of how much fits into a slice.
      this.#perTurn = Math.max(
        this.#least,
        Math.min(this.#perTurn * 2, Math.round((sliceMs * 1000) / Math.max(cpu, 1e-4))),
      )
    }
  }

  get #least(): number {
    return this.#work.least ?? 1
  }

  async turn(): Promise<Cost>
  async turn(sliceMs: number): Promise<Cost>
  async turn(): Promise<Cost> {
    const times = this.#perTurn
    const before = process.cpuUsage()
    const start = process.hrtime.bigint()
    const done = this.#work.run(times)
    if (done !== undefined) await done
    const wallNs = Number(process.hrtime.bigint() - start)
    const { user, system } = process.cpuUsage(before)
    return { cpu: (user + system) / times, wall: wallNs / 1000 / times }
  }

  async close(): Promise<unknown> {
    return await this.#work.close?.()
  }
}

/** Has work measured in a process of its own. */
class ProcessRunner implements Runner {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(what: readonly string[]): Promise<ProcessRunner> {
    const child = fork(fileURLToPath(new URL('member.ts', import.meta.url)), what, { execArgv: ['--expose-gc'] })
    const runner = new ProcessRunner(child)
    await runner.#answer()
    return runner
  }

  async warmUp(pace: Pace): Promise<void> {
    await this.#tell({ warmUp: pace })
  }

  async turn(sliceMs: number): Promise<Cost> {
    return (await this.#tell({ turn: sliceMs })) as Cost
  }

  async close(): Promise<unknown> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    return await exited
  }

  async #tell(order: Order): Promise<unknown> {
    this.#child.send(order)
    return await this.#answer()
  }

  async #answer(): Promise<unknown> {
    const ended = new AbortController()
    const exit = once(this.#child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`A variant's process ended with ${code}.`)
    })
    exit.catch(() => {})
    const message = once(this.#child, 'message', { signal: ended.signal })
    try {
      const [answer] = (await Promise.race([message, exit])) as [unknown]
      return answer
    } finally {
      ended.abort()
      message.catch(() => {})
    }
  }
}

function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  return order
}
