import { describe, expect, it } from 'vitest'
import { KeepWarm } from '../src/keep-warm.ts'
import type { TokenSource } from '../src/token-source.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const HOUR = 60 * 60 * 1000

/** A clock that writes down for how long it was slept. */
class SleepDiary extends VirtualClock {
  readonly slept: (readonly [ms: number, options: unknown])[] = []

  override sleep(ms: number, signal?: AbortSignal, options?: object): Promise<void> {
    this.slept.push([ms, options])
    return super.sleep(ms, signal)
  }
}

/** A token that is due again after `everyMs`; `Infinity` for one that is never due. */
function source(clock: VirtualClock, everyMs: number, answers = true) {
  let dueAt = clock.monotonicNow() + everyMs
  const refreshed: number[] = []
  return {
    refreshed,
    dueInMs: () => (everyMs === Infinity ? undefined : Math.max(0, dueAt - clock.monotonicNow())),
    refreshInBackground() {
      refreshed.push(clock.monotonicNow() - 1000)
      if (answers) dueAt = clock.monotonicNow() + everyMs
    },
  }
}

function warmed(...made: ((clock: VirtualClock) => ReturnType<typeof source>)[]) {
  const clock = new SleepDiary()
  const sources = made.map((make) => make(clock))
  let looks = 0
  const keepWarm = new KeepWarm(clock, () => {
    looks += 1
    return sources as unknown as TokenSource[]
  })
  return { clock, sources, keepWarm, looks: () => looks }
}

describe('tokens that are kept warm', () => {
  it('are refreshed when each is due, by one timer, and no other is', async () => {
    const { clock, sources, keepWarm } = warmed(
      (clock) => source(clock, 50_000),
      (clock) => source(clock, Infinity),
      (clock) => source(clock, 30_000),
      (clock) => source(clock, 40_000),
    )
    keepWarm.start()
    await clock.settle()
    expect(clock.pendingSleeps).toBe(1)
    await clock.advance(100_000)
    expect(clock.pendingSleeps).toBe(1)
    expect(sources.map(({ refreshed }) => refreshed)).toEqual([
      [50_000, 100_000],
      [],
      [30_000, 60_000, 90_000],
      [40_000, 80_000],
    ])
  })

  it('do not keep the process alive', async () => {
    const { clock, keepWarm } = warmed((clock) => source(clock, 30_000))
    keepWarm.start()
    await clock.settle()
    expect(clock.slept).toEqual([[30_000, { ref: false }]])
  })

  it('are looked at in whole milliseconds, in an hour at the latest', async () => {
    const { clock, keepWarm, sources } = warmed((clock) => source(clock, 2 * HOUR + 0.25))
    keepWarm.start()
    await clock.advance(3 * HOUR)
    expect(clock.slept.map(([ms]) => ms)).toEqual([HOUR, HOUR, 1, HOUR])
    expect(sources[0]?.refreshed).toEqual([2 * HOUR + 1])
  })

  it('are asked for once a second while a refresh is due and does not come', async () => {
    const { clock, keepWarm, sources } = warmed((clock) => source(clock, 10_000, false))
    keepWarm.start()
    await clock.advance(13_000)
    expect(sources[0]?.refreshed).toEqual([10_000, 11_000, 12_000, 13_000])
  })

  it('are looked after once, however often that is begun', async () => {
    const { clock, keepWarm } = warmed((clock) => source(clock, 30_000))
    for (let turn = 0; turn < 3; turn += 1) keepWarm.start()
    await clock.advance(15_000)
    keepWarm.start()
    await clock.settle()
    expect(clock.pendingSleeps).toBe(1)
  })

  it('may come when there are none: it begins anew', async () => {
    const { clock, sources, keepWarm } = warmed()
    keepWarm.start()
    await clock.settle()
    expect(clock.slept).toEqual([])
    sources.push(source(clock, 30_000))
    keepWarm.start()
    await clock.advance(30_000)
    expect(sources[0]?.refreshed).toEqual([30_000])
  })

  it('are left alone after the end, also if it is begun again', async () => {
    const { clock, sources, keepWarm, looks } = warmed((clock) => source(clock, 30_000))
    keepWarm.start()
    await clock.settle()
    keepWarm.stop()
    await clock.settle()
    expect(clock.pendingSleeps).toBe(0)
    keepWarm.start()
    await clock.advance(HOUR)
    expect(sources[0]?.refreshed).toEqual([])
    const other = warmed((clock) => source(clock, 30_000))
    other.keepWarm.stop()
    other.keepWarm.start()
    await other.clock.advance(HOUR)
    expect([looks(), other.looks()]).toEqual([1, 0])
  })
})
