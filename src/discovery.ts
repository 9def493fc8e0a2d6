import { type Clock, elapsedMs, type Instant, instant, withTimeout } from './clock.ts'
import { TokenError, TokenResponseError } from './errors.ts'
import type { TokenEventEmitter } from './events.ts'
import { isTransientStatus, parseRetryAfter } from './retry-after.ts'
import { type MetadataExpectations, readServerMetadata, type ServerMetadata } from './server-metadata.ts'
import { Flight } from './single-flight.ts'
import type { HttpResponse, Send } from './transport.ts'

export type { ServerMetadata } from './server-metadata.ts'

/** Whose metadata to load, and what with. */
export interface DiscoveryOptions extends MetadataExpectations {
  readonly send: Send
  readonly clock: Clock
  /** How long one load may take, milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined
  /** Told `metadataLoaded` and `metadataFailed`. */
  readonly events?: TokenEventEmitter | undefined
}

const FRESH_MS = 60 * 60 * 1000
const PAUSE_AFTER_FAILURE_MS = 60 * 1000

const HINT_ISSUER =
  'Check `issuer`: is there a JSON document when you open that address in a browser? Or give `tokenEndpoint` instead.'
const HINT_ENDPOINT =
  'By its path `issuer` is an endpoint: give the issuer itself, or the token endpoint as `tokenEndpoint`.'

/**
 * The metadata of one issuer, loaded when it is first needed and again when it is an hour old.
 *
 * When a reload fails, the last good metadata serves on and the next reload waits for a minute. A first load
 * that fails is not remembered.
 * @see RFC 8414 §3, OpenID Connect Discovery 1.0 §4
 */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #locations: readonly string[]
  #flight: Flight<ServerMetadata> | undefined
  #known: { readonly metadata: ServerMetadata; readonly since: Instant; readonly forMs: number } | undefined

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#locations = metadataLocations(options.issuer)
  }

  /**
   * The metadata, from the cache or over the network. Concurrent calls share one load; `signal` detaches its caller alone.
   * The time that a load may take does not keep the process alive.
   * @throws TokenError `discovery_failed`, `retryable` where the server or the network is at fault for now
   * @throws TokenError `issuer_mismatch`
   */
  load(signal: AbortSignal): Promise<ServerMetadata> {
    const known = this.#known
    if (known !== undefined && elapsedMs(known.since, this.#options.clock) < known.forMs)
      return Promise.resolve(known.metadata)
    this.#flight ??= new Flight(() => this.#reload())
    return this.#flight.wait(signal)
  }

  /** What the metadata says proved wrong: the next load asks again, unless it is less than a minute old. */
  doubt(): void {
    if (this.#known !== undefined) this.#known = { ...this.#known, forMs: PAUSE_AFTER_FAILURE_MS }
  }

  async #reload(): Promise<ServerMetadata> {
    const { client, issuer, clock, events } = this.#options
    const since = instant(clock)
    try {
      const metadata = await this.#loadInTime()
      this.#known = { metadata, since, forMs: FRESH_MS }
      events?.emit('metadataLoaded', () => ({ client, issuer, tokenEndpoint: metadata.tokenEndpoint }))
      return metadata
    } catch (thrown) {
      const error = this.#failure(thrown)
      events?.emit('metadataFailed', () => ({ client, issuer, error }))
      if (this.#known === undefined) throw error
      this.#known = { metadata: this.#known.metadata, since: instant(clock), forMs: PAUSE_AFTER_FAILURE_MS }
      return this.#known.metadata
    } finally {
      this.#flight = undefined
    }
  }

  async #loadInTime(): Promise<ServerMetadata> {
    const { clock, timeoutMs: ms = 5000 } = this.#options
    const tooLate = () => this.#error(`no answer within ${ms} ms`, { retryable: true })
    return await withTimeout({ clock, ms, tooLate, ref: false }, (signal) => this.#tryLocations(signal))
  }

  async #tryLocations(signal: AbortSignal): Promise<ServerMetadata> {
    const answers: string[] = []
    for (const url of this.#locations) {
      const headers = { accept: 'application/json' }
      const response = await this.#options.send({ method: 'GET', url, headers, signal })
      if (isTransientStatus(response.status)) throw this.#unavailable(url, response)
      const metadata = response.status === 200 ? readServerMetadata(response.body, this.#options) : undefined
      if (metadata !== undefined) return metadata
      answers.push(
        `${url} answered ${response.status === 200 ? 'something that is not metadata' : `with status ${response.status}`}`,
      )
    }
    throw this.#error(answers.join(', '), {})
  }

  #unavailable(url: string, response: HttpResponse): TokenResponseError {
    const { client, clock } = this.#options
    const { status } = response
    return new TokenResponseError({
      code: 'discovery_failed',
      client,
      status,
      retryable: true,
      message: this.#message(`${url} answered with status ${status}`),
      retryAfterMs: parseRetryAfter(response.header('retry-after'), response.header('date'), clock.now()),
    })
  }

  #failure(thrown: unknown): TokenError {
    if (!(thrown instanceof TokenError)) return this.#error('an unexpected error', { cause: thrown })
    if (['discovery_failed', 'issuer_mismatch', 'secret_unavailable'].includes(thrown.code)) return thrown
    return this.#error(thrown.message.replace(/\.$/, ''), { retryable: thrown.retryable, cause: thrown })
  }

  #error(problem: string, init: { retryable?: boolean; cause?: unknown }): TokenError {
    const { client, issuer } = this.#options
    const hint = /\/(?:token|authorize)\/?$/.test(issuer) ? HINT_ENDPOINT : HINT_ISSUER
    return new TokenError({ code: 'discovery_failed', client, message: this.#message(problem), hint, ...init })
  }

  #message(problem: string): string {
    const { client, issuer } = this.#options
    return `Could not load the metadata of issuer ${issuer} for client "${client}": ${problem}.`
  }
}

/** Where an issuer's metadata may be: RFC 8414 puts its part before the path, OpenID Connect after it. */
function metadataLocations(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
}
