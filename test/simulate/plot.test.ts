import { expect, it } from 'vitest'
import { drawPlot } from '../../scripts/simulate/plot.ts'

const attributes = (svg: string, name: string) =>
  [...svg.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value]) => value)

const plot = drawPlot({
  title: 'Requests',
  xTitle: 'processes',
  series: [
    {
      name: 'one',
      look: 0,
      points: [
        [1, 1],
        [10, 10],
        [100, 100],
      ],
    },
    {
      name: 'another',
      look: 1,
      points: [
        [1, 1],
        [10, 10],
        [100, 100],
      ],
    },
  ],
})

it('draws what grows tenfold each time as a straight line from corner to corner', () => {
  const [line = ''] = attributes(plot, 'd')
  const numbers = line.match(/[\d.]+/g)?.map(Number) ?? []
  const [left = 0, bottom = 0, x, y, right = 0, top = 0] = numbers
  expect(numbers).toHaveLength(6)
  expect(right).toBeGreaterThan(left)
  expect(bottom).toBeGreaterThan(top)
  expect([x, y]).toEqual([(left + right) / 2, (top + bottom) / 2])
})

it('marks every power of ten on both axes', () => {
  for (const tick of ['1', '10', '100']) expect(plot.split(`>${tick}</text>`)).toHaveLength(3)
})

it('moves the names of lines that coincide apart', () => {
  const heights = ['one', 'another'].map((name) => Number(new RegExp(`y="([\\d.]+)"[^>]*>${name}<`).exec(plot)?.[1]))
  expect(Math.abs((heights[0] ?? 0) - (heights[1] ?? 0))).toBeGreaterThanOrEqual(16)
})
