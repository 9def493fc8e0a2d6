import { grantedDetails } from '../authorization-details.ts'
import type { StoreCell } from './encryption.ts'
import type { GuardedStore } from './guarded-store.ts'
import { type OpenedRecord, openError, openToken, type SharedToken } from './record.ts'
import type { StoredRecord } from './token-store.ts'

/** A token found in the store, and how long this process may believe in it. */
export interface FoundToken {
  readonly token: SharedToken
  readonly leftMs: number
}

/** An error that another process with the same credential met. */
export interface FoundError {
  readonly error: Readonly<Record<string, unknown>>
  readonly leftMs: number
}

// Nobody remembers an error for longer than a server may ask to wait.
const LONGEST_ERROR_MS = 60 * 60_000

// How far the clock of another host may be behind ours before its tokens live shorter for us.
const CLOCK_DIFFERENCE_MS = 30_000

/** The token in a record; `undefined` if it cannot be read, which is told, or is over by any of the clocks. */
export function foundToken(
  record: StoredRecord,
  cell: StoreCell,
  key: string,
  shared: GuardedStore,
): FoundToken | undefined {
  const opened = readable(shared, 'token', () => sound(openToken(record.value, { cell, key, fence: fenceOf(record) })))
  if (opened === undefined) return undefined
  const { content: token, expiresAt } = opened
  // What the way here and the way to the API may take.
  const leftMs = Math.min(leftOf(record, expiresAt, shared), token.lifetimeMs) - Math.min(token.lifetimeMs / 20, 2000)
  return leftMs > 0 ? { token, leftMs } : undefined
}

/** The error in a record, in the same way. */
export function foundError(
  record: StoredRecord,
  cell: StoreCell,
  key: string,
  shared: GuardedStore,
): FoundError | undefined {
  const opened = readable(shared, 'error', () => object(openError(record.value, { cell, key, fence: fenceOf(record) })))
  if (opened === undefined) return undefined
  const leftMs = Math.min(leftOf(record, opened.expiresAt, shared), LONGEST_ERROR_MS)
  return leftMs > 0 ? { error: opened.content, leftMs } : undefined
}

// The store's clock is one for all processes; the writer's wall clock catches what was written late, or once more.
function leftOf(record: StoredRecord, expiresAt: number, { clock }: GuardedStore): number {
  return Math.min(record.leftMs, expiresAt - clock.now() + CLOCK_DIFFERENCE_MS)
}

const YEAR_MS = 365 * 24 * 3_600_000

// What is in the clear anybody may have written, and the rest another release.
function sound(opened: OpenedRecord<SharedToken>): OpenedRecord<SharedToken> {
  const { content: token } = opened
  const { tokenType, scope, lifetimeMs, refreshInMs = 0, authorizationDetails = [] } = token
  const isSound =
    (tokenType === 'Bearer' || tokenType === 'DPoP') &&
    Array.isArray(scope) &&
    scope.every((one) => typeof one === 'string') &&
    grantedDetails(authorizationDetails) !== undefined &&
    [lifetimeMs, refreshInMs].every((ms) => typeof ms === 'number' && ms >= 0 && ms <= YEAR_MS) &&
    lifetimeMs > 0 &&
    /^[!-~](?:[ -~]*[!-~])?$/.test(token.reveal())
  if (!isSound) throw new Error('Not a token')
  return opened
}

function fenceOf({ fence }: StoredRecord): number {
  if (Number.isInteger(fence)) return fence
  throw new Error('Not a fence')
}

function object<T extends OpenedRecord<unknown>>(opened: T): T {
  if (typeof opened.content === 'object' && opened.content !== null) return opened
  throw new Error('Not an error')
}

function readable<T>(
  shared: GuardedStore,
  kind: 'token' | 'error',
  open: () => OpenedRecord<T>,
): OpenedRecord<T> | undefined {
  try {
    return open()
  } catch {
    shared.unreadable(kind)
    return undefined
  }
}
