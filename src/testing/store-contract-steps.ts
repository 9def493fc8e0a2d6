import { ok } from 'node:assert/strict'
import type { Lease, LeaseAnswer, NewRecord, TokenStore } from '../store/token-store.ts'

/** A key as stores get them. */
export const KEY = '1:AbC-_0'

/** For what is to stay during a case. */
export const TTL: { readonly ttlMs: number } = { ttlMs: 60_000 }

/** Under real time long enough for a busy machine, short enough to wait for; milliseconds. */
export const SHORT_MS = 400

/** A token, to be written. */
export function token(value: string): NewRecord {
  return { kind: 'token', value, fingerprint: `print of ${value.slice(0, 99)}` }
}

/** An error, to be written. */
export function error(value: string): NewRecord {
  return { kind: 'error', value, fingerprint: `print of ${value}` }
}

/** How a lease is asked for. */
export interface LeaseWish {
  readonly key?: string
  readonly ttlMs?: number
  readonly stale?: { readonly fingerprint: string; readonly fence: number }
}

/** Asks for the lease of a key, by default {@link KEY} for five seconds. @throws AssertionError without leases */
export async function getOrLease(store: TokenStore, owner: string, asked: LeaseWish = {}): Promise<LeaseAnswer> {
  const { key = KEY, ttlMs = 5000, stale } = asked
  ok(store.getOrLease !== undefined && store.renew !== undefined, 'has leases')
  return await store.getOrLease(key, { owner, ttlMs, stale })
}

/** @throws AssertionError for an answer that gives no lease */
export function leased(answer: LeaseAnswer): Lease {
  ok(typeof answer === 'object' && 'lease' in answer, `a lease, not ${JSON.stringify(answer)}`)
  return answer.lease
}
