import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import { optionError } from '../errors.ts'
import { count, ownOptions } from '../option-values.ts'
import type { TokenManager } from '../token-manager.ts'
import { ClientNames } from './client-names.ts'
import { showGauges } from './gauges.ts'
import { createInstruments } from './instruments.ts'
import { measureEvents } from './measurements.ts'
import { noteRetry, requestObserver } from './request-spans.ts'
import { VERSION } from './version.ts'

/** Where telemetry goes, and how much of it there may be. */
export interface InstrumentationOptions {
  /** Default: the global one, if it is set by now. */
  readonly meterProvider?: MeterProvider | undefined
  /** Default: the global one, also if it is set later. */
  readonly tracerProvider?: TracerProvider | undefined
  /** How many clients have metrics of their own; all others are one, `_OTHER`. Default: 100. Spans always name the client. */
  readonly maxClients?: number | undefined
}

const MOST_CLIENTS = 100_000

/**
 * Measures what a manager does, by OpenTelemetry: metrics, and a span for each token request, linked to the span that
 * caused it. Neither holds a secret.
 *
 * Best called right after the manager is made: what happened before is not told again.
 * @returns a function that ends it
 * @throws TypeError naming the option that is wrong, or for a manager that is instrumented already
 */
export function instrumentTokenManager<Name extends string>(
  manager: TokenManager<Name>,
  options: InstrumentationOptions = {},
): () => void {
  if (typeof (manager as Partial<TokenManager> | null | undefined)?.allSources !== 'function') {
    throw optionError('manager', 'must be a TokenManager')
  }
  const given = ownOptions<InstrumentationOptions>(options, '', ['meterProvider', 'tracerProvider', 'maxClients'])
  if (manager.events.observer !== undefined) {
    throw optionError('manager', 'is instrumented already', 'Call what that returned first, to end it.')
  }
  const names = new ClientNames(count(given.maxClients, 'maxClients', 100, MOST_CLIENTS))
  const meter = (given.meterProvider ?? metrics.getMeterProvider()).getMeter('evertoken', VERSION)
  const tracer = (given.tracerProvider ?? trace.getTracerProvider()).getTracer('evertoken', VERSION)
  const instruments = createInstruments(meter)
  const measured = manager as unknown as TokenManager<string>
  const ends = [
    measureEvents(measured, instruments, names),
    showGauges(measured, meter, instruments, names),
    manager.on('tokenRequestRetried', ({ error, attempt, delayMs }) => noteRetry(error, attempt, delayMs)),
  ]
  const observer = requestObserver(tracer, instruments, names)
  manager.events.observer = observer
  return () => {
    if (manager.events.observer === observer) manager.events.observer = undefined
    for (const end of ends) end()
  }
}
