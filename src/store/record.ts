import { inspect } from 'node:util'
import { type AuthorizationDetail, frozenJson } from '../authorization-details.ts'
import type { StoreCell } from './encryption.ts'
import type { NewRecord } from './token-store.ts'

/** What a {@link SharedToken} is made of. */
export interface SharedTokenInit {
  readonly value: string
  readonly tokenType: string
  readonly scope: readonly string[]
  readonly authorizationDetails?: readonly AuthorizationDetail[] | undefined
  /** The whole lifetime in milliseconds, from just before the token was requested. */
  readonly lifetimeMs: number
  /** The server's hint when to refresh, in milliseconds from the same moment. */
  readonly refreshInMs?: number | undefined
}

/** A token on its way to or from a store. Printed or serialised it shows everything but the token. */
export class SharedToken {
  readonly #value: string
  readonly tokenType: string
  readonly scope: readonly string[]
  readonly authorizationDetails: readonly AuthorizationDetail[] | undefined
  readonly lifetimeMs: number
  readonly refreshInMs: number | undefined
  /** The fence with which it is in the store, by encryption key. */
  readonly #fences = new Map<string, number>()

  constructor(init: SharedTokenInit) {
    this.#value = init.value
    this.tokenType = init.tokenType
    this.scope = init.scope
    this.authorizationDetails = init.authorizationDetails
    this.lifetimeMs = init.lifetimeMs
    this.refreshInMs = init.refreshInMs
  }

  /** The token itself. */
  reveal(): string {
    return this.#value
  }

  /** The record in a store that is not newer than this token. @internal */
  recordIn(cell: StoreCell): { readonly fingerprint: string; readonly fence: number } {
    // Where its fence is not known, whatever holds this token is this token.
    return {
      fingerprint: cell.fingerprint(this.#value),
      fence: this.#fences.get(cell.keyId) ?? Number.MAX_SAFE_INTEGER,
    }
  }

  /** Remembers with which fence it is in the store. @internal */
  foundIn(cell: StoreCell, fence: number): this {
    this.#fences.set(cell.keyId, fence)
    return this
  }

  /** Everything but the token. */
  toJSON(): Record<string, unknown> {
    const { tokenType, scope, lifetimeMs, refreshInMs } = this
    return { tokenType, scope, lifetimeMs, refreshInMs }
  }

  /** @internal */
  [inspect.custom](): string {
    return `SharedToken ${inspect(this.toJSON())}`
  }
}

/** Where a record belongs: what it is bound to beside its own header. */
export interface RecordPlace {
  readonly cell: StoreCell
  /** The key in the store. */
  readonly key: string
  readonly fence: number
}

/** A record that was read. */
export interface OpenedRecord<T> {
  readonly content: T
  /** When it expires, in epoch milliseconds by the wall clock of the process that wrote it. */
  readonly expiresAt: number
}

const VERSION = '1'

/** The record of a token. `expiresAt`: epoch milliseconds by this process's wall clock. */
export function tokenRecord(token: SharedToken, expiresAt: number, place: RecordPlace): NewRecord {
  const { tokenType, scope, authorizationDetails, lifetimeMs, refreshInMs } = token
  const about = JSON.stringify({ tokenType, scope, authorizationDetails, lifetimeMs, refreshInMs })
  const { fingerprint } = token.recordIn(place.cell)
  return { kind: 'token', fingerprint, value: sealed('token', `${about}\n${token.reveal()}`, expiresAt, place) }
}

/** The record of an error that is remembered, given as JSON without any secret. */
export function errorRecord(content: object, expiresAt: number, place: RecordPlace): NewRecord {
  const text = JSON.stringify(content)
  return { kind: 'error', fingerprint: place.cell.fingerprint(text), value: sealed('error', text, expiresAt, place) }
}

/** The fingerprint of the record of this error. */
export function errorFingerprint(content: object, cell: StoreCell): string {
  return cell.fingerprint(JSON.stringify(content))
}

/** Reads the record of a token. @throws Error for anything that was not written for this very place */
export function openToken(value: string, place: RecordPlace): OpenedRecord<SharedToken> {
  const { text, expiresAt } = opened('token', value, place)
  // JSON has no line breaks of its own.
  const end = text.indexOf('\n')
  const about = frozenJson<Omit<SharedTokenInit, 'value'>>(text.slice(0, end))
  const content = new SharedToken({ ...about, value: text.slice(end + 1) })
  return { content: content.foundIn(place.cell, place.fence), expiresAt }
}

/** Reads the record of an error. @throws Error for anything that was not written for this very place */
export function openError(value: string, place: RecordPlace): OpenedRecord<Readonly<Record<string, unknown>>> {
  const { text, expiresAt } = opened('error', value, place)
  return { content: JSON.parse(text), expiresAt }
}

function sealed(kind: NewRecord['kind'], text: string, expiresAt: number, place: RecordPlace): string {
  const header = [VERSION, kind, place.cell.keyId, Math.ceil(expiresAt)].join('.')
  return `${header}.${place.cell.seal(text, context(header, place))}`
}

function opened(kind: NewRecord['kind'], value: string, place: RecordPlace): { text: string; expiresAt: number } {
  const end = value.lastIndexOf('.')
  const header = value.slice(0, end)
  const [version, type, keyId, expiresAt, ...more] = header.split('.')
  if (version !== VERSION || type !== kind || keyId !== place.cell.keyId || more.length > 0) {
    throw new Error('Not a record of this kind')
  }
  return { text: place.cell.open(value.slice(end + 1), context(header, place)), expiresAt: Number(expiresAt) }
}

// Neither part holds a line break.
function context(header: string, { key, fence }: RecordPlace): string {
  return `${header}\n${key}\n${fence}`
}
