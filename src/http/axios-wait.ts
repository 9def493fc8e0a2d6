import type { AccessToken } from '../access-token.ts'
import { TokenError } from '../errors.ts'
import type { TokenSource } from '../token-source.ts'
import type { PassageConfig } from './axios-passage.ts'

/**
 * Waits for a request's token no longer than the request's own `signal`, `cancelToken` and `timeout` say.
 * @throws TokenError why no token can be had, `wait_timeout`; a cancellation of axios's kind when the caller gives up
 */
export async function waitForToken(source: TokenSource, config: PassageConfig): Promise<AccessToken> {
  const { cancelToken, timeout } = config
  const signal = config.signal as AbortSignal | undefined
  const cancelled = cancelToken?.toAbortSignal() as CancelSignal | undefined
  const either = signal && cancelled ? AbortSignal.any([signal, cancelled]) : (signal ?? cancelled)
  try {
    return await source.tokenOrPromise({ signal: either, timeoutMs: timeout || undefined })
  } catch (error) {
    if (signal?.aborted) throw cancellation()
    if (error instanceof TokenError) fixStack(error)
    throw error
  } finally {
    // One cancel token may serve all requests of a process.
    cancelled?.unsubscribe()
  }
}

type CancelSignal = AbortSignal & { unsubscribe(): void }

// What `axios.isCancel` recognises. axios itself is not loaded here, so that its class is not at hand.
function cancellation(): Error {
  const error = new Error('canceled')
  error.name = 'CanceledError'
  return Object.assign(error, { code: 'ERR_CANCELED', __CANCEL__: true })
}

// axios appends the stack of each caller to an error that it passes on. This one is shared by every caller there is
// while the failure lasts, and would grow with each.
function fixStack(error: TokenError): void {
  Object.defineProperty(error, 'stack', { value: error.stack, writable: false, configurable: true })
}
