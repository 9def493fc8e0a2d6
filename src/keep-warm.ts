import type { Clock } from './clock.ts'
import { runDetached } from './token-request.ts'
import type { TokenSource } from './token-source.ts'

const LONGEST_SLEEP_MS = 60 * 60 * 1000
const SHORTEST_SLEEP_MS = 1000

/**
 * Refreshes the tokens of clients with `keepWarm` without traffic, from one timer for all keys, which does not keep
 * the process alive. Nothing depends on it: a token whose refresh it missed is refreshed by the next call.
 */
export class KeepWarm {
  readonly #clock: Clock
  readonly #sources: () => Iterable<TokenSource>
  readonly #stop = new AbortController()
  #running = false

  /** @param sources those to look after, asked at every round */
  constructor(clock: Clock, sources: () => Iterable<TokenSource>) {
    this.#clock = clock
    this.#sources = sources
  }

  /** Begins, unless it is running already. */
  start(): void {
    if (this.#running || this.#stop.signal.aborted) return
    this.#running = true
    void runDetached(() => this.#run()).catch(() => {})
  }

  stop(): void {
    this.#stop.abort()
  }

  async #run(): Promise<void> {
    for (let sleepMs = this.#nextDueMs(); sleepMs !== undefined; sleepMs = this.#nextDueMs()) {
      // What is due already is held back by a pause or is on its way: look again soon.
      // In whole milliseconds: of a sum of large and very small numbers nothing may be left, and no time would pass.
      const ms = sleepMs === 0 ? SHORTEST_SLEEP_MS : Math.min(Math.ceil(sleepMs), LONGEST_SLEEP_MS)
      await this.#clock.sleep(ms, this.#stop.signal, { ref: false })
      for (const source of this.#sources()) if (source.dueInMs() === 0) source.refreshInBackground()
    }
    this.#running = false
  }

  #nextDueMs(): number | undefined {
    let next: number | undefined
    for (const source of this.#sources()) {
      const dueInMs = source.dueInMs()
      if (dueInMs !== undefined && (next === undefined || dueInMs < next)) next = dueInMs
    }
    return next
  }
}
