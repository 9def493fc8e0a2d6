import {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { TokenError, TokenResponseError } from '../errors.ts'
import type { CausedRequest, RequestObserver } from '../request-observer.ts'
import { CLIENT, ERROR_TYPE, inSnakeCase, REASON, STATUS_CODE, seconds } from './attributes.ts'
import type { ClientNames } from './client-names.ts'
import { errorType } from './error-type.ts'
import type { Instruments } from './instruments.ts'

/**
 * Measures token requests, and gives each a span of its own. A token request serves all callers, so that its span has no
 * parent, but a link to the span in which the first caller asked.
 */
export function requestObserver(tracer: Tracer, instruments: Instruments, names: ClientNames): RequestObserver {
  const { requests, activeRequests } = instruments
  return (request) => {
    const cause = trace.getSpanContext(context.active())
    const links = cause !== undefined && isSpanContextValid(cause) ? [{ context: cause }] : []
    const about = { [CLIENT]: names.of(request.client), [REASON]: inSnakeCase(request.reason) }
    return async (work) => {
      const attributes = spanAttributes(request)
      const span = tracer.startSpan('evertoken token request', { links, attributes }, ROOT_CONTEXT)
      const begun = performance.now()
      let outcome: Attributes = about
      activeRequests.add(1, { [CLIENT]: about[CLIENT] })
      try {
        // What the HTTP client does is part of it.
        return await context.with(trace.setSpan(ROOT_CONTEXT, span), work)
      } catch (error) {
        outcome = { ...about, [ERROR_TYPE]: errorType(error) }
        noteFailure(span, error)
        throw error
      } finally {
        activeRequests.add(-1, { [CLIENT]: about[CLIENT] })
        requests.record(seconds(performance.now() - begun), outcome)
        span.end()
      }
    }
  }
}

/** Notes on the span that is active that an attempt failed and another follows. */
export function noteRetry(error: TokenError, attempt: number, delayMs: number): void {
  trace.getSpan(context.active())?.addEvent('retry', {
    [ERROR_TYPE]: errorType(error),
    ...statusOf(error),
    'evertoken.attempt': attempt,
    'evertoken.retry.delay': seconds(delayMs),
  })
}

function spanAttributes({ client, scope, reason, background }: CausedRequest): Attributes {
  return {
    [CLIENT]: client,
    [REASON]: inSnakeCase(reason),
    'evertoken.token.request.background': background,
    'evertoken.token.scope': [...scope],
  }
}

function noteFailure(span: Span, error: unknown): void {
  span.setAttributes({ [ERROR_TYPE]: errorType(error), ...statusOf(error) })
  // Errors of evertoken hold no secret; of others nothing is known.
  span.setStatus({ code: SpanStatusCode.ERROR, ...(error instanceof TokenError && { message: error.message }) })
}

function statusOf(error: unknown): Attributes {
  return error instanceof TokenResponseError ? { [STATUS_CODE]: error.status } : {}
}
