import type { SigningAlgorithm } from '../jws.ts'

/** What of a client expires, and when. */
export interface CredentialExpiry {
  readonly what: 'key' | 'certificate' | 'secret'
  /** Epoch milliseconds; since when it is valid, if that is known. */
  readonly issuedAt?: number | undefined
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** One token request while it is being built. Built anew for every attempt. */
export interface TokenRequestDraft {
  /** The client's name in the manager, for errors. */
  readonly client: string
  readonly clientId: string
  /** Where the request goes. */
  readonly tokenEndpoint: string
  /** The issuer identifier, if it is known. */
  readonly issuer: string | undefined
  /** The methods the server's metadata lists, if there is metadata and it lists them. @see RFC 8414 §2 */
  readonly supportedMethods: readonly string[] | undefined
  /** Wall-clock time, epoch milliseconds, for assertions. */
  readonly now: number
  /** The headers so far, names in lower case. */
  readonly headers: Record<string, string>
  /** The form parameters so far. */
  readonly body: URLSearchParams
  /** A digest of the credential that is sent; set by methods that can tell whether it has changed since. */
  credential?: string
  /**
   * What looks like a mistake in the credential, and what to do about it: the hint of the error when the server refuses
   * the credential. Holds nothing of it.
   */
  credentialDoubt?: string | undefined
  /** When the credential that is sent expires; set by methods that know. Leads to the event `credentialExpiring`. */
  credentialExpiry?: CredentialExpiry | undefined
  /** Registers a secret, so that it is blanked out, however it is encoded, of everything that is shown. */
  hide(secret: string): void
}

/**
 * Authenticates the client at the token endpoint by adding to the request. Runs for every attempt, so that an
 * assertion or a rotated secret is never sent twice.
 * @see RFC 6749 §2.3
 */
export interface ClientAuthentication {
  (draft: TokenRequestDraft): void | Promise<void>
  /** The registered name, such as `client_secret_basic`; chosen from the metadata when it is `undefined`. */
  readonly method: string | undefined
  /** A digest of the credential as it is now. Lets a rotated credential end a remembered failure. */
  readonly currentCredential?: ((client: string) => Promise<string>) | undefined
  /**
   * A digest of what only this client knows, as it is now: its secret, or its private key. Separates its tokens in a
   * shared store from those of other clients. `undefined` where no secret is at hand.
   */
  readonly secretDigest?: ((client: string) => string | Promise<string>) | undefined
  /** What is fixed about its assertions: how they are signed, and to whom they are addressed if not to the issuer. */
  readonly assertion?:
    | { readonly algorithm?: SigningAlgorithm | undefined; readonly audience?: string | undefined }
    | undefined
}

/** A client secret, or a function that gives it: asked for every token request, so that a rotated secret is used at once. */
export type ClientSecret = string | (() => string | Promise<string>)

/** Gives an authentication function its name and what else is known of it. */
export function clientAuthentication(
  method: string | undefined,
  authenticate: (draft: TokenRequestDraft) => void | Promise<void>,
  about: Pick<ClientAuthentication, 'currentCredential' | 'secretDigest' | 'assertion'> = {},
): ClientAuthentication {
  return Object.assign((draft: TokenRequestDraft) => authenticate(draft), { method, ...about })
}
