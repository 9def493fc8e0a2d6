import type { CredentialExpiry } from './client-authentication/client-authentication.ts'
import type { Clock } from './clock.ts'
import type { TokenEventEmitter } from './events.ts'

const DAY_MS = 24 * 3_600_000
const MOST_AHEAD_MS = 30 * DAY_MS
// Of what lives shorter, as certificates that are renewed by themselves do, the last fifth.
const SHARE_AHEAD = 1 / 5

/** Tells when a client's credential expires, and ahead of time and once a day that it does. */
export class CredentialExpiryNotices {
  readonly #client: string
  readonly #events: TokenEventEmitter
  readonly #clock: Clock
  readonly #told = new Map<CredentialExpiry['what'], number>()

  constructor(client: string, events: TokenEventEmitter, clock: Clock) {
    this.#client = client
    this.#events = events
    this.#clock = clock
  }

  /** Looks at a credential that is about to be used. */
  look(expiry: CredentialExpiry | undefined): void {
    if (expiry === undefined) return
    const now = this.#clock.now()
    const { what, expiresAt } = expiry
    this.#events.emit('credentialUsed', () => ({ client: this.#client, what, expiresAt }))
    if (expiresAt - now >= aheadMs(expiry)) return
    // A clock that was set back must not silence it.
    if (Math.abs(now - (this.#told.get(what) ?? Number.NEGATIVE_INFINITY)) < DAY_MS) return
    this.#told.set(what, now)
    this.#events.emit('credentialExpiring', () => ({ client: this.#client, what, expiresAt }))
  }
}

function aheadMs({ issuedAt = Number.NEGATIVE_INFINITY, expiresAt }: CredentialExpiry): number {
  return Math.min(MOST_AHEAD_MS, (expiresAt - issuedAt) * SHARE_AHEAD)
}
