import { inspect } from 'node:util'
import { AccessToken } from './access-token.ts'
import type { ClientOptions } from './client-options.ts'
import { Clients } from './clients.ts'
import { systemClock } from './clock.ts'
import { optionError } from './errors.ts'
import { TokenEventEmitter, type TokenEventListener, type TokenEvents } from './events.ts'
import type { GetTokenOptions } from './get-token-options.ts'
import { KeepWarm } from './keep-warm.ts'
import { logEvents } from './logger.ts'
import { managedStore } from './managed-store.ts'
import { count, ownOptions, requireMethods } from './option-values.ts'
import type { GuardedStore } from './store/guarded-store.ts'
import type {
  TokenManagerOptions,
  TokenManagerSettings,
  TokenRequest,
  TokenRequestArguments,
  TokenSelection,
  TokenSelectionArguments,
} from './token-manager-options.ts'
import { TOKEN_PARAMETER_NAMES } from './token-parameters.ts'
import type { TokenSource } from './token-source.ts'
import type { TokenSourceInspection } from './token-source-inspection.ts'
import { TokenSources } from './token-sources.ts'

export type {
  TokenManagerOptions,
  TokenManagerSettings,
  TokenRequest,
  TokenRequestArguments,
  TokenSelection,
  TokenSelectionArguments,
} from './token-manager-options.ts'

// The cache takes memory for all of them at once.
const MOST_TOKENS = 1_000_000

/** The name, in errors and events, of the client of a manager that was made with one client's options. */
const ONLY_CLIENT = 'default'

const NOTHING_ASKED: TokenRequest = {}
const SELECTION_OPTIONS = [...TOKEN_PARAMETER_NAMES, 'client', 'subjectToken']
const REQUEST_OPTIONS = [...SELECTION_OPTIONS, 'signal', 'timeoutMs', 'minValidityMs', 'forceRefresh']

/**
 * Keeps access tokens for any number of clients, scopes and APIs: cached, refreshed before they expire, one request
 * at a time for each.
 *
 * Every method may be called at any time by any number of callers. Nothing happens before the first call, and no
 * timer runs between calls but that of `keepWarm`.
 *
 * @see RFC 6749 §4.4
 */
export class TokenManager<in out Name extends string = never> {
  readonly #events = new TokenEventEmitter()
  readonly #sources: TokenSources
  readonly #clients: Clients
  readonly #keepWarm: KeepWarm
  readonly #store: GuardedStore | undefined
  readonly #attached = new WeakSet<object>()
  #closed = false

  /** @throws TypeError naming the option that is wrong */
  constructor(options: TokenManagerOptions<Name>) {
    const given = ownOptions<TokenManagerSettings & { clients?: object }>(options, '')
    const { clients, maxTokens, maxExchangedTokens, logger, store, clock = systemClock, ...single } = given
    const max = count(maxTokens, 'maxTokens', 10_000, MOST_TOKENS)
    this.#sources = new TokenSources(max, count(maxExchangedTokens, 'maxExchangedTokens', 10_000, MOST_TOKENS))
    requireMethods(clock, 'clock', ['now', 'monotonicNow', 'sleep', 'random'])
    if (logger !== undefined) {
      requireMethods(logger, 'logger', ['debug', 'info', 'warn', 'error'])
      logEvents(this.#events, logger)
    }
    this.#store = store === undefined ? undefined : managedStore(store, clock, this.#events)
    this.#keepWarm = new KeepWarm(clock, () => this.#sources.lasting())
    this.#clients = new Clients({
      clock,
      events: this.#events,
      max,
      optionsOf: typeof clients === 'function' ? (clients as (name: string) => ClientOptions) : undefined,
      store: this.#store,
      isClosed: () => this.#closed,
      onWarmToken: () => this.#keepWarm.start(),
      isAttached: (axios) => this.#attached.has(axios),
    })
    if (clients === undefined) {
      this.#configure(ONLY_CLIENT, single, '')
      return
    }
    const misplaced = Object.keys(single)[0]
    if (misplaced !== undefined)
      throw optionError(misplaced, 'is not an option beside `clients`', 'Give it to each client.')
    if (typeof clients === 'function') return
    if (clients instanceof Map) throw optionError('clients', 'must be an object', 'Use `Object.fromEntries(map)`.')
    const named = Object.entries(ownOptions<Record<string, ClientOptions>>(clients, 'clients.'))
    if (named.length === 0) throw optionError('clients', 'must name at least one client')
    for (const [name, one] of named) this.#configure(name, one, `clients.${name}.`)
  }

  /**
   * A usable token: at once while the cached one is valid, else after the one request that all callers share.
   * @throws TypeError for a wrong option of the request
   * @throws TokenError `unknown_client`, `closed`, or why no token can be had; the signal's reason when it aborts
   */
  async getToken(...request: TokenRequestArguments<Name>): Promise<AccessToken> {
    const [given = NOTHING_ASKED] = request
    const own = ownOptions<TokenRequest>(given, '', REQUEST_OPTIONS)
    return this.#sources.of(this.#clients.find(own.client), own).tokenOrPromise(own)
  }

  /** The text of a usable token. @throws like {@link TokenManager.getToken} */
  async getAccessToken(...request: TokenRequestArguments<Name>): Promise<string> {
    return (await this.getToken(...request)).reveal()
  }

  /**
   * A handle on one token, for code that uses the same one again and again.
   * @throws TypeError for a wrong option of the request; TokenError `unknown_client`
   */
  source(...selection: TokenSelectionArguments<Name>): TokenSource {
    const source = this.sourceOf(selection[0])
    this.#sources.hold(source)
    return source
  }

  /**
   * Reports that an API rejected a token: it is not used again before a new one was asked for. Reports of a token
   * that is no longer the current one do nothing. Without `rejected` forgets the current token, whichever it is.
   * @throws like {@link TokenManager.source}, and TypeError for a token in place of the selection
   */
  invalidate(selection: TokenSelectionArguments<Name>[0], rejected?: AccessToken | string): void {
    if (selection instanceof AccessToken || typeof selection === 'string')
      throw optionError('selection', 'is a token', 'Give the token second: `invalidate({}, token)`.')
    this.sourceOf(selection).invalidate(rejected)
  }

  /** Forgets every token of one client, or of all, and every remembered failure. */
  invalidateAll({ client }: { readonly client?: Name | undefined } = {}): void {
    for (const source of this.#sources.values())
      if (client === undefined || source.client === client) source.invalidate()
  }

  /**
   * Resolves once every configured client has got a token, and from then on at once: for startup probes, so that
   * an outage of the authorization server later does not take every replica out of rotation.
   * @throws like {@link TokenManager.getToken}
   */
  async ready({ signal, timeoutMs }: Pick<GetTokenOptions, 'signal' | 'timeoutMs'> = {}): Promise<void> {
    const missing = [...this.#sources.pinned()].filter((source) => !source.hadToken())
    await Promise.all(missing.map((source) => source.getToken({ signal, timeoutMs })))
  }

  /** What is known of every token, and why it is used or not; plain data without secrets. */
  inspect(): TokenSourceInspection[]
  /** The same of one token. @throws like {@link TokenManager.source} */
  inspect(selection: NonNullable<TokenSelectionArguments<Name>[0]>): TokenSourceInspection
  inspect(selection?: TokenSelection<Name>): TokenSourceInspection | TokenSourceInspection[] {
    if (selection !== undefined) return this.sourceOf(selection).inspect()
    return this.#sources.values().map((source) => source.inspect())
  }

  /** Listens to one kind of event; the function that is returned ends that. @throws TypeError for a name that is no event */
  on<Event extends keyof TokenEvents>(event: Event, listener: TokenEventListener<Event>): () => void {
    return this.#events.on(event, listener)
  }

  /**
   * Forgets a client and its tokens. Its handles fail from now on with `unknown_client`; callers that wait are served.
   * Where `clients` is a function, the next use of the name asks it again.
   */
  removeClient(name: Name): void {
    this.#clients.remove(name)
    for (const source of this.#sources.deleteOf(name)) source.drop()
  }

  /**
   * Starts no request any more: cached tokens are served while they are valid, callers that wait are served, and
   * refreshes nobody waits for are abandoned. Resolves when nothing is under way for the clients there are.
   *
   * With `revoke` the tokens are then revoked at the authorization server, where it offers that, and no longer served;
   * what fails is told as `revocationFailed`. @see RFC 7009
   * @throws TypeError for `revoke` beside a `store`, and then closes nothing
   */
  async close({ revoke = false }: { readonly revoke?: boolean | undefined } = {}): Promise<void> {
    if (revoke && this.#store !== undefined) {
      throw optionError('revoke', 'cannot be used beside `store`', 'Other processes use the tokens that this one has.')
    }
    this.#closed = true
    this.#keepWarm.stop()
    const sources = this.#sources.values()
    await Promise.all(sources.map((source) => source.finish()))
    if (revoke) await Promise.all(sources.map((source) => source.revoke()))
  }

  /** Closes the manager, without revoking. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** @internal */
  [inspect.custom](): string {
    return `TokenManager ${inspect(this.inspect())}`
  }

  /** @internal The events, for what belongs to the manager but lives elsewhere. */
  get events(): TokenEventEmitter {
    return this.#events
  }

  /** @internal All tokens there are. A method, because printing an object may evaluate its getters. */
  allSources(): readonly TokenSource[] {
    return this.#sources.values()
  }

  /** @internal Whether the store is left alone at the moment; `undefined` where there is none. */
  isStoreSuspended(): boolean | undefined {
    return this.#store?.isSuspended
  }

  /** @internal Remembers the axios instances that must not carry token requests, because they wait for tokens. */
  get attached(): WeakSet<object> {
    return this.#attached
  }

  /** @internal The one source for a request. */
  sourceOf(selection: TokenSelection = {}): TokenSource {
    const own = ownOptions<TokenSelection>(selection, '', SELECTION_OPTIONS)
    return this.#sources.of(this.#clients.find(own.client), own)
  }

  /** @internal Whether this is the value of a header that carries a token that is held. */
  holds(value: unknown): boolean {
    for (const source of this.#sources.values()) {
      const token = source.current()
      if (token !== undefined && AccessToken.headersOf(token).some(([, ours]) => ours === value)) return true
    }
    return false
  }

  /** @internal Whether a request without `client` says enough. */
  hasDefaultClient(): boolean {
    return this.#clients.only !== undefined
  }

  // Configured clients and the tokens their options name stay for good: they are what the manager is there for.
  #configure(name: string, options: unknown, at: string): void {
    const client = this.#clients.configure(name, options, at)
    // One for users has none of its own.
    if (!client.settings.grant.takesSubjectToken) this.#sources.pin(client)
  }
}
