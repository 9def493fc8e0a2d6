import type { TokenEvents } from '../events.ts'

/** Milliseconds, or a text such as `39min 59.5s`; the units are `ms`, `s`, `min`, `h` and `d`. */
export type ScenarioDuration = number | string

/**
 * A piece of the token lifecycle's specification: what happens when, on a virtual clock, and what must be seen.
 *
 * Plain JSON, so that any implementation can be held to it; `docs/scenarios.md` explains the format.
 */
export interface Scenario {
  /** A sentence that promises something. */
  readonly name: string
  /** What goes wrong without it, where that is not plain from the name. */
  readonly why?: string
  /** Client options beside those every scenario has: token endpoint, client id `orders`, secret `secret-1`. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Several clients by name instead of one; each has `options` and these. The client id is the name. */
  readonly clients?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Whether the client secret is given as a function. Default: as a string. */
  readonly secretIsSupplied?: boolean
  /** What every random draw gives, from 0 up to but not including 1. Default 0. */
  readonly random?: number
  /** The events that `expect.events` is about. */
  readonly listen?: readonly (keyof TokenEvents)[]
  /** In the order of time. */
  readonly steps: readonly ScenarioStep[]
}

/** One point in time. What is given happens in the order of these members, and then what is expected is compared. */
export interface ScenarioStep {
  /** Time since the start on the monotonic clock. Default: that of the step before. */
  readonly at?: ScenarioDuration
  /** How often the step is done: all at once, without letting anything else happen in between. Default once. */
  readonly times?: number
  /** Time between these repetitions, each then done and settled on its own. */
  readonly every?: ScenarioDuration
  /** How the next token requests are answered, one each; added to what is left of earlier ones. */
  readonly answer?: readonly ScenarioAnswer[]
  /** How all further token requests are answered, from now on. Default: `{}`. */
  readonly answerAll?: ScenarioAnswer
  /** What random draws give from now on. */
  readonly random?: number
  /** The client secret that the function gives from now on. */
  readonly secret?: string
  /** The wall clock is set forward, or back if negative. */
  readonly moveWall?: ScenarioDuration
  /** The machine sleeps: the wall clock goes on, the monotonic clock and all timers stand still. */
  readonly suspend?: ScenarioDuration
  /** Reports that an API rejected a token; without `token` forgets the cached one. */
  readonly invalidate?: ScenarioTarget & { readonly token?: string }
  /** Aborts the signal of the calls of this name. */
  readonly abort?: string
  /** Asks for a token. */
  readonly call?: ScenarioCall
  /** Waits until every configured client has got a token. */
  readonly ready?: { readonly as: string; readonly timeoutMs?: number }
  /** Forgets the client of this name. */
  readonly removeClient?: string
  /** Closes the manager. */
  readonly close?: { readonly as: string }
  /** What must be seen once everything has happened that can happen without time passing. */
  readonly expect?: ScenarioExpectation
}

/** Which token. `#` in the scope stands for the number of the repetition, from 1. */
export interface ScenarioTarget {
  readonly client?: string
  readonly scope?: string
}

/** One call of `getToken`. */
export interface ScenarioCall extends ScenarioTarget {
  /** The call's name in what is expected; calls may share one. */
  readonly as: string
  readonly minValidityMs?: number
  readonly forceRefresh?: boolean
  readonly timeoutMs?: number
}

/** What the token endpoint does with one request. Nothing given: it answers at once with a token that lives an hour. */
export interface ScenarioAnswer {
  /** Members of the token response beside `access_token` and `token_type`. Default: `{ "expires_in": 3600 }`. */
  readonly token?: Readonly<Record<string, unknown>>
  /** Default 200. Any other: no token, unless `body` holds one. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent instead of a token: text as it is, anything else as JSON. */
  readonly body?: unknown
  /** How long the answer takes. */
  readonly after?: ScenarioDuration
  /** Never answers. */
  readonly hang?: boolean
  /** Refuses the connection. */
  readonly refuse?: boolean
}

/** What must be seen. What is not given is not looked at. */
export interface ScenarioExpectation {
  /** What the calls of each name have come to; where they differ, how many came to what. */
  readonly calls?: Readonly<Record<string, ScenarioOutcome | readonly (readonly [number, ScenarioOutcome])[]>>
  /** How many requests the token endpoint has received so far. */
  readonly requests?: ScenarioCount
  /** When it received each of them so far. */
  readonly requestsAt?: readonly ScenarioDuration[]
  /** Form fields of the last one. */
  readonly lastRequest?: Readonly<Record<string, string>>
  /** How often the function that gives the client secret has been called so far. */
  readonly secretReads?: ScenarioCount
  /** Where the token stands that a call without client and scope would get. */
  readonly state?: string
  /** All events of the kinds in `listen` since the last step that expected any, each with at least these members. */
  readonly events?: readonly ({ readonly event: string } & Readonly<Record<string, unknown>>)[]
}

/** A number, or bounds. */
export type ScenarioCount = number | { readonly atLeast?: number; readonly atMost?: number }

/**
 * `token-7`: the token that the seventh request to the token endpoint was answered with; `a token`: any;
 * `waiting`, `aborted`; `done`, for what gives no token; an object: an error with at least these fields.
 */
export type ScenarioOutcome = string | Readonly<Record<string, unknown>>
