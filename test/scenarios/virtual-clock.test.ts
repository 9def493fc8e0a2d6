import { VirtualClock } from 'evertoken/testing'
import { describe, expect, it } from 'vitest'

describe('VirtualClock', () => {
  it('wakes sleepers in the order of their times, each at its own, and what they begin before time moves on', async () => {
    const clock = new VirtualClock({ start: 0 })
    const woken: [string, number][] = []
    const sleepTwice = async (name: string, first: number, second: number) => {
      await clock.sleep(first)
      woken.push([name, clock.now()])
      await clock.sleep(second)
      woken.push([name, clock.now()])
    }
    void sleepTwice('a', 30, 30)
    void sleepTwice('b', 10, 10)
    await clock.advance(50)
    expect(woken).toEqual([
      ['b', 10],
      ['b', 20],
      ['a', 30],
    ])
    expect(clock.pendingSleeps).toBe(1)
    await clock.advance(10)
    expect(woken).toHaveLength(4)
    expect(clock.pendingSleeps).toBe(0)
  })

  it('moves both clocks by advance, and the wall clock alone when it is set or the machine sleeps', async () => {
    const clock = new VirtualClock()
    const [wall, monotonic] = [clock.now(), clock.monotonicNow()]
    expect(wall).toBe(Date.UTC(2026, 0, 1))
    let woken = false
    void clock.sleep(1000).then(() => {
      woken = true
    })
    clock.moveWall(-3_600_000)
    clock.suspend(7_200_000)
    await clock.advance(999)
    expect([clock.now() - wall, clock.monotonicNow() - monotonic, woken]).toEqual([3_600_999, 999, false])
    await clock.advance(1)
    expect(woken).toBe(true)
  })

  it('ends a sleep when its signal aborts, with the reason, and leaves nothing behind', async () => {
    const clock = new VirtualClock()
    const leave = new AbortController()
    const sleep = clock.sleep(1000, leave.signal)
    leave.abort('gone')
    await expect(sleep).rejects.toBe('gone')
    await expect(clock.sleep(1000, leave.signal)).rejects.toBe('gone')
    expect(clock.pendingSleeps).toBe(0)
  })

  it.each([0, -1])('resolves a sleep of %d ms without time passing', async (ms) => {
    const clock = new VirtualClock()
    const before = clock.now()
    await clock.sleep(ms)
    expect(clock.now()).toBe(before)
  })

  it('refuses a sleep that a mistake made NaN', () => {
    expect(() => new VirtualClock().sleep(Number.NaN)).toThrow(RangeError)
  })

  it('draws what it is told to', () => {
    expect(new VirtualClock().random()).toBe(0.5)
    expect(new VirtualClock({ random: () => 0.9 }).random()).toBe(0.9)
  })
})
