import { BoundedCache, type Cacheable } from './bounded-cache.ts'
import { type ClientOptions, readClientOptions } from './client-options.ts'
import { ClientShare, canShare } from './client-share.ts'
import type { Clock } from './clock.ts'
import { optionError, TokenError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { RequestGate } from './request-gate.ts'
import type { GuardedStore } from './store/guarded-store.ts'
import { TokenEndpoint } from './token-endpoint.ts'
import type { TokenSourceContext } from './token-flights.ts'

/** One client of the manager: its settings, and what its tokens share. */
export interface Client extends TokenSourceContext, Cacheable {
  /** The client's part of its tokens' keys. */
  readonly keyPart: string
}

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
  /** Whether an axios instance gets its tokens from this manager. */
  readonly isAttached: (axios: object) => boolean
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
    const client = this.#make(name, options, at)
    this.#byName.pin(name, client)
    this.#only = this.#byName.values().size === 1 ? client : undefined
    return client
  }

  /** @throws TypeError when the name is missing; TokenError `unknown_client` */
  find(name: string | undefined): Client {
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
    if (options instanceof Promise) throw optionError(place, 'must return options, not a promise of them')
    const client = this.#make(name, options, `${place}.`)
    // Its tokens keep it: a second one for the same credential would be a second memory of failed logins.
    this.#byName.hold(name, client)
    return this.#byName.getOrCreate(name, () => client)
  }

  /** Forgets a client, if there is one of that name. */
  remove(name: string): void {
    const client = this.#byName.get(name)
    if (client === undefined) return
    if (this.#only === client) this.#only = undefined
    this.#byName.deleteWhere((other) => other === client)
  }

  #make(name: string, options: unknown, at: string): Client {
    const { clock, events, store, isClosed, isAttached } = this.#context
    const settings = readClientOptions(options, name, at)
    const endpoint = new TokenEndpoint(settings, clock, events, isAttached)
    const { dpop, grant } = settings
    const gate = new RequestGate(name, clock, endpoint.credentialChanged)
    return {
      settings,
      clock,
      events,
      endpoint,
      gate,
      share: store && canShare(settings, at) ? new ClientShare(store, settings, endpoint) : undefined,
      // Short where it can be: it is part of the key that each request makes.
      keyPart: JSON.stringify([
        ...[name, settings.tokenEndpoint ?? settings.issuer, settings.clientId],
        ...(dpop === undefined ? [] : [dpop.thumbprint]),
        ...(grant.type === 'client_credentials' ? [] : [grant.type, grant.keyPart]),
      ]),
      whyEnded: () => (isClosed() ? closedError(name) : undefined),
      busy: () => gate.refusal() !== undefined,
    }
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
