import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { DataPointType, MeterProvider, type MetricData } from '@opentelemetry/sdk-metrics'
import { describe, expect, it } from 'vitest'
import { CALL_EVENTS, EVENT_NAMES } from '../src/events.ts'
import { INSTRUMENTS } from '../src/opentelemetry/instruments.ts'
import { everythingHappens } from './support/everything-happens.ts'
import { oneLineOfEach } from './support/log-lines.ts'
import { startPrometheus } from './support/prometheus.ts'

const PAGE = fileURLToPath(new URL('../docs/telemetry.md', import.meta.url))
const page = readFileSync(PAGE, 'utf8')

/** The page with this in the place that is written by a test. */
function withText(page: string, place: string, text: string): string {
  const found = new RegExp(`(<!-- ${place}: [^\\n]*-->\\n).*?(<!-- /${place} -->)`, 's')
  expect(page).toMatch(found)
  return page.replace(found, (_, begin, end) => `${begin}\n${text}\n\n${end}`)
}

function kindOf(metric: MetricData): string {
  if (metric.dataPointType === DataPointType.SUM) return metric.isMonotonic ? 'counter' : 'up-down counter'
  return metric.dataPointType === DataPointType.GAUGE ? 'gauge' : 'histogram'
}

/** A row for each instrument, with the attributes that it has when everything happens. */
async function instrumentRows(): Promise<string> {
  const reader = new PrometheusExporter({ preventServerStart: true })
  const meterProvider = new MeterProvider({ readers: [reader] })
  await everythingHappens(meterProvider)
  const { resourceMetrics } = await reader.collect()
  const rows = resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
    metrics.map((metric) => {
      const { name, unit, description } = metric.descriptor
      const attributes = new Set(metric.dataPoints.flatMap((point) => Object.keys(point.attributes)))
      const inCode = [...attributes].sort().map((attribute) => `\`${attribute}\``)
      return `| \`${name}\` | ${kindOf(metric)}, \`${unit}\` | ${description} | ${inCode.join(', ')} |`
    }),
  )
  await meterProvider.shutdown()
  return ['| Metric | Kind, unit | What it says | Attributes |', '|---|---|---|---|', ...rows.sort()].join('\n')
}

describe('the page about telemetry', () => {
  it('has a row for every instrument that there is', () => {
    const rows = [...page.matchAll(/^\| `(evertoken\.[\w.]+)` \| [^|]+, `([^`]+)` \| ([^|]+) \|/gm)]
    const documented = rows.map(([, name, unit, description]) => [name, { unit, description }])
    const made = Object.values(INSTRUMENTS).map(({ name, unit, description }) => [name, { unit, description }])
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(made))
  })

  // `-u` writes it anew.
  it('lists every metric, and one line of every event that is logged, as they are', async () => {
    const lines = await oneLineOfEach()
    const logged = EVENT_NAMES.filter((name) => !CALL_EVENTS.some((call) => call === name))
    expect([...lines.keys()].sort()).toEqual([...logged].sort())
    const text = logged.map((name) => lines.get(name)).join('\n')
    const withMetrics = withText(page, 'instruments', await instrumentRows())
    const whole = withText(withMetrics, 'log lines', `\`\`\`json\n${text}\n\`\`\``)
    await expect(whole).toMatchFileSnapshot(PAGE)
  })

  it('has alerts about metrics and labels that there are, each with a reason', async () => {
    const [, rules = ''] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? []
    await using prometheus = await startPrometheus()
    await everythingHappens(prometheus.meterProvider)
    const samples = [...(await prometheus.samples()).keys()]
    const known = new Set(samples.flatMap((sample) => sample.match(/evertoken_\w+|error_type|le(?==")/g) ?? []))
    const named = rules.match(/evertoken_\w+|error_type|\ble\b/g) ?? []
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((name) => !known.has(name))).toEqual([])
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name)
    const explained = [...page.matchAll(/^\| `(Evertoken\w+)`/gm)].map(([, name]) => name)
    expect(explained).toEqual(alerts)
  })
})
