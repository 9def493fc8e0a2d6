import type { TokenSelection } from '../token-manager.ts'
import type { TokenSource } from '../token-source.ts'

// What is used of undici's types, as it is in every version, so that no version's own are needed to compile.

/** Headers of an answer, by name in lower case. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>

/** The head of an answer, for `isTokenRejected`. */
export interface UndiciAnswer {
  readonly statusCode: number
  readonly headers: AnswerHeaders
}

/** What undici's dispatchers are asked to send. */
export interface DispatchOptions {
  readonly origin?: unknown
  readonly path?: unknown
  readonly method?: unknown
  readonly headers?: unknown
  readonly body?: unknown
  readonly token?: unknown
}

/** By what a handler steers the request that it handles. */
export interface DispatchController {
  readonly aborted: boolean
  readonly paused: boolean
  readonly reason: Error | null
  abort(reason?: Error): void
  pause(): void
  resume(): void
}

/** Whom a dispatcher tells how a request goes. */
export interface DispatchHandler {
  onRequestStart?(controller: DispatchController, context: unknown): void
  onRequestUpgrade?(controller: DispatchController, status: number, headers: AnswerHeaders, socket: unknown): void
  onResponseStart?(controller: DispatchController, status: number, headers: AnswerHeaders, message?: string): void
  onResponseData?(controller: DispatchController, chunk: Uint8Array): void
  onResponseEnd?(controller: DispatchController, trailers: AnswerHeaders): void
  onResponseError?(controller: DispatchController | null, error: Error): void
  onBodySent?(chunk: Uint8Array): void
  onRequestSent?(): void
  onResponseStarted?(): void
}

/** The function at the heart of every dispatcher. */
export type Dispatch = (options: DispatchOptions, handler: DispatchHandler) => boolean

/** What the options of a request may say beside undici's own. */
export interface TokenDispatchOptions<Name extends string = string> {
  /**
   * Which token this request carries: scope, resource, audience or client in place of the interceptor's; a handle from
   * `manager.source()`; `false` for none.
   */
  token?: TokenSelection<Name> | TokenSource | false | undefined
}
