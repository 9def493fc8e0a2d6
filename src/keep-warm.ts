import type { Clock } from './clock.ts'
import { runDetached } from './token-request.ts'
import type { TokenSource } from './token-source.ts'

const LONGEST_SLEEP_MS = 60 * 60 * 1000
const SHORTEST_SLEEP_MS = 1000

// Of 100,000 tokens: some tenths of a millisecond at a time, and one look at all in four seconds.
const EFFORT_AT_ONCE = 500
const EFFORT_OF_REFRESH = 50
const LOOKS_PER_MS = 25

/**
 * Refreshes the tokens of clients with `keepWarm` without traffic, from one timer for all keys, which does not keep
 * the process alive. Nothing depends on it: a token whose refresh it missed is refreshed by the next call.
 */
export class KeepWarm {
  readonly #clock: Clock
  readonly #sources: () => Iterable<TokenSource>
  readonly #stop = new AbortController()
  #news = new AbortController()
  #running = false

  /** @param sources those to look after, asked at every round; some may come and go while they are looked at */
  constructor(clock: Clock, sources: () => Iterable<TokenSource>) {
    this.#clock = clock
    this.#sources = sources
  }

  /** There is a new token: begins, or looks again, because it may be due before all others. */
  start(): void {
    this.#news.abort('news')
    if (this.#running || this.#stop.signal.aborted) return
    this.#running = true
    void runDetached(() => this.#run()).catch(() => {})
  }

  stop(): void {
    this.#stop.abort('stopped')
    this.#news.abort('stopped')
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#news = new AbortController()
      const { signal } = this.#news
      const { nextMs, restMs } = await this.#look()
      if (nextMs === undefined && !signal.aborted) break
      const sleepMs = Math.min(Math.max(nextMs ?? 0, restMs), LONGEST_SLEEP_MS)
      // Many tokens may come at a time: they are looked at together.
      await this.#sleep(sleepMs, signal).catch(() => this.#sleep(restMs))
    }
    this.#running = false
  }

  // Has refreshed what is due. Little at a time, for others want their turn.
  async #look(): Promise<{ readonly nextMs: number | undefined; readonly restMs: number }> {
    let nextMs: number | undefined
    let looks = 0
    let effort = 0
    for (const source of this.#sources()) {
      const dueInMs = source.dueInMs()
      if (dueInMs === 0) source.context().gate.refreshes.add(source)
      // What is due already is held back by a pause, in line, or on its way: look again soon.
      const lookInMs = dueInMs === 0 ? SHORTEST_SLEEP_MS : dueInMs
      if (lookInMs !== undefined && (nextMs === undefined || lookInMs < nextMs)) nextMs = lookInMs
      looks += 1
      effort += dueInMs === 0 ? EFFORT_OF_REFRESH : 1
      if (effort < EFFORT_AT_ONCE) continue
      effort = 0
      await this.#sleep(0)
    }
    return { nextMs, restMs: looks / LOOKS_PER_MS }
  }

  #sleep(ms: number, signal: AbortSignal = this.#stop.signal): Promise<void> {
    // In whole milliseconds: of a sum of large and very small numbers nothing may be left, and no time would pass.
    return this.#clock.sleep(Math.ceil(ms), signal, { ref: false })
  }
}
