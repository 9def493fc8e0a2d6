import { context, INVALID_SPAN_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import type { TokenManager } from '../src/index.ts'
import { instrumentTokenManager } from '../src/opentelemetry/index.ts'
import { Fleet } from './support/fleet.ts'
import { managed } from './support/managed.ts'

const SECOND = 1000

function traced(options: Partial<ClientOptions> = {}) {
  const world = managed({ scope: ['orders.read'], ...options })
  return { ...world, ...tracing(world.tokens) }
}

function tracing(tokens: TokenManager) {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const end = instrumentTokenManager(tokens, { tracerProvider })
  return { end, tracer: tracerProvider.getTracer('test'), spans: () => exporter.getFinishedSpans() }
}

describe('a token request', () => {
  const manager = new AsyncLocalStorageContextManager()
  beforeAll(() => {
    context.setGlobalContextManager(manager.enable())
  })
  afterAll(() => {
    context.disable()
  })

  it('has a span of its own, which says for whom and why', async () => {
    const { tokens, spans } = traced()
    await tokens.getToken()
    await tokens.getToken()
    const [span, ...others] = spans()
    expect(others).toEqual([])
    expect(span).toMatchObject({
      name: 'evertoken token request',
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      links: [],
      events: [],
      attributes: {
        'evertoken.client.name': 'default',
        'evertoken.token.scope': ['orders.read'],
        'evertoken.token.request.reason': 'no_token',
        'evertoken.token.request.background': false,
      },
    })
  })

  it('is linked to the span that caused it, and no part of it: others wait for it too', async () => {
    const { tokens, tracer, spans } = traced()
    await tracer.startActiveSpan('first', async (first) => {
      const waiting = tokens.getToken()
      await tracer.startActiveSpan('second', async (second) => {
        await tokens.getToken()
        second.end()
      })
      await waiting
      first.end()
    })
    const named = (name: string) => spans().find((span) => span.name === name)
    const request = named('evertoken token request')
    expect(request?.links.map((link) => link.context)).toEqual([named('first')?.spanContext()])
    expect(request?.parentSpanContext).toBeUndefined()
    expect(request?.spanContext().traceId).not.toBe(named('first')?.spanContext().traceId)
  })

  it.each<[how: string, ask: (world: ReturnType<typeof traced>) => Promise<unknown>, reason: string]>([
    [
      'a refresh in the background',
      async ({ tokens, clock }) => {
        await clock.advance(3000 * SECOND)
        await tokens.getToken()
        await clock.advance(0)
      },
      'refresh_due',
    ],
    [
      'a request that waits for the one under way',
      async ({ tokens, tracer, clock, server }) => {
        server.byDefault = { afterMs: SECOND }
        const before = tracer.startActiveSpan('before', () => tokens.getToken({ forceRefresh: true }))
        const waiting = Promise.all([before, tokens.getToken({ forceRefresh: true })])
        await clock.advance(3 * SECOND)
        await waiting
      },
      'forced',
    ],
  ])('is linked to its cause: %s', async (_, ask, reason) => {
    const world = traced()
    await world.tokens.getToken()
    const cause = world.tracer.startSpan('cause')
    await context.with(trace.setSpan(context.active(), cause), () => ask(world))
    const request = world.spans().at(-1)
    expect(request?.attributes['evertoken.token.request.reason']).toBe(reason)
    expect(request?.links.map((link) => link.context)).toEqual([cause.spanContext()])
  })

  it('is linked to nothing where the caller is not traced', async () => {
    const { tokens, spans } = traced()
    const untraced = trace.setSpan(context.active(), trace.wrapSpanContext(INVALID_SPAN_CONTEXT))
    await context.with(untraced, () => tokens.getToken())
    expect(spans()[0]?.links).toEqual([])
  })

  it('is what the HTTP client works under, and nothing of its callers', async () => {
    const active: unknown[] = []
    const { tokens, tracer, spans } = traced({
      buildRequest: (request) => {
        active.push(trace.getActiveSpan()?.spanContext().spanId)
        return request
      },
    } as Partial<ClientOptions>)
    await tracer.startActiveSpan('caller', () => tokens.getToken())
    expect(active).toEqual([spans()[0]?.spanContext().spanId])
  })

  it('says why it failed, and which attempts failed before', async () => {
    const { tokens, spans, server, clock } = traced()
    server.script.push({ status: 503 })
    server.byDefault = { status: 401, body: { error: 'invalid_client' } }
    const waiting = tokens.getToken().catch((error: Error) => error)
    await clock.advance(10 * SECOND)
    const error = (await waiting) as Error
    const [span] = spans()
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: error.message })
    expect(span?.attributes).toMatchObject({ 'error.type': 'invalid_client', 'http.response.status_code': 401 })
    expect(span?.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      [
        'retry',
        {
          'error.type': 'server_unavailable',
          'http.response.status_code': 503,
          'evertoken.attempt': 1,
          'evertoken.retry.delay': expect.any(Number),
        },
      ],
    ])
    expect(JSON.stringify([span?.attributes, span?.status, span?.events])).not.toContain('correct horse')
  })

  it.each<[string, object]>([
    ['the secret', { clientSecret: () => new Promise<never>(() => {}) }],
    ['buildRequest', { buildRequest: () => new Promise<never>(() => {}) }],
    ['the transport', { transport: () => new Promise<never>(() => {}) }],
  ])('that hangs in a function of its user ends with its time: %s', async (_, options) => {
    const { tokens, spans, clock } = traced(options)
    const waiting = tokens.getToken().catch(() => {})
    await clock.advance(60 * SECOND)
    await waiting
    expect(spans().map((span) => span.attributes['error.type'])).toEqual(['timeout'])
  })

  it('of another process has none here', async () => {
    const fleet = new Fleet()
    await fleet.tokensOf([fleet.join()])
    const process = fleet.join()
    const { spans } = tracing(process.tokens)
    await fleet.tokensOf([process])
    expect(spans()).toEqual([])
  })

  it('goes on without a span once that is ended', async () => {
    const { tokens, spans, end } = traced()
    end()
    await tokens.getToken()
    expect(spans()).toEqual([])
  })
})

it('a token request has its span without a context manager too', async () => {
  const { tokens, spans, server, clock } = traced()
  server.script.push({ status: 503 })
  const waiting = tokens.getToken()
  await clock.advance(10 * SECOND)
  await waiting
  expect(spans()).toHaveLength(1)
})
