import { describe, expect, it } from 'vitest'
import { type DueRefresh, RefreshLine } from '../src/refresh-line.ts'

/** A line beside at most two requests, and refreshes that write down when they begin. */
function lined() {
  const line = new RefreshLine(2)
  const begun: string[] = []
  const refresh = (name: string, isSent = true): DueRefresh & { dueMs: number | undefined } => ({
    dueMs: 0,
    dueInMs() {
      return this.dueMs
    },
    refreshInBackground() {
      begun.push(name)
      if (isSent) line.enter()
    },
  })
  return { line, begun, refresh }
}

describe('refreshes that nobody waits for', () => {
  it('begin at once while there is room, then one for each request that ends, in their order', () => {
    const { line, begun, refresh } = lined()
    for (const name of 'abcde') line.add(refresh(name))
    expect(begun).toEqual(['a', 'b'])
    line.leave()
    line.add(refresh('f'))
    expect(begun).toEqual(['a', 'b', 'c'])
    for (const next of 'def') {
      line.leave()
      expect(begun.at(-1)).toBe(next)
    }
    line.leave()
    line.leave()
    expect([line.underWay, begun.length]).toEqual([0, 6])
  })

  it('let requests of callers go first', () => {
    const { line, begun, refresh } = lined()
    for (let request = 0; request < 3; request += 1) line.enter()
    line.add(refresh('a'))
    line.leave()
    expect(begun).toEqual([])
    line.leave()
    expect(begun).toEqual(['a'])
  })

  it('are in line once, and may come again after their turn', () => {
    const { line, begun, refresh } = lined()
    const c = refresh('c')
    for (const each of [refresh('a'), refresh('b'), c, c]) line.add(each)
    line.leave()
    line.leave()
    expect(begun).toEqual(['a', 'b', 'c'])
    line.add(c)
    expect(begun).toEqual(['a', 'b', 'c', 'c'])
  })

  it('are passed by when they are not due any more', () => {
    const { line, begun, refresh } = lined()
    const waiting = ['c', 'd', 'e'].map((name) => refresh(name))
    for (const each of [refresh('a'), refresh('b'), ...waiting]) line.add(each)
    for (const [i, dueMs] of [5, undefined].entries()) Object.assign(waiting[i] as object, { dueMs })
    for (let ended = 0; ended < 2; ended += 1) line.leave()
    expect(begun).toEqual(['a', 'b'])
    line.add(refresh('f'))
    expect(begun).toEqual(['a', 'b', 'e'])
  })

  it('of which none can begin are tried one at a time, and not all in one go', () => {
    const { line, begun, refresh } = lined()
    line.enter()
    line.enter()
    for (const name of 'abcd') line.add(refresh(name, false))
    line.leave()
    expect(begun).toEqual(['a'])
  })
})
