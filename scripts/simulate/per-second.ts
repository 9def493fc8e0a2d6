import type { Random } from './random.ts'

/** How often something happened in each second. */
export class PerSecond {
  readonly #counts: number[] = []
  readonly #expected: number[] = []

  count(atMs: number, times = 1): void {
    const second = Math.floor(atMs / 1000)
    this.#counts[second] = (this.#counts[second] ?? 0) + times
  }

  /** Adds what happens without memory, at `perMs`, between two instants; {@link PerSecond.draw} makes counts of it. */
  expect(fromMs: number, toMs: number, perMs: number): void {
    for (let at = fromMs; at < toMs; at = (Math.floor(at / 1000) + 1) * 1000) {
      const second = Math.floor(at / 1000)
      const ms = Math.min(toMs, (second + 1) * 1000) - at
      this.#expected[second] = (this.#expected[second] ?? 0) + ms * perMs
    }
  }

  /** Draws how often that happened which was only expected: sums of what has no memory have none either. @returns the sum */
  draw(random: Random): number {
    let sum = 0
    this.#expected.forEach((mean, second) => {
      const times = random.poisson(mean)
      this.count(second * 1000, times)
      sum += times
    })
    this.#expected.length = 0
    return sum
  }

  sum(fromMs = 0, toMs = Number.POSITIVE_INFINITY): number {
    return this.#within(fromMs, toMs).reduce((sum, times) => sum + times, 0)
  }

  /** The most in any one second. */
  peak(fromMs = 0, toMs = Number.POSITIVE_INFINITY): number {
    return this.#within(fromMs, toMs).reduce((most, times) => Math.max(most, times), 0)
  }

  #within(fromMs: number, toMs: number): number[] {
    return this.#counts.slice(Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)).filter((times) => times > 0)
  }
}
