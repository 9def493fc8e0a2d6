import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { TokenManager } from 'evertoken'
import { instrumentTokenManager } from 'evertoken/opentelemetry'
import { startServer } from './server.cjs'

// With the oldest @opentelemetry/api that is allowed, and the last SDK that knew it.

class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

const reader = new Reader()
const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

const { origin, close } = await startServer()
const tokens = new TokenManager({
  tokenEndpoint: `${origin}/token`,
  clientId: 'orders',
  clientSecret: 'secret',
  allowInsecureLoopback: true,
})
instrumentTokenManager(tokens, { meterProvider: new MeterProvider({ readers: [reader] }), tracerProvider })
const cause = tracerProvider.getTracer('orders').startSpan('an order')
await context.with(trace.setSpan(context.active(), cause), () => tokens.getToken())
const { resourceMetrics, errors } = await reader.collect()
await close()

assert.deepEqual(errors, [])
const [{ scope, metrics }] = resourceMetrics.scopeMetrics
const { version } = createRequire(import.meta.url)('evertoken/package.json')
assert.deepEqual({ name: scope.name, version: scope.version }, { name: 'evertoken', version })
const counts = Object.fromEntries(metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints.length]))
assert.equal(counts['evertoken.token.request.duration'], 1)
assert.equal(counts['evertoken.cache.tokens'], 1)
const [span] = exporter.getFinishedSpans()
assert.deepEqual(
  span.links.map((link) => link.context.spanId),
  [cause.spanContext().spanId],
)
