import { BoundedCache } from './bounded-cache.ts'
import type { Client } from './clients.ts'
import { readSubjectToken, subjectTokenMissing, subjectTokenUnused } from './grant/subject-token.ts'
import { cacheKey, cacheKeyPrefix, type TokenParameters } from './token-key.ts'
import { readTokenParameters, type TokenParameterOptions } from './token-parameters.ts'
import { TokenSource } from './token-source.ts'

/** Which of a client's tokens is wanted. */
export interface WantedToken extends TokenParameterOptions {
  readonly subjectToken?: string | undefined
}

interface ReadToken {
  readonly key: string
  readonly parameters: TokenParameters
  readonly create: () => TokenSource
}

/**
 * The sources of a manager: one per key, always. Those on behalf of users have room of their own, so that no number of
 * users takes away that of the service's tokens.
 */
export class TokenSources {
  readonly #own: BoundedCache<TokenSource>
  readonly #exchanged: BoundedCache<TokenSource>

  constructor(max: number, maxExchanged: number) {
    this.#own = new BoundedCache(max)
    this.#exchanged = new BoundedCache(maxExchanged)
  }

  /**
   * The one source for what is wanted of a client, made if there is none.
   * @throws TypeError for a wrong option
   */
  of(client: Client, wanted: WantedToken): TokenSource {
    const { scope: byDefault } = client.settings.parameters
    const scope = namesScopeOnly(wanted) ? listOf(wanted.scope === undefined ? byDefault : wanted.scope) : undefined
    // Scopes that are known have been checked already.
    const key = scope && cacheKey(client.keyPrefix, scope)
    const known = key === undefined ? undefined : this.#own.get(key)
    if (known !== undefined) return known
    const read = this.#read(client, wanted)
    return this.#cacheFor(read.parameters).getOrCreate(read.key, read.create)
  }

  /** Keeps the source of what a client's options name until it is deleted. */
  pin(client: Client): void {
    const { key, create } = this.#read(client, {})
    this.#own.pin(this.#own.get(key) ?? create())
  }

  /** Those that are kept until they are deleted. */
  pinned(): Iterable<TokenSource> {
    return this.#own.pinned()
  }

  /** Keeps a source findable for as long as somebody holds it. */
  hold(source: TokenSource): void {
    this.#cacheFor(source.parameters()).hold(source)
  }

  /** Forgets the sources of one client, and returns them. */
  deleteOf(client: string): TokenSource[] {
    return [this.#own, this.#exchanged].flatMap((cache) => [...cache.deleteWhere((source) => source.client === client)])
  }

  /** The service's own that somebody means to keep: pinned, or held. */
  lasting(): Iterable<TokenSource> {
    return this.#own.lasting()
  }

  /** All there are, each once. */
  values(): TokenSource[] {
    return [...this.#own.values(), ...this.#exchanged.values()]
  }

  #read(client: Client, wanted: WantedToken): ReadToken {
    const { name, grant, parameters } = client.settings
    const subject = readSubjectToken(wanted.subjectToken, 'subjectToken')
    if (subject !== undefined && !grant.takesSubjectToken) throw subjectTokenUnused(name)
    const read = readTokenParameters(wanted, '', parameters)
    // One object for as many as have nothing of their own but scopes.
    const others = namesScopeOnly(wanted) ? parameters : { ...read, ...(subject && { subject }) }
    const prefix = others === parameters ? client.keyPrefix : cacheKeyPrefix(client.keyPart, others)
    const key = cacheKey(prefix, read.scope) as string
    // HTTP clients hold a source for requests that do not say for whom: it makes no request, and its callers learn why.
    const isNobodys = grant.takesSubjectToken && subject === undefined
    const context = isNobodys ? { ...client, whyEnded: () => client.whyEnded() ?? subjectTokenMissing(name) } : client
    return { key, parameters: others, create: () => new TokenSource(context, key, read.scope, others) }
  }

  #cacheFor({ subject }: TokenParameters): BoundedCache<TokenSource> {
    return subject === undefined ? this.#own : this.#exchanged
  }
}

function namesScopeOnly(wanted: WantedToken): boolean {
  const { resource, audience, parameters, authorizationDetails, subjectToken } = wanted
  return (
    resource === undefined &&
    audience === undefined &&
    parameters === undefined &&
    authorizationDetails === undefined &&
    subjectToken === undefined
  )
}

function listOf(scope: unknown): readonly unknown[] | undefined {
  if (typeof scope === 'string') return scope.split(' ').filter((one) => one !== '')
  return Array.isArray(scope) ? scope : undefined
}
