import { BoundedCache, type Cacheable } from './bounded-cache.ts'
import { type ClientOptions, type ClientSettings, readClientOptions } from './client-options.ts'
import { ClientShare, canShare } from './client-share.ts'
import type { Clock } from './clock.ts'
import { optionError, TokenError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { removedError } from './flight-errors.ts'
import { RequestGate } from './request-gate.ts'
import type { GuardedStore } from './store/guarded-store.ts'
import { TokenEndpoint } from './token-endpoint.ts'
import { cacheKeyPrefix } from './token-key.ts'
import type { SourceContext } from './token-renewal.ts'

/** What the clients of one manager share. */
export interface ClientsContext {
  readonly clock: Clock
  readonly events: TokenEventEmitter
  /** How many clients are kept that come from a function. */
  readonly max: number
  /** Gives the options of clients that are not configured by name. */
  readonly optionsOf: ((name: string) => ClientOptions) | undefined
  /** Where tokens are shared with other processes. */
  readonly store: GuardedStore | undefined
  readonly isClosed: () => boolean
  /** There is a new token of a client with `keepWarm`. */
  readonly onWarmToken: () => void
  /** Whether an axios instance gets its tokens from this manager. */
  readonly isAttached: (axios: object) => boolean
}

/** One client of the manager: its settings, and what its tokens share. */
export class Client implements Cacheable, SourceContext {
  readonly settings: ClientSettings
  readonly clock: Clock
  readonly events: TokenEventEmitter
  readonly endpoint: TokenEndpoint
  readonly gate: RequestGate
  readonly share: ClientShare | undefined
  /** The client's part of its tokens' identities. */
  readonly keyPart: string
  /** The beginning of the keys of its tokens in the cache: made once, for each request makes a key. */
  readonly keyPrefix: string
  readonly whyEnded: () => TokenError | undefined
  readonly onToken: () => void
  #isRemoved = false

  /** @throws TypeError naming a wrong option */
  constructor(name: string, options: unknown, at: string, context: ClientsContext) {
    const { clock, events, store, isClosed, isAttached, onWarmToken } = context
    const settings = readClientOptions(options, name, at)
    const { dpop, grant, keepWarm } = settings
    this.settings = settings
    this.clock = clock
    this.events = events
    this.endpoint = new TokenEndpoint(settings, clock, events, isAttached)
    this.gate = new RequestGate(name, clock, this.endpoint.credentialChanged)
    this.share = store && canShare(settings, at) ? new ClientShare(store, settings, this.endpoint) : undefined
    this.keyPart = JSON.stringify([
      ...[name, settings.tokenEndpoint ?? settings.issuer, settings.clientId],
      ...(dpop === undefined ? [] : [dpop.thumbprint]),
      ...(grant.type === 'client_credentials' ? [] : [grant.type, grant.keyPart]),
    ])
    this.keyPrefix = cacheKeyPrefix(this.keyPart, settings.parameters)
    this.whyEnded = () => {
      if (this.#isRemoved) return removedError(name)
      return isClosed() ? closedError(name) : undefined
    }
    this.onToken = keepWarm ? onWarmToken : () => {}
  }

  key(): string {
    return this.settings.name
  }

  busy(): boolean {
    return this.gate.refusal() !== undefined
  }

  /** From now on no token is requested for it. */
  remove(): void {
    this.#isRemoved = true
  }
}

/** The clients of one manager by name. */
export class Clients {
  readonly #context: ClientsContext
  readonly #byName: BoundedCache<Client>
  // What a request without a client's name means, where that is clear.
  #only: Client | undefined

  constructor(context: ClientsContext) {
    this.#context = context
    this.#byName = new BoundedCache(context.max)
  }

  /** The only configured client. */
  get only(): Client | undefined {
    return this.#only
  }

  /** Adds a client that stays until it is removed. @throws TypeError naming a wrong option */
  configure(name: string, options: unknown, at: string): Client {
    const client = new Client(name, options, at, this.#context)
    this.#byName.pin(client)
    this.#only = this.#byName.values().size === 1 ? client : undefined
    return client
  }

  /** @throws TypeError when the name is missing; TokenError `unknown_client` */
  find(name: string | undefined): Client {
    if (name !== undefined && typeof name !== 'string') throw optionError('client', 'must be the name of a client')
    const known = name === undefined ? this.#only : this.#byName.get(name)
    if (known !== undefined) return known
    const { optionsOf } = this.#context
    const names = [...this.#byName.values()].map((client) => `"${client.settings.name}"`).join(', ')
    const hint = optionsOf === undefined && names !== '' ? `This manager has ${names}.` : undefined
    if (name === undefined) {
      throw optionError('client', 'must be given', hint ?? 'This manager gets its clients by name from a function.')
    }
    if (optionsOf === undefined) {
      throw new TokenError({ code: 'unknown_client', client: name, message: `There is no client "${name}".`, hint })
    }
    const place = `clients(${JSON.stringify(name)})`
    const options = optionsOf(name)
    if (options instanceof Promise) {
      // Nobody else would hear of it, and the process would end.
      options.catch(() => {})
      throw optionError(place, 'must return options, not a promise of them')
    }
    const client = new Client(name, options, `${place}.`, this.#context)
    // Its tokens keep it: a second one for the same credential would be a second memory of failed logins.
    this.#byName.hold(client)
    return this.#byName.getOrCreate(name, () => client)
  }

  /** Forgets a client, if there is one of that name. */
  remove(name: string): void {
    const client = this.#byName.get(name)
    if (client === undefined) return
    if (this.#only === client) this.#only = undefined
    this.#byName.deleteWhere((other) => other === client)
    client.remove()
  }
}

function closedError(client: string): TokenError {
  return new TokenError({
    code: 'closed',
    client,
    message: `The token manager is closed and has no valid token for client "${client}".`,
    hint: 'Close it after the last request.',
  })
}
