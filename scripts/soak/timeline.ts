/** A stretch of time, epoch milliseconds. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Whether any of the spans has a moment in common with this one. */
export function touches(spans: readonly Span[], { from, to }: Span): boolean {
  return spans.some((span) => span.from <= to && span.to >= from)
}

/** The same spans, lasting longer by `ms`. */
export function prolonged(spans: readonly Span[], ms: number): Span[] {
  return spans.map(({ from, to }) => ({ from, to: to + ms }))
}

/** A worker process, from its start to its end. */
export interface WorkerLife extends Span {
  /** Counts all that were started. */
  readonly id: number
  /** Which of the fleet's places it has. */
  readonly place: number
}

/** A worker got a token: by a request of its own, or from the store. */
export interface Holding {
  readonly worker: number
  readonly client: string
  readonly fingerprint: string
  readonly at: number
  readonly lifetimeMs: number
  /** How long it was still valid then. */
  readonly leftMs: number
}

/** The wall clock of a worker was moved. */
export interface ClockJump {
  readonly worker: number
  readonly at: number
  readonly byMs: number
}

/** The store had nothing any more. */
export interface Loss {
  readonly at: number
  /** For this client; `undefined` for all. */
  readonly client?: string | undefined
}

/** Everything that happened to the fleet: what the oracle and the perfect fleet go by. */
export interface Timeline extends Span {
  readonly lives: readonly WorkerLife[]
  readonly holdings: readonly Holding[]
  readonly jumps: readonly ClockJump[]
  /** When all tokens were revoked. */
  readonly revocations: readonly number[]
  /** When the store lost what it had, or had nothing for a client's new certificate. */
  readonly losses: readonly Loss[]
  /** When the API began to want another nonce. */
  readonly apiNonces: readonly number[]
  /** When the token endpoint did. */
  readonly tokenNonces: readonly number[]
  /** No token could be had. */
  readonly withoutTokens: readonly Span[]
  /** The store was of no use. */
  readonly withoutStore: readonly Span[]
  /** The machine kept a process from running: a worker, or the one that all servers are in. */
  readonly stalls: readonly Span[]
  /** The API rejected valid tokens. */
  readonly wrongRejections: readonly Span[]
  /** Lifetimes of the clients' tokens, milliseconds. */
  readonly lifetimes: Readonly<Record<string, number>>
}

/** When the store had nothing any more for a client. */
export function lossesOf(client: string, { losses }: Timeline): number[] {
  return losses.filter((loss) => (loss.client ?? client) === client).map(({ at }) => at)
}
