import type { ClientOptions } from './client-options.ts'
import type { Clock } from './clock.ts'
import type { GetTokenOptions } from './get-token-options.ts'
import type { TokenLogger } from './logger.ts'
import type { TokenStore } from './store/token-store.ts'
import type { TokenParameterOptions } from './token-parameters.ts'

/** What concerns the whole manager. */
export interface TokenManagerSettings {
  /**
   * How many tokens are kept beside those of configured clients and held handles; as many clients are kept that a function
   * gave. Default 10,000.
   */
  readonly maxTokens?: number | undefined
  /**
   * How many tokens are kept that were obtained on behalf of users. They have room of their own, so that no number of
   * users takes away that of the service's tokens. Default 10,000.
   */
  readonly maxExchangedTokens?: number | undefined
  /** Gets a line per event: a pino logger or one like it. Default: silence. */
  readonly logger?: TokenLogger | undefined
  /** Shares tokens with the other processes of a fleet, such as a `RedisTokenStore`. Default: none. */
  readonly store?: TokenStore | undefined
  /** Time and chance, for tests. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** One client; several by name; or a function from name to options, for tenants known only at run time. */
export type TokenManagerOptions<Name extends string = string> =
  | (TokenManagerSettings & ClientOptions & { readonly clients?: undefined })
  | (TokenManagerSettings & { readonly [Option in keyof ClientOptions]?: never } & {
      /**
       * Options by client name, or a function from name to options, which is called when a name is first used. It does not
       * wait: what takes time belongs in `clientSecret`.
       */
      readonly clients: Readonly<Record<Name, ClientOptions>> | ((name: Name) => ClientOptions)
    })

/** Which token is wanted: what is given replaces what the client's options say. */
export interface TokenSelection<Name extends string = string> extends TokenParameterOptions {
  /** The client's name; needed when there are several. */
  readonly client?: Name | undefined
  /**
   * The token of the user on whose behalf another is wanted, for clients whose `grant` asks for it. Each user's is cached
   * on its own. Kept in memory, and sent to the token endpoint, again when a refresh is due.
   * @see RFC 8693 §2.1
   */
  readonly subjectToken?: string | undefined
}

/** Which token one call wants, and how. */
export interface TokenRequest<Name extends string = string> extends TokenSelection<Name>, GetTokenOptions {}

/** A manager of one client takes requests without `client`; one of several needs it. */
export type TokenRequestArguments<Name extends string> = [Name] extends [never]
  ? [request?: TokenRequest<never>]
  : [request: TokenRequest<Name> & { readonly client: Name }]

/** Like {@link TokenRequestArguments}, where nothing is waited for. */
export type TokenSelectionArguments<Name extends string> = [Name] extends [never]
  ? [selection?: TokenSelection<never>]
  : [selection: TokenSelection<Name> & { readonly client: Name }]
