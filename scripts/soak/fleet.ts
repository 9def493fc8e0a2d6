import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestCertificate } from '../../src/testing/index.ts'
import type { Span } from './timeline.ts'
import type { FromWorker, ToWorker, WorkerReport, WorkerStart } from './worker-messages.ts'

/** What its workers tell the fleet's owner. */
export interface FleetListener {
  onReport(worker: number, report: WorkerReport): void
  onStall(stall: Span): void
  onTrouble(worker: number, what: string): void
  /** Whatever a worker printed. */
  onOutput(text: string): void
}

// How long a worker may take for its last requests, and then to exit.
const LAST_REQUESTS_MS = 60_000
const EXIT_MS = 30_000

/** A worker process. */
export class SoakedWorker {
  readonly id: number
  readonly place: number
  /** When it sent its first request. */
  readyAt: number | undefined
  /** Resolves when it is ready, or has ended before. */
  readonly ready: Promise<void>
  endedAt: number | undefined
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  #wasKilled = false

  constructor(start: WorkerStart, place: number, listener: FleetListener) {
    this.id = start.id
    this.place = place
    this.#child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), {
      execArgv: ['--expose-gc', '--experimental-strip-types', '--no-warnings'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => listener.onOutput(text))
    const { promise, resolve: markReady } = Promise.withResolvers<void>()
    this.ready = promise
    this.#child.on('message', (message: FromWorker) => {
      if ('report' in message) listener.onReport(this.id, message.report)
      else if ('stall' in message) listener.onStall(message.stall)
      else if ('unhandled' in message) listener.onTrouble(this.id, `unhandled: ${message.unhandled}`)
      else {
        this.readyAt = Date.now()
        markReady()
      }
    })
    this.ended = new Promise((resolve) =>
      this.#child.once('exit', (code, signal) => {
        this.endedAt = Date.now()
        if (!this.#wasKilled && code !== 0) listener.onTrouble(this.id, `ended with ${signal ?? code}`)
        markReady()
        resolve()
      }),
    )
    this.#say({ start })
  }

  jump(jumpMs: number): void {
    this.#say({ jumpMs })
  }

  renew(certificate: TestCertificate): void {
    this.#say({ certificate })
  }

  async kill(): Promise<void> {
    this.#wasKilled = true
    this.#child.kill('SIGKILL')
    await this.ended
  }

  /** Lets it end by itself. What it did not do in time, if anything. */
  async finish(): Promise<string | undefined> {
    const hasFinished = new Promise<void>((resolve) => this.#child.once('disconnect', resolve))
    this.#say({ finish: true })
    const late = (await isWithin(LAST_REQUESTS_MS, Promise.race([hasFinished, this.ended])))
      ? !(await isWithin(EXIT_MS, this.ended)) && 'did not end by itself: something was left open'
      : 'had requests that did not come to an end'
    if (late === false) return undefined
    await this.kill()
    return late
  }

  #say(message: ToWorker): void {
    // It may end just now; whoever waits for that will know.
    if (this.#child.connected) this.#child.send(message, () => {})
  }
}

async function isWithin(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const result = await Promise.race([work.then(() => true), tooLate])
  clearTimeout(timer)
  return result
}
