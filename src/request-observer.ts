import type { RequestReason, TokenEvent } from './events.ts'

/** A token request that is caused now. */
export interface CausedRequest extends TokenEvent {
  readonly reason: RequestReason
  /** Whether nobody waits for it. */
  readonly background: boolean
}

/**
 * Watches token requests. It is called in the async context of the caller that causes one, which the request itself
 * leaves, and hands back what runs each request that follows from that: none where another process has the token.
 */
export type RequestObserver = (request: CausedRequest) => ObservedRun

/** Runs a token request, and settles as it does. */
export type ObservedRun = <T>(request: () => Promise<T>) => Promise<T>
