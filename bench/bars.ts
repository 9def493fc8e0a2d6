import type { Role } from './harness.ts'

/** A bar of a plot: a ratio to the floor. */
export interface Bar {
  readonly name: string
  readonly role: Role
  readonly ratio: number
  readonly bound?: number | undefined
}

/** Bars under one heading. */
export interface BarGroup {
  readonly title: string
  readonly bars: readonly Bar[]
}

const WIDTH = 760
const NAMES_END = 300
const AREA = { left: 316, right: 690 }
const LINE = 22
const TICKS = [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

// No variables: not everything that shows SVG knows them.
const STYLE = `
text { font: 13px system-ui, sans-serif }
.title { font-weight: 600 }
${colours('#ffffff', '#1f2328', '#d8dee4', '#0969b0', '#9aa4af', '#c4460a')}
@media (prefers-color-scheme: dark) {
${colours('#0d1117', '#e6edf3', '#30363d', '#58a6ff', '#6e7781', '#f0883e')}
}
`

function colours(back: string, words: string, grid: string, ours: string, peer: string, bound: string): string {
  return [
    `.back { fill: ${back} } text { fill: ${words} } .grid { stroke: ${grid} } .floor { stroke: ${words} }`,
    `.ours { fill: ${ours} } .peer { fill: ${peer} } .bound { stroke: ${bound}; stroke-width: 2.5 }`,
  ].join('\n')
}

/** Draws ratios on a logarithmic axis as bars that begin at the floor; a mark shows the bound. For light and dark pages. */
export function drawBars(title: string, groups: readonly BarGroup[]): string {
  const lines = groups.reduce((count, { bars }) => count + bars.length + 1.4, 0)
  const bottom = Math.ceil(30 + lines * LINE)
  const x = scale(groups.flatMap(({ bars }) => bars.flatMap(({ ratio, bound = 1 }) => [ratio, bound])))
  let y = 20
  const rows = groups.flatMap(({ title: heading, bars }) => {
    y += 1.2 * LINE
    const head = text(16, y, heading, 'start', 'title')
    const drawn = bars.map((bar) => {
      y += LINE
      return drawBar(bar, y, x.at)
    })
    y += 0.2 * LINE
    return [head, ...drawn]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 36}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${bottom + 36}" rx="6" class="back"/>`,
    ...x.ticks.flatMap((tick) => [
      `<line class="${tick === 1 ? 'floor' : 'grid'}" x1="${x.at(tick)}" y1="20" x2="${x.at(tick)}" y2="${bottom}"/>`,
      text(x.at(tick), bottom + 20, `${tick} ×`, 'middle'),
    ]),
    ...rows,
    '</svg>\n',
  ].join('\n')
}

function drawBar({ name, role, ratio, bound }: Bar, y: number, at: (ratio: number) => number): string {
  const [from, to] = [at(1), at(ratio)]
  const width = Math.max(2, Math.abs(to - from))
  return [
    text(NAMES_END, y, name, 'end'),
    `<rect class="${role}" x="${Math.min(from, to)}" y="${round(y - 12)}" width="${round(width)}" height="15"/>`,
    bound === undefined
      ? ''
      : `<line class="bound" x1="${at(bound)}" y1="${round(y - 15)}" x2="${at(bound)}" y2="${round(y + 6)}"/>`,
    text(Math.max(from, to, at(bound ?? 1)) + 8, y, ratio.toFixed(ratio < 10 ? 2 : 0), 'start'),
  ].join('')
}

function scale(values: readonly number[]): { ticks: readonly number[]; at: (ratio: number) => number } {
  const low = Math.min(0.9, ...values)
  const high = Math.max(2, ...values)
  const at = (ratio: number) =>
    round(AREA.left + (Math.log(ratio / low) / Math.log(high / low)) * (AREA.right - AREA.left))
  return { ticks: TICKS.filter((tick) => tick >= low && tick <= high), at }
}

function text(x: number, y: number, words: string, anchor: string, className = ''): string {
  const named = className === '' ? '' : ` class="${className}"`
  return `<text${named} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`
}

const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

function round(value: number): number {
  return Math.round(value * 10) / 10
}
