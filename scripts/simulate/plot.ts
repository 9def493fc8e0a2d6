/** A line of a plot. */
export interface Series {
  readonly name: string
  /** One of the four looks. */
  readonly look: number
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** A plot with logarithmic axes. */
export interface Plot {
  readonly title: string
  readonly xTitle: string
  readonly series: readonly Series[]
}

const WIDTH = 760
const HEIGHT = 440
const AREA = { left: 74, top: 56, right: 566, bottom: 384 }
const LABEL_HEIGHT = 18

interface Palette {
  readonly back: string
  readonly text: string
  readonly grid: string
  readonly looks: readonly string[]
}

const LIGHT: Palette = {
  ...{ back: '#ffffff', text: '#1f2328', grid: '#d8dee4' },
  looks: ['#c4460a', '#0969b0', '#8a4bb8', '#0a7d57'],
}
const DARK: Palette = {
  ...{ back: '#0d1117', text: '#e6edf3', grid: '#30363d' },
  looks: ['#f0883e', '#58a6ff', '#d2a8ff', '#3fb98a'],
}

// Lines are told apart by colour, by mark and by dashes, so that those that coincide are both seen.
const STYLE = `
text { font: 13px system-ui, sans-serif }
.title { font-size: 16px; font-weight: 600 }
.line { fill: none; stroke-width: 2.5 }
.l2 { stroke-dasharray: 8 7 }
${colours(LIGHT)}
@media (prefers-color-scheme: dark) {
${colours(DARK)}
}
`

// No variables: not everything that shows SVG knows them.
function colours({ back, text: words, grid, looks }: Palette): string {
  const rules = looks.map((colour, look) => `.l${look} { stroke: ${colour} } .m${look} { fill: ${colour} }`)
  return [`.back { fill: ${back} } text { fill: ${words} } .grid { stroke: ${grid} }`, ...rules].join('\n')
}

const MARKS: readonly ((x: number, y: number) => string)[] = [
  (x, y) => `M${x - 5} ${y - 5}h10v10h-10z`,
  (x, y) => `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`,
  (x, y) => `M${x} ${y - 6}l6 11h-12z`,
  (x, y) => `M${x} ${y - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z`,
]

/** Draws a plot, for light and dark pages. */
export function drawPlot({ title, xTitle, series }: Plot): string {
  const all = series.flatMap(({ points }) => points)
  const x = axis(
    all.map(([value]) => value),
    [AREA.left, AREA.right],
  )
  const y = axis(
    all.map(([, value]) => value),
    [AREA.bottom, AREA.top],
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" class="back"/>`,
    text(AREA.left, 30, title, 'start', 'title'),
    ...x.ticks.flatMap((value) => [
      rule(x.at(value), AREA.top, x.at(value), AREA.bottom),
      text(x.at(value), AREA.bottom + 20, inWords(value), 'middle'),
    ]),
    ...y.ticks.flatMap((value) => [
      rule(AREA.left, y.at(value), AREA.right, y.at(value)),
      text(AREA.left - 10, y.at(value) + 4, inWords(value), 'end'),
    ]),
    text((AREA.left + AREA.right) / 2, AREA.bottom + 44, xTitle, 'middle'),
    ...series.flatMap(({ look, points }) => {
      const placed = points.map(([px, py]) => [round(x.at(px)), round(y.at(py))] as const)
      return [
        `<path class="line l${look}" d="M${placed.map((point) => point.join(' ')).join('L')}"/>`,
        `<path class="m${look}" d="${placed.map(([px, py]) => MARKS[look]?.(px, py)).join('')}"/>`,
      ]
    }),
    ...labels(series, y.at),
    '</svg>\n',
  ].join('\n')
}

interface Axis {
  readonly ticks: readonly number[]
  at(value: number): number
}

function axis(values: readonly number[], [from, to]: readonly [number, number]): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9))
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)),
    at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
  }
}

// At the right ends of the lines, moved apart where they would lie on one another.
function labels(series: readonly Series[], at: (value: number) => number): string[] {
  const wanted = series.map((one) => ({ ...one, y: at(one.points.at(-1)?.[1] ?? 1) })).sort((a, b) => a.y - b.y)
  let free = AREA.top
  const lowered = wanted.map((label) => {
    const y = Math.max(label.y, free)
    free = y + LABEL_HEIGHT
    return { ...label, y }
  })
  const excess = Math.max(0, (lowered.at(-1)?.y ?? 0) - AREA.bottom)
  return lowered.map(({ name, look, y }) => {
    const mark = `<path class="m${look}" d="${MARKS[look]?.(AREA.right + 18, round(y - excess))}"/>`
    return mark + text(AREA.right + 30, y - excess + 4, name, 'start')
  })
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="grid" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`
}

function text(x: number, y: number, words: string, anchor: string, className = ''): string {
  const named = className === '' ? '' : ` class="${className}"`
  return `<text${named} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${words}</text>`
}

function inWords(value: number): string {
  const [unit, size] = value >= 1e6 ? ['M', 1e6] : value >= 1e4 ? ['k', 1e3] : ['', 1]
  return `${(value / size).toLocaleString('en-US', { maximumSignificantDigits: 3 })}${unit}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
