import { newTokenId } from '../jws.ts'

/** What a token was issued for. */
export interface TokenGrant {
  readonly clientId: string
  /** Parted by spaces; empty for none. */
  readonly scope: string
  /** When it expires by the server's clock, epoch milliseconds. */
  readonly expiresAt: number
  /** The key it is bound to, as a JWK thumbprint. @see RFC 9449 §6.1 */
  readonly jkt?: string | undefined
  /** The certificate it is bound to, as `x5t#S256`. @see RFC 8705 §3.1 */
  readonly certificate?: string | undefined
}

/** A token that the server knows. */
export interface IssuedToken extends TokenGrant {
  /** Counts the tokens of this server, from 1. */
  readonly number: number
  readonly revoked: boolean
}

// Of tokens that have expired: enough to tell which one it was.
const MOST_REMEMBERED = 10_000

/** All tokens of one authorization server, by their text. */
export class IssuedTokens {
  readonly #tokens = new Map<string, { grant: TokenGrant; number: number; revoked: boolean }>()
  #issued = 0

  /** How many were issued. */
  get issued(): number {
    return this.#issued
  }

  issue(grant: TokenGrant, now: number): string {
    this.#issued += 1
    // Told apart at a glance, and from those of another server too.
    const text = `token-${this.#issued}-${newTokenId().slice(0, 8)}`
    this.#tokens.set(text, { grant, number: this.#issued, revoked: false })
    if (this.#tokens.size > MOST_REMEMBERED) this.#forget(now)
    return text
  }

  find(text: string): IssuedToken | undefined {
    const found = this.#tokens.get(text)
    return found && { ...found.grant, number: found.number, revoked: found.revoked }
  }

  /** @returns whether it was a token that had not been revoked */
  revoke(text: string): boolean {
    const found = this.#tokens.get(text)
    if (found === undefined || found.revoked) return false
    found.revoked = true
    return true
  }

  /** @returns how many had not been revoked */
  revokeAll(): number {
    return [...this.#tokens.keys()].filter((text) => this.revoke(text)).length
  }

  #forget(now: number): void {
    const [first] = this.#tokens
    if (first !== undefined && first[1].grant.expiresAt <= now) this.#tokens.delete(first[0])
  }
}
