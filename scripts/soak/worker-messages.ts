import type { TestCertificate } from '../../src/testing/index.ts'
import type { FailedRequest } from './oracle.ts'
import type { Holding, Span } from './timeline.ts'

/** Makes a process a worker of the fleet. */
export interface WorkerStart {
  readonly id: number
  readonly redisUrl: string
  readonly encryptionKey: string
  readonly apiOrigin: string
  /** Whom to trust, PEM. */
  readonly ca: string
  /** What the clients show whose tokens are bound to a certificate, until another one comes. */
  readonly certificate: TestCertificate
  /** By name: what a `TokenManager` wants to know of each client. */
  readonly clients: Readonly<Record<string, object>>
  readonly perSecond: number
  /** Breaks the library on purpose: a refresh that fails takes the valid token away. */
  readonly plantMistake: boolean
}

export type ToWorker =
  | { readonly start: WorkerStart }
  | { readonly jumpMs: number }
  | { readonly certificate: TestCertificate }
  | { readonly finish: true }

/** What a worker tells of a request that failed; the API knows the rest. */
export interface WorkerFailure extends Omit<FailedRequest, 'worker' | 'meetings'> {
  readonly request: string
  /** All that can be printed of it. */
  readonly printed: string
}

/** What a worker did since its last report. */
export interface WorkerReport {
  readonly succeeded: number
  readonly failures: readonly WorkerFailure[]
  readonly holdings: readonly Omit<Holding, 'worker'>[]
  /** The longest that a request took which found a usable token. */
  readonly longestWithTokenMs: number
  /** The longest that a request took which had to wait for one. */
  readonly longestWithoutTokenMs: number
  /** Requests that were left out because too many were under way. */
  readonly leftOut: number
  /** After a collection of garbage, now and then. */
  readonly heapBytes?: number | undefined
}

export type FromWorker =
  | { readonly ready: true }
  | { readonly report: WorkerReport }
  | { readonly stall: Span }
  | { readonly unhandled: string }
