import { describe, expect, it } from 'vitest'
import { KeepWarm } from '../src/keep-warm.ts'
import type { TokenSource } from '../src/token-source.ts'
import { managed } from './support/managed.ts'
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
    context: () => ({
      gate: { refreshes: { add: (due: { refreshInBackground(): void }) => due.refreshInBackground() } },
    }),
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
    expect(clock.slept.map(([ms]) => ms)).toEqual([HOUR, HOUR, 1, 1000, HOUR])
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

  it('are refreshed in time also where they come later than others and live shorter', async () => {
    const { clock, sources, keepWarm } = warmed((clock) => source(clock, HOUR))
    keepWarm.start()
    await clock.advance(60_000)
    sources.push(source(clock, 30_000))
    keepWarm.start()
    await clock.advance(60_000)
    expect(sources[1]?.refreshed).toEqual([90_000, 120_000])
  })

  it('are looked at a few at a time, fewer where they are due, so that others get their turns', async () => {
    const many = (everyMs: number) =>
      Array.from({ length: 1000 }, () => (clock: VirtualClock) => source(clock, everyMs))
    const { clock, sources, keepWarm } = warmed(...many(30_000), ...many(HOUR))
    const inOneGo: [looks: number, refreshes: number][] = [[0, 0]]
    for (const one of sources) {
      const { dueInMs, refreshInBackground } = one
      const now = () => inOneGo[inOneGo.length - 1] as [number, number]
      one.dueInMs = () => {
        now()[0] += 1
        return dueInMs()
      }
      one.refreshInBackground = () => {
        now()[1] += 1
        refreshInBackground()
      }
    }
    const { sleep } = clock
    clock.sleep = (...how) => {
      inOneGo.push([0, 0])
      return sleep.apply(clock, how)
    }
    keepWarm.start()
    // Each time is five turns.
    for (let time = 0; time < 100; time += 1) await clock.advance(time === 50 ? 30_000 : 0)
    expect(sources.map(({ refreshed }) => refreshed.length)).toEqual(sources.map((_, i) => (i < 1000 ? 1 : 0)))
    expect(Math.max(...inOneGo.map(([looks]) => looks))).toBe(500)
    expect(Math.max(...inOneGo.map(([, refreshes]) => refreshes))).toBe(10)
  })

  it('are looked at together where many fall due one after another: no more than 25 in a millisecond', async () => {
    const many = Array.from({ length: 1000 }, (_, key) => (clock: VirtualClock) => source(clock, 30_000 + key))
    const { clock, sources, keepWarm, looks } = warmed(...many)
    keepWarm.start()
    await clock.advance(30_000)
    for (let ms = 0; ms < 1200; ms += 10) await clock.advance(10)
    expect(sources.every(({ refreshed }) => refreshed.length === 1)).toBe(true)
    expect(looks()).toBeLessThanOrEqual(2 + 1200 / 40)
  })

  it('may come while others are looked at that are never due', async () => {
    const never = Array.from({ length: 1000 }, () => (clock: VirtualClock) => source(clock, Infinity))
    const { clock, sources, keepWarm } = warmed(...never)
    keepWarm.start()
    sources.unshift(source(clock, 30_000))
    keepWarm.start()
    await clock.advance(31_000)
    expect(sources[0]?.refreshed).toHaveLength(1)
  })

  it('are looked at together where many come one after another: no more than 25 in a millisecond', async () => {
    const many = Array.from({ length: 1000 }, () => (clock: VirtualClock) => source(clock, HOUR))
    const { clock, keepWarm, looks } = warmed(...many)
    keepWarm.start()
    for (let ms = 0; ms < 400; ms += 1) {
      await clock.advance(1)
      keepWarm.start()
    }
    expect(looks()).toBe(400 / 40)
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

describe('a token that is kept warm', () => {
  it.each([20, 60])('is refreshed in time while callers always wait for %d others', async (callers) => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    server.byDefault = { afterMs: 60_000 / callers, body: { ...server.token(), expires_in: 60 } }
    const handle = tokens.source()
    const begun = handle.getToken()
    await clock.advance(5000)
    await begun
    let isOver = false
    let scopes = 0
    const ask = async () => {
      while (!isOver) await tokens.getToken({ scope: `stock.${scopes++}` })
    }
    const asking = Array.from({ length: callers }, ask)
    for (let second = 0; second < 120; second += 1) {
      await clock.advance(1000)
      expect(handle.peek()).toBeDefined()
    }
    isOver = true
    await clock.advance(60_000)
    await Promise.all(asking)
  })
})

describe('handles that are kept warm and fall due together, more than may wait for their turn', () => {
  it('are all refreshed, 16 at once, and a caller does not wait for them', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    const handles = Array.from({ length: 1500 }, (_, key) => tokens.source({ scope: `stock.${key}` }))
    for (const handle of handles) await handle.getToken()
    const before = handles.map((handle) => handle.peek())
    const begun = server.requests.length
    server.byDefault = { afterMs: 100 }
    while (server.requests.length === begun) await clock.advance(60_000)
    await clock.advance(1000)
    const isServed = tokens.getToken({ scope: 'orders.read' }).then(() => true)
    await clock.advance(100)
    expect(await Promise.race([isServed, false])).toBe(true)
    await clock.advance(10_000)
    expect(handles.filter((handle, key) => handle.peek() === before[key])).toEqual([])
    expect(server.requests).toHaveLength(begun + 1500 + 1)
    const arrivals = Map.groupBy(server.requests.slice(begun), ({ at }) => Math.floor(at / 100))
    expect(Math.max(...[...arrivals.values()].map((requests) => requests.length))).toBeLessThanOrEqual(16 + 1)
  })
})
