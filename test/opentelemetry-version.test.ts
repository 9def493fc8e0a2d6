import { fileURLToPath } from 'node:url'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { instrumentTokenManager } from '../src/opentelemetry/index.ts'
import { managed } from './support/managed.ts'

const FILE = fileURLToPath(new URL('../src/opentelemetry/version.ts', import.meta.url))

describe('the version of the package', () => {
  // `-u` writes it anew.
  it('is known to the code, which reads no package.json: that may be missing where it is bundled', async () => {
    await expect(`/** The version in package.json: \`test/opentelemetry-version.test.ts\` writes it here, with \`-u\`. */
export const VERSION = '${manifest.version}'
`).toMatchFileSnapshot(FILE)
  })

  it('is that of the metrics and spans', async () => {
    const reader = new PrometheusExporter({ preventServerStart: true })
    const meterProvider = new MeterProvider({ readers: [reader] })
    const exporter = new InMemorySpanExporter()
    const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
    const { tokens } = managed()
    instrumentTokenManager(tokens, { meterProvider, tracerProvider })
    await tokens.getToken()
    const { resourceMetrics } = await reader.collect()
    await meterProvider.shutdown()
    const scope = { name: 'evertoken', version: manifest.version }
    expect(resourceMetrics.scopeMetrics.map((metrics) => metrics.scope)).toMatchObject([scope])
    expect(exporter.getFinishedSpans().map((span) => span.instrumentationScope)).toMatchObject([scope])
  })
})
