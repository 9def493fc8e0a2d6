import type { GetTokenOptions } from '../../src/index.ts'

/** Makes the worker a process of a service. */
export interface Start {
  readonly redisUrl: string
  readonly encryptionKeys: readonly string[]
  /** Of the authorization server and the API. */
  readonly origin: string
  readonly secret: string
  readonly scope: string
  /** How long one call of Redis may take. */
  readonly timeoutMs: number | undefined
  /** The key, PEM, that all processes bind their tokens to. */
  readonly dpopKey?: string
  /** Instead of the secret. Its process asks for tokens only, and requests nothing of the API. */
  readonly certificate?: {
    readonly cert: string
    readonly key: string
    readonly ca: string
    readonly tokenEndpoint: string
  }
}

/** Requests to the API: so many at once, and then so many per second. */
export interface Load {
  readonly concurrent?: number
  readonly perSecond?: number
  readonly forMs?: number
  /** Asks for such a token instead, and requests nothing of the API. */
  readonly token?: GetTokenOptions
}

export interface LoadReport {
  succeeded: number
  /** How many times requests began to find no usable token in the process. */
  waits: number
  readonly failures: string[]
  /** Milliseconds until each had its token, or none. */
  readonly durations: number[]
  /** For how long the machine kept the process from running meanwhile. */
  stalledMs: number
}

export type ToWorker = { readonly start: Start | undefined } | { readonly id: number; readonly run: Load }

export type FromWorker = { readonly event: WorkerEvent } | { readonly id: number; readonly report: LoadReport }

export type WorkerEvent =
  | 'ready'
  | 'tokenRequested'
  | 'tokenReceived'
  | 'tokenFound'
  | 'storeSuspended'
  | 'storeResumed'
