import { describe, expect, it } from 'vitest'
import { type DueRefresh, RefreshLine } from '../src/refresh-line.ts'
import { fc } from './support/fast-check.ts'

/** A line of which two may be under way, and refreshes that write down when they begin and end when they are told to. */
function lined() {
  const line = new RefreshLine(2)
  const begun: string[] = []
  const ends = new Map<string, (how: 'well' | 'badly') => Promise<void>>()
  const refresh = (name: string, isSent = true): DueRefresh & { dueMs: number | undefined } => ({
    dueMs: 0,
    dueInMs() {
      return this.dueMs
    },
    refreshInBackground() {
      begun.push(name)
      if (!isSent) return undefined
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      ends.set(name, async (how) => {
        ends.delete(name)
        if (how === 'well') resolve(name)
        else reject(new Error(name))
        await promise.catch(() => {})
      })
      return { promise }
    },
  })
  const end = async (name: string, how: 'well' | 'badly' = 'well') => await ends.get(name)?.(how)
  return { line, begun, refresh, end, underWay: () => [...ends.keys()] }
}

describe('refreshes that nobody waits for', () => {
  it('begin at once while there is room, then one for each that ends, well or not, in their order', async () => {
    const { line, begun, refresh, end, underWay } = lined()
    for (const name of 'abcde') line.add(refresh(name))
    expect(begun).toEqual(['a', 'b'])
    await end('b', 'badly')
    line.add(refresh('f'))
    expect(begun).toEqual(['a', 'b', 'c'])
    for (const [over, next] of ['ad', 'ce', 'df']) {
      await end(over as string)
      expect(begun.at(-1)).toBe(next)
    }
    for (const last of 'ef') await end(last)
    expect([underWay(), begun.length]).toEqual([[], 6])
  })

  it('are in line once, and may come again after their turn', async () => {
    const { line, begun, refresh, end } = lined()
    const c = refresh('c')
    for (const each of [refresh('a'), refresh('b'), c, c]) line.add(each)
    await end('a')
    await end('b')
    expect(begun).toEqual(['a', 'b', 'c'])
    line.add(c)
    expect(begun).toEqual(['a', 'b', 'c', 'c'])
  })

  it('are passed by when they are not due any more', async () => {
    const { line, begun, refresh, end } = lined()
    const waiting = ['c', 'd', 'e'].map((name) => refresh(name))
    for (const each of [refresh('a'), refresh('b'), ...waiting]) line.add(each)
    for (const [i, dueMs] of [5, undefined].entries()) Object.assign(waiting[i] as object, { dueMs })
    for (const ended of 'ab') await end(ended)
    expect(begun).toEqual(['a', 'b'])
    line.add(refresh('f'))
    expect(begun).toEqual(['a', 'b', 'e'])
  })

  it('of which none can begin are tried one at a time, and not all in one go', async () => {
    const { line, begun, refresh, end } = lined()
    for (const name of 'ab') line.add(refresh(name))
    for (const name of 'cdef') line.add(refresh(name, false))
    await end('a')
    expect(begun).toEqual(['a', 'b', 'c'])
  })

  it('take their turns in the order in which they came, two at once, however often the line is empty', async () => {
    const step = fc.oneof(fc.nat(9).map(String), fc.constantFrom('first ends', 'last ends'))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { line, begun, refresh, end, underWay } = lined()
        const known = new Map(Array.from({ length: 10 }, (_, name) => [String(name), refresh(String(name))]))
        const came: string[] = []
        for (const next of steps) {
          const due = known.get(next)
          if (due === undefined) await end(underWay().at(next === 'first ends' ? 0 : -1) ?? 'none')
          else if (!underWay().includes(next)) {
            if (!came.slice(begun.length).includes(next)) came.push(next)
            line.add(due)
          }
          expect(begun).toEqual(came.slice(0, begun.length))
          expect(underWay().length).toBe(Math.min(2, underWay().length + came.length - begun.length))
        }
      }),
      { numRuns: 300 },
    )
  })
})
