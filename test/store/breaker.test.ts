import { describe, expect, it } from 'vitest'
import { Breaker } from '../../src/store/breaker.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function broken(): { breaker: Breaker; clock: VirtualClock } {
  const clock = new VirtualClock()
  const breaker = new Breaker(clock)
  for (let i = 0; i < 5; i++) breaker.failed()
  return { breaker, clock }
}

describe('the breaker', () => {
  it('lets calls through until five have failed in a row', () => {
    const breaker = new Breaker(new VirtualClock())
    for (let i = 0; i < 4; i++) expect(breaker.failed()).toBe(false)
    expect(breaker.succeeded()).toBe(false)
    for (let i = 0; i < 4; i++) expect(breaker.failed()).toBe(false)
    expect(breaker.admits()).toBe(true)
    expect(breaker.failed()).toBe(true)
    expect(breaker.admits()).toBe(false)
  })

  it('lets one call through after ten seconds, and the others after it succeeded', async () => {
    const { breaker, clock } = broken()
    await clock.advance(9_999)
    expect(breaker.admits()).toBe(false)
    await clock.advance(1)
    expect([breaker.admits(), breaker.admits(), breaker.admits()]).toEqual([true, false, false])
    expect(breaker.succeeded()).toBe(true)
    expect([breaker.admits(), breaker.admits()]).toEqual([true, true])
  })

  it('lets nothing but that call through until it is known what came of it, however long that takes', async () => {
    const { breaker, clock } = broken()
    await clock.advance(10_000)
    expect(breaker.admits()).toBe(true)
    await clock.advance(60_000)
    expect(breaker.admits()).toBe(false)
    expect(breaker.isFailing).toBe(true)
    breaker.succeeded()
    expect(breaker.isFailing).toBe(false)
    for (let i = 0; i < 5; i++) breaker.failed()
    await clock.advance(10_000)
    expect(breaker.admits()).toBe(true)
  })

  it('says after one failure that calls fail, and after five that none are made', () => {
    const breaker = new Breaker(new VirtualClock())
    expect([breaker.isFailing, breaker.isOpen]).toEqual([false, false])
    breaker.failed()
    expect([breaker.isFailing, breaker.isOpen]).toEqual([true, false])
  })

  it('waits ten seconds more when that call fails', async () => {
    const { breaker, clock } = broken()
    await clock.advance(10_000)
    expect(breaker.admits()).toBe(true)
    expect(breaker.failed()).toBe(false)
    await clock.advance(9_999)
    expect(breaker.admits()).toBe(false)
    await clock.advance(1)
    expect(breaker.admits()).toBe(true)
  })

  it('does not mind a wall clock that is set', () => {
    const { breaker, clock } = broken()
    clock.moveWall(3_600_000)
    expect(breaker.admits()).toBe(false)
  })
})
