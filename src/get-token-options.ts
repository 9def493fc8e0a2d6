import { optionError, TokenError } from './errors.ts'

/** How one caller wants its token. */
export interface GetTokenOptions {
  /** Ends this caller's wait; the token request goes on for the others. */
  readonly signal?: AbortSignal | undefined
  /** The most milliseconds this caller waits; then `wait_timeout`. Default: as long as the token request takes. */
  readonly timeoutMs?: number | undefined
  /**
   * The least milliseconds the token must still be valid, for long calls and connections. More than a token lives
   * cannot be had: then a fresh one is given, with the event `validityNotMet`. Default: the safety margin.
   */
  readonly minValidityMs?: number | undefined
  /** Asks for a token that was requested after this call, whatever is cached or under way. Default `false`. */
  readonly forceRefresh?: boolean | undefined
}

/** @throws TypeError naming the option that is wrong */
export function checkGetTokenOptions({ signal, timeoutMs, minValidityMs, forceRefresh }: GetTokenOptions): void {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw optionError('signal', 'must be an AbortSignal', 'Of an AbortController give its `signal`.')
  }
  checkMs(timeoutMs, 'timeoutMs')
  checkMs(minValidityMs, 'minValidityMs')
  if (forceRefresh !== undefined && typeof forceRefresh !== 'boolean') {
    throw optionError('forceRefresh', 'must be true or false')
  }
}

function checkMs(value: unknown, option: string): void {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY)) return
  throw optionError(option, 'must be a number of milliseconds')
}

// Hardly a token request is done sooner.
const SECONDS_BELOW = 100

/** The error of a caller whose `timeoutMs` ran out. */
export function waitTimeoutError(client: string, timeoutMs: number | undefined): TokenError {
  return new TokenError({
    code: 'wait_timeout',
    client,
    message: `No token for client "${client}" within the caller's ${timeoutMs} ms; the token request goes on.`,
    hint:
      timeoutMs !== undefined && timeoutMs < SECONDS_BELOW
        ? '`timeoutMs` is in milliseconds: were seconds meant? A token request takes longer than that.'
        : 'Give the call more time than a token request needs.',
    retryable: true,
  })
}
