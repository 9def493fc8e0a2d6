import { expect, it } from 'vitest'
import { ProcessClock } from '../../scripts/simulate/process-clock.ts'
import { Random } from '../../scripts/simulate/random.ts'
import { cancel, VirtualTime } from '../../scripts/simulate/virtual-time.ts'

it('events happen in the order of their instants, and of those of one instant in the order they were asked for', async () => {
  const time = new VirtualTime()
  const random = new Random(1)
  const seen: (readonly [atMs: number, asked: number])[] = []
  for (let asked = 0; asked < 2000; asked++) {
    time.after(Math.floor(random.next() * 100), () => seen.push([time.nowMs, asked]))
  }
  await time.run(1000)
  expect(seen).toHaveLength(2000)
  expect(seen).toEqual([...seen].sort(([a, first], [b, second]) => a - b || first - second))
  expect(time.nowMs).toBe(1000)
})

it('what an event sets off without waiting is over before the next', async () => {
  const time = new VirtualTime()
  const seen: string[] = []
  const slowly = async (name: string) => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    seen.push(name)
  }
  time.after(1, () => void slowly('first'))
  time.after(1, () => seen.push('second'))
  await time.run(10)
  expect(seen).toEqual(['first', 'second'])
})

it('time stops where it was told to, and goes on from there; what was cancelled does not happen', async () => {
  const time = new VirtualTime()
  const seen: number[] = []
  for (const at of [1, 5, 10]) time.after(at, () => seen.push(at))
  cancel(time.after(2, () => seen.push(2)))
  await time.run(10)
  expect(seen).toEqual([1, 5])
  await time.run(11)
  expect(seen).toEqual([1, 5, 10])
})

it('an event that throws ends the run', async () => {
  const time = new VirtualTime()
  time.after(1, () => {
    throw new Error('wrong')
  })
  await expect(time.run(10)).rejects.toThrow('wrong')
})

it("a process's sleep ends on time, or when its signal aborts, and never once the process is killed", async () => {
  const time = new VirtualTime()
  const clock = new ProcessClock(time, 500, undefined)
  const seen: unknown[] = []
  const abort = new AbortController()
  void clock.sleep(5).then(() => seen.push(time.nowMs))
  void clock.sleep(50, abort.signal).catch((reason) => seen.push(reason))
  void clock.sleep(20).then(() => seen.push('woken after death'))
  time.after(7, () => abort.abort('enough'))
  time.after(10, () => clock.kill())
  await time.run(100)
  expect(seen).toEqual([5, 'enough'])
  expect(clock.now() - Date.UTC(2026, 0, 1)).toBe(600)
})

it('chance is the same for the same seed and stream, and as it should be on average', () => {
  const draw = (seed: number, stream?: number) =>
    Array.from(
      { length: 4 },
      (
        (r) => () =>
          r.next()
      )(new Random(seed, stream)),
    )
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
  expect(draw(1, 1)).not.toEqual(draw(1, 2))
  const random = new Random(3)
  const mean = (one: () => number) =>
    Array.from({ length: 20_000 }, one).reduce((sum, value) => sum + value, 0) / 20_000
  expect(mean(() => random.exponential(100))).toBeCloseTo(100, -1)
  expect(mean(() => random.poisson(4))).toBeCloseTo(4, 0)
  expect(mean(() => random.poisson(400))).toBeCloseTo(400, -1)
  expect(mean(() => Math.log(random.logNormal(100, 0.5)))).toBeCloseTo(Math.log(100), 1)
})
