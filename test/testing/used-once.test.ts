import { expect, it } from 'vitest'
import { UsedOnce } from '../../src/testing/used-once.ts'

it('what was used may come again when nobody would accept the earlier one any more', () => {
  const used = new UsedOnce()
  const first = (id: string, until: number, now: number) => used.isFirst(id, until, now)
  expect([first('a', 100, 0), first('b', 10, 0), first('a', 200, 99), first('b', 20, 9)]).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect([first('b', 30, 10), first('b', 40, 29)]).toEqual([true, false])
  expect([first('a', 200, 100), first('a', 300, 199)]).toEqual([true, false])
})
