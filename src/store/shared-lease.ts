import type { Clock } from '../clock.ts'
import { orElse } from './guarded-store.ts'
import type { SharedToken } from './record.ts'
import { LEASE_MS, type StorePlace } from './store-place.ts'
import type { Lease } from './token-store.ts'

const RENEW_AFTER_MS = 1500

/** A lease, and where it holds. */
export interface HeldLease {
  readonly place: StorePlace
  readonly lease: Lease
}

/** The right to request a token for the fleet. No method rejects, unless it says so. */
export class SharedLease {
  readonly #held: readonly HeldLease[]
  readonly #clock: Clock

  constructor(held: readonly HeldLease[], clock: Clock) {
    this.#held = held
    this.#clock = clock
  }

  /** Runs the request of a token, and renews the lease as long as it runs. Settles as the request does. */
  async during<T>(request: () => Promise<T>): Promise<T> {
    const done = new AbortController()
    void this.#renewUntil(done.signal)
    try {
      return await request()
    } finally {
      done.abort('over')
    }
  }

  /** Gives the lease up, or with `afterMs` keeps others from a request for that long. */
  async release(afterMs = 0): Promise<void> {
    await this.#hold(afterMs)
  }

  /**
   * Writes a token with what is left of it, and gives the lease up. Whether it was written: not if the store has a newer
   * one. Remembers in `token` that it is the store's, so pass that as `known` later.
   */
  async put(token: SharedToken, leftMs: number): Promise<boolean> {
    const ttlMs = Math.floor(leftMs)
    if (ttlMs > 0) return await this.#everywhere(({ place, lease }) => place.put(token, ttlMs, lease))
    await this.release()
    return false
  }

  /** Shares an error for a while, as JSON without any secret, and gives the lease up. It never displaces a token. */
  async putError(error: object, ttlMs: number): Promise<boolean> {
    return await this.#everywhere(({ place, lease }) => place.putError(error, ttlMs, lease))
  }

  async #hold(ttlMs: number): Promise<void> {
    for (const { place, lease } of this.#held) await place.renew(lease, ttlMs)
  }

  async #everywhere(write: (held: HeldLease) => Promise<boolean>): Promise<boolean> {
    return await orElse(false, () => allOf(this.#held, write))
  }

  async #renewUntil(done: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await this.#clock.sleep(RENEW_AFTER_MS, done, { ref: false })
        await this.#hold(LEASE_MS)
      }
    } catch {
      // The request is over.
    }
  }
}

/** Whether what was done for each of these, one after the other, came true for all. */
export async function allOf<T>(list: readonly T[], work: (one: T) => Promise<boolean>): Promise<boolean> {
  let isTrue = true
  for (const one of list) isTrue = (await work(one)) && isTrue
  return isTrue
}
