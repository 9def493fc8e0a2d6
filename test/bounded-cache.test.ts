import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { BoundedCache, type Cacheable } from '../src/bounded-cache.ts'
import { fc } from './support/fast-check.ts'

class Value implements Cacheable {
  readonly name: string
  isBusy = false

  constructor(name: string) {
    this.name = name
  }

  key(): string {
    return this.name
  }

  busy(): boolean {
    return this.isBusy
  }
}

const never = (): Value => expect.fail('a second value was made for a key')
const names = (cache: BoundedCache<Value>) => [...cache.values()].map(({ name }) => name).sort()

function fill(cache: BoundedCache<Value>, keys: readonly string[]): Value[] {
  return keys.map((key) => cache.getOrCreate(key, () => new Value(key)))
}

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Takes away what nobody has. */
async function collectGarbage(): Promise<void> {
  // References stay strong for the rest of the turn in which they were made or looked at.
  await turn()
  gc()
}

/** The same, and waits until all have been told whose business it is. */
async function collectAndTell(): Promise<void> {
  let isTold = false
  const registry = new FinalizationRegistry(() => {
    isTold = true
  })
  const dropOne = () => registry.register({}, undefined)
  dropOne()
  while (!isTold) await collectGarbage()
  await turn()
}

describe('BoundedCache', () => {
  it('makes the value of a key once, and finds it again', () => {
    const cache = new BoundedCache<Value>(2)
    expect(cache.get('a')).toBeUndefined()
    const [a] = fill(cache, ['a'])
    expect(cache.getOrCreate('a', never)).toBe(a)
    expect(cache.get('a')).toBe(a)
  })

  it('keeps the most recently used, by either way of asking', () => {
    const cache = new BoundedCache<Value>(3)
    fill(cache, ['a', 'b', 'c'])
    cache.get('a')
    cache.getOrCreate('b', never)
    fill(cache, ['d'])
    expect(names(cache)).toEqual(['a', 'b', 'd'])
    fill(cache, ['e'])
    expect(names(cache)).toEqual(['b', 'd', 'e'])
  })

  it('never holds more than its maximum of values that can go', () => {
    const cache = new BoundedCache<Value>(10)
    fill(
      cache,
      Array.from({ length: 1000 }, (_, index) => `key ${index}`),
    )
    expect(cache.values().size).toBe(10)
  })

  it('keeps what is pinned, without counting it', () => {
    const cache = new BoundedCache<Value>(2)
    const [pinned] = fill(cache, ['pinned']) as [Value]
    cache.pin(pinned)
    fill(cache, ['a', 'b'])
    expect(names(cache)).toEqual(['a', 'b', 'pinned'])
    fill(cache, ['c', 'd'])
    expect(names(cache)).toEqual(['c', 'd', 'pinned'])
    expect(cache.get('pinned')).toBe(pinned)
    expect(cache.getOrCreate('pinned', never)).toBe(pinned)
  })

  it('counts nothing that is pinned, though it is used while others are busy', () => {
    const cache = new BoundedCache<Value>(1)
    const [pinned, busy] = fill(cache, ['pinned', 'busy']) as [Value, Value]
    cache.pin(pinned)
    busy.isBusy = true
    fill(cache, ['a'])
    expect([cache.get('pinned'), cache.getOrCreate('pinned', never)]).toEqual([pinned, pinned])
    expect(names(cache)).toEqual(['a', 'busy', 'pinned'])
  })

  it('tells values from the pinned ones to those used last', () => {
    const cache = new BoundedCache<Value>(4)
    const [pinned] = fill(cache, ['a', 'b', 'pinned', 'c']).slice(2) as [Value]
    cache.pin(pinned)
    cache.get('a')
    expect([...cache.values()].map(({ name }) => name)).toEqual(['pinned', 'b', 'c', 'a'])
  })

  it('frees the place of what is pinned', () => {
    const cache = new BoundedCache<Value>(2)
    const [, pinned] = fill(cache, ['a', 'pinned']) as [Value, Value]
    cache.pin(pinned)
    fill(cache, ['b'])
    expect(names(cache)).toEqual(['a', 'b', 'pinned'])
  })

  it('keeps what is held by somebody findable, and gives it its place back', () => {
    const cache = new BoundedCache<Value>(2)
    const [held] = fill(cache, ['held']) as [Value]
    cache.hold(held)
    fill(cache, ['a', 'b', 'c'])
    expect(cache.get('held')).toBe(held)
    expect(names(cache)).toEqual(['b', 'c', 'held'])
    expect(cache.getOrCreate('held', never)).toBe(held)
    fill(cache, ['d'])
    expect(names(cache)).toEqual(['d', 'held'])
  })

  it('keeps what is busy until it is not, and then lets it go', () => {
    const cache = new BoundedCache<Value>(1)
    const [busy] = fill(cache, ['busy']) as [Value]
    busy.isBusy = true
    fill(cache, ['a', 'b', 'c', 'd'])
    expect(names(cache)).toEqual(['busy', 'd'])
    busy.isBusy = false
    fill(cache, ['e'])
    expect(names(cache)).toEqual(['e'])
    expect(fill(cache, ['busy'])[0]).not.toBe(busy)
  })

  it.each<[how: string, ask: (cache: BoundedCache<Value>) => Value | undefined]>([
    ['get', (cache) => cache.get('busy')],
    ['getOrCreate', (cache) => cache.getOrCreate('busy', never)],
  ])('gives what was busy its place back when it is asked for by %s', (_how, ask) => {
    const cache = new BoundedCache<Value>(1)
    const [busy] = fill(cache, ['busy']) as [Value]
    busy.isBusy = true
    fill(cache, ['a'])
    expect(ask(cache)).toBe(busy)
    busy.isBusy = false
    expect(names(cache)).toEqual(['busy'])
    fill(cache, ['b'])
    expect(names(cache)).toEqual(['b'])
  })

  it('does not grow for good by values that were once busy', () => {
    const cache = new BoundedCache<Value>(10)
    for (let round = 0; round < 200; round++) {
      const [value] = fill(cache, [`key ${round}`]) as [Value]
      value.isBusy = true
      const older = cache.get(`key ${round - 30}`)
      if (older !== undefined) older.isBusy = false
    }
    expect(cache.values().size).toBeLessThan(60)
    for (const value of cache.values()) value.isBusy = false
    fill(
      cache,
      Array.from({ length: 100 }, (_, index) => `calm ${index}`),
    )
    expect(cache.values().size).toBe(10)
  })

  it('lets go of a flood of values that were busy without another one to come, within some hundred uses', () => {
    const cache = new BoundedCache<Value>(10)
    const flood = Array.from({ length: 5000 }, (_, index) => `flood ${index}`).map((key) => {
      const [value] = fill(cache, [key]) as [Value]
      value.isBusy = true
      return value
    })
    const last = flood.at(-1) as Value
    for (let use = 0; use < 300; use++) expect(cache.get(last.name)).toBe(last)
    expect(cache.values().size).toBe(5000)
    for (const value of flood) value.isBusy = false
    for (let use = 0; use < 300; use++) expect(cache.get(last.name)).toBe(last)
    expect(cache.values().size).toBe(10)
  })

  it('forgets exactly the values that match, wherever they are kept, and returns them', () => {
    const cache = new BoundedCache<Value>(2)
    const [pinned, held, busy, other] = fill(cache, ['x pinned']).concat(
      fill(cache, ['x held']),
      fill(cache, ['x busy']),
      fill(cache, ['busy']),
    )
    cache.pin(pinned as Value)
    cache.hold(held as Value)
    for (const value of [busy, other] as Value[]) value.isBusy = true
    const recent = fill(cache, ['x recent', 'recent'])[0]
    expect(names(cache)).toEqual(['busy', 'recent', 'x busy', 'x held', 'x pinned', 'x recent'])
    const gone = cache.deleteWhere(({ name }) => name.startsWith('x'))
    expect(gone).toEqual(new Set([pinned, held, busy, recent]))
    expect(names(cache)).toEqual(['busy', 'recent'])
    for (const { name } of gone) expect(cache.get(name)).toBeUndefined()
  })

  it('forgets what is pinned where nothing else ever was', () => {
    const cache = new BoundedCache<Value>(2)
    const pinned = new Value('pinned')
    cache.pin(pinned)
    expect(cache.deleteWhere(() => true)).toEqual(new Set([pinned]))
    expect(cache.get('pinned')).toBeUndefined()
  })

  it('tells which values last: those that are pinned or held', () => {
    const cache = new BoundedCache<Value>(5)
    const [pinned, held, busy] = fill(cache, ['pinned', 'held', 'busy', 'recent']) as [Value, Value, Value]
    cache.pin(pinned)
    cache.hold(held)
    busy.isBusy = true
    expect([...cache.lasting()]).toEqual([pinned, held])
    cache.deleteWhere((value) => value === held)
    expect([...cache.lasting()]).toEqual([pinned])
  })

  it('returns a value that is kept in several ways once', () => {
    const cache = new BoundedCache<Value>(2)
    const [value] = fill(cache, ['a']) as [Value]
    cache.hold(value)
    cache.pin(value)
    expect(cache.values()).toEqual(new Set([value]))
    expect(cache.deleteWhere(() => true)).toEqual(new Set([value]))
    expect(cache.values().size).toBe(0)
  })

  it('can hold a new value for a key whose held value is gone', async () => {
    const cache = new BoundedCache<Value>(1)
    const holdAndDrop = () => cache.hold(fill(cache, ['a'])[0] as Value)
    holdAndDrop()
    fill(cache, ['b'])
    await collectGarbage()
    expect(cache.get('a')).toBeUndefined()
    expect([...cache.lasting()]).toEqual([])
    expect(names(cache)).toEqual(['b'])
    const [again] = fill(cache, ['a']) as [Value]
    cache.hold(again)
    fill(cache, ['c'])
    // The cache is told of the first one when there is a second already.
    await collectAndTell()
    expect(cache.get('a')).toBe(again)
  })

  it('forgets the key of a held value that is gone, and does not mind one that was deleted before', async () => {
    const cache = new BoundedCache<Value>(1)
    const holdAndDrop = (key: string) => cache.hold(fill(cache, [key])[0] as Value)
    for (const key of ['a', 'b']) holdAndDrop(key)
    cache.deleteWhere(({ name }) => name === 'b')
    const [last] = fill(cache, ['last']) as [Value]
    cache.hold(last)
    await collectAndTell()
    // In the order in which they came to be held.
    const again = new Value('a')
    cache.hold(again)
    expect([...cache.lasting()]).toEqual([last, again])
  })

  it('has one value for a key, always: as long as one is pinned, held or busy there is no other', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const what = fc.constantFrom('use', 'use', 'look', 'pin', 'hold', 'begin', 'end', 'delete')
    fc.assert(
      fc.property(fc.array(fc.tuple(what, key), { maxLength: 80 }), (steps) => {
        const cache = new BoundedCache<Value>(2)
        const kept = new Map<string, Value>()
        const busy = new Set<Value>()
        for (const [step, key] of steps) {
          const known = cache.get(key)
          const mustBe = kept.get(key) ?? [...busy].find((value) => value.name === key)
          if (mustBe !== undefined) expect(known).toBe(mustBe)
          if (step === 'delete') {
            for (const value of cache.deleteWhere(({ name }) => name === key)) busy.delete(value)
            kept.delete(key)
            continue
          }
          if (step === 'look') continue
          const value = cache.getOrCreate(key, () => new Value(key))
          expect(value).toBe(known ?? value)
          if (step === 'pin') cache.pin(value)
          if (step === 'hold') cache.hold(value)
          if (step === 'pin' || step === 'hold') kept.set(key, value)
          value.isBusy = step === 'begin' || (step !== 'end' && value.isBusy)
          if (value.isBusy) busy.add(value)
          else busy.delete(value)
        }
      }),
    )
  })
})
