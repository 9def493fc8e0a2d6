import type { Clock } from '../../src/clock.ts'
import type { FetchLike } from '../../src/transport.ts'

/** One token request as it arrived. */
export interface ArrivedRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly form: URLSearchParams
  /** Wall-clock time of arrival. */
  readonly at: number
}

/** What the server does with one request. */
export interface ScriptedAnswer {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. Default: a new token that lives an hour. */
  readonly body?: unknown
  /** How long the answer takes. Default 0: within the same instant of the clock. */
  readonly afterMs?: number
  /** Never answers. */
  readonly hang?: boolean
  /** Fails as a connection that is refused. */
  readonly refuse?: boolean
}

/**
 * A token endpoint in the same process, for `transport`: records what arrives, answers as scripted, and otherwise with
 * a token of its own for every request (`token-1`, `token-2`, …).
 */
export class AuthorizationServer {
  readonly requests: ArrivedRequest[] = []
  /** Answers for the next requests, one each; then `byDefault`. */
  readonly script: ScriptedAnswer[] = []
  /** How requests beyond the script are answered. */
  byDefault: ScriptedAnswer = {}
  /** `expires_in` of the tokens given by default, in seconds. */
  expiresIn = 3600
  readonly #clock: Clock
  #issued = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For the option `transport`. */
  readonly fetch: FetchLike = async (url, init) => {
    this.requests.push({
      ...{ url, method: init.method, headers: init.headers, form: new URLSearchParams(init.body ?? '') },
      at: this.#clock.now(),
    })
    const answer = this.script.shift() ?? this.byDefault
    if (answer.hang) await this.#clock.sleep(1e12, init.signal)
    if (answer.afterMs !== undefined) await this.#clock.sleep(answer.afterMs, init.signal)
    if (answer.refuse) throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    const body = answer.body ?? (answer.status === undefined || answer.status < 300 ? this.token() : '')
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), {
      status: answer.status ?? 200,
      headers: { 'content-type': 'application/json', ...answer.headers },
    })
  }

  /** A token response with the next token, with these members instead of or beside the usual ones. */
  token(members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    this.#issued += 1
    return { access_token: `token-${this.#issued}`, token_type: 'Bearer', expires_in: this.expiresIn, ...members }
  }
}
