import { needsCertificate } from './client-authentication/tls-client-auth.ts'
import type { ReadCertificate } from './client-certificate.ts'
import type { ClientSettings } from './client-options.ts'
import { digest } from './digest.ts'
import { optionError } from './errors.ts'
import type { GuardedStore } from './store/guarded-store.ts'
import { TokenShare } from './store/token-share.ts'
import type { TokenEndpoint } from './token-endpoint.ts'

/** Where the token of one key is in the store, as long as the client has this secret and shows this certificate. */
export interface SharedPlace {
  readonly share: TokenShare
  /** What makes the token another one; spelt alike in all processes. */
  readonly identity: string
  /** What the token is bound to. */
  readonly certificate: ReadCertificate | undefined
  /** Remembers what is being written, which nobody waits for but {@link ClientShare.settled}. */
  readonly writes: (work: Promise<unknown>) => void
  /** Whether all processes that come here have the same credential, so that what is denied to one is denied to all. */
  readonly sharesErrors: boolean
}

/** What one client shares with its other processes. */
export class ClientShare {
  readonly #store: GuardedStore
  readonly #settings: ClientSettings
  readonly #endpoint: TokenEndpoint
  readonly #writing = new Set<Promise<unknown>>()
  #latest: { readonly credential: string; readonly share: TokenShare } | undefined

  constructor(store: GuardedStore, settings: ClientSettings, endpoint: TokenEndpoint) {
    this.#store = store
    this.#settings = settings
    this.#endpoint = endpoint
  }

  /** Where the token of a key is; `undefined` if the client's secret or certificate cannot be read. */
  async placeOf(key: string, signal: AbortSignal): Promise<SharedPlace | undefined> {
    try {
      const certificate = await this.#endpoint.readCertificate(signal)
      const share = this.#shareOf(await this.#credential(certificate))
      const identity = certificate === undefined ? key : `${key} ${certificate.thumbprint}`
      return {
        share,
        identity,
        certificate,
        writes: this.#writes,
        sharesErrors: this.#settings.credentialId === undefined,
      }
    } catch {
      // The token request meets the same, and says it better.
      return undefined
    }
  }

  /** Resolves when the store has what was written, or did not take it in time. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing)
  }

  readonly #writes = (work: Promise<unknown>): void => {
    this.#writing.add(work)
    void work.finally(() => this.#writing.delete(work))
  }

  // A digest of what only this client knows. Each part has its place, so that none can stand for another.
  async #credential(certificate: ReadCertificate | undefined): Promise<string> {
    const { name, credentialId, authentication, grant } = this.#settings
    if (credentialId !== undefined) return digest(`credentialId ${credentialId}`)
    const byCertificate = needsCertificate(authentication.method) ? certificate?.keyDigest() : undefined
    const secrets = [await authentication.secretDigest?.(name), await grant.secretDigest?.(name), byCertificate]
    return digest(JSON.stringify(secrets))
  }

  // Deriving keys takes longer than using them.
  #shareOf(credential: string): TokenShare {
    if (this.#latest?.credential !== credential) {
      this.#latest = { credential, share: new TokenShare(this.#store, credential) }
    }
    return this.#latest.share
  }
}

/**
 * Whether the tokens of a client can be of use to its other processes: not those that are bound to a key of this process.
 * @param at the options' place, for messages: `''` or `clients.orders.`
 * @throws TypeError naming `credentialId` if nothing is known by which the client's tokens could be kept from others
 */
export function canShare({ dpop, credentialId, authentication, grant }: ClientSettings, at: string): boolean {
  if (dpop?.isShared === false) return false
  const secret = credentialId ?? authentication.secretDigest ?? grant.secretDigest
  if (secret !== undefined || needsCertificate(authentication.method)) return true
  throw optionError(
    `${at}credentialId`,
    'is missing: beside `store`, a client whose secret evertoken does not see needs it',
    'It separates the tokens of this client from those of others in the store: give text that no other client has.',
  )
}
