import { DpopCheck } from './dpop-check.ts'
import type { Answer, Fault } from './fault.ts'
import type { ReceivedRequest, ServerEndpoint } from './received-request.ts'
import { ScriptedServer, type ScriptedServerOptions } from './scripted-server.ts'
import type { TestAuthorizationServer } from './test-authorization-server.ts'

/** What an API answers; an object is sent as JSON. */
export interface TestApiAnswer {
  /** Default 200. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default: nothing. */
  readonly body?: string | object | undefined
}

/** Options of {@link startApi}. */
export interface TestApiOptions extends ScriptedServerOptions {
  /** Whose tokens are accepted. Its clock is the API's too, unless another is given. */
  readonly server: TestAuthorizationServer
  /** The scopes that a token needs, parted by spaces. Default: none. */
  readonly scope?: string | undefined
  /** Answers the requests that are let in. Default: 200 with `{ "ok": true }`. */
  readonly respond?: ((request: ReceivedRequest) => TestApiAnswer) | undefined
  /** Wants a nonce in DPoP proofs, which then tells the time in place of `iat`. Default `false`. @see RFC 9449 §9 */
  readonly dpopNonce?: boolean | undefined
}

/** Why an API turns a request away. */
export type TestApiRefusal = 'no token' | 'unknown' | 'expired' | 'revoked' | 'scope' | 'binding' | 'proof' | 'nonce'

/** An API on this machine, for tests; {@link startApi} starts one. */
export class TestApi extends ScriptedServer {
  /** How many requests were turned away, by reason. */
  readonly refusals: Partial<Record<TestApiRefusal, number>> = {}
  readonly #server: TestAuthorizationServer
  readonly #scope: readonly string[]
  readonly #respond: (request: ReceivedRequest) => TestApiAnswer
  readonly #dpop: DpopCheck
  #accepted = 0

  /** @internal */
  constructor(options: TestApiOptions) {
    super({ ...options, clock: options.clock ?? options.server.clock })
    const { server, scope = '', respond = () => ({ body: { ok: true } }), tls, dpopNonce = false } = options
    this.#server = server
    this.#scope = scope.split(' ').filter((one) => one !== '')
    this.#respond = respond
    this.#dpop = new DpopCheck(tls === undefined ? 'http' : 'https', dpopNonce)
  }

  /** How many requests were let in. */
  get accepted(): number {
    return this.#accepted
  }

  /** Scripts what goes wrong with the next requests, one fault each; then it is as before. */
  next(...faults: readonly Fault[]): void {
    this.script('api', faults)
  }

  /** Wants another nonce in DPoP proofs from now on, and any at all if it did not before. */
  rotateDpopNonce(): void {
    this.#dpop.rotateNonce()
  }

  /** @internal */
  protected override endpointOf(): ServerEndpoint {
    return 'api'
  }

  /** @internal */
  protected override answer(request: ReceivedRequest): Answer {
    const nonce = this.#dpop.nonce === undefined ? {} : { 'dpop-nonce': this.#dpop.nonce }
    const refusal = this.#refusal(request)
    if (refusal === undefined) {
      this.#accepted += 1
      const { status = 200, headers, body } = this.#respond(request)
      return { status, headers: { ...nonce, ...headers }, body }
    }
    const [reason, challenge] = refusal
    request.refusal = reason
    this.refusals[reason] = (this.refusals[reason] ?? 0) + 1
    const headers = { ...nonce, 'www-authenticate': challenge }
    return { status: reason === 'scope' ? 403 : 401, headers, body: '' }
  }

  /** Why the request is turned away, and the challenge that says so. @see RFC 6750 §3, RFC 9449 §7.1 */
  #refusal(request: ReceivedRequest): [reason: TestApiRefusal, challenge: string] | undefined {
    const [, scheme = '', text] = /^(Bearer|DPoP) (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    if (text === undefined) return ['no token', 'Bearer realm="test"']
    const isBound = scheme.toLowerCase() === 'dpop'
    const invalid = (reason: TestApiRefusal): [TestApiRefusal, string] => [
      reason,
      `${isBound ? 'DPoP' : 'Bearer'} error="invalid_token", error_description="${reason}"`,
    ]
    const token = this.#server.findToken(text)
    if (token === undefined) return invalid('unknown')
    request.clientId = token.clientId
    const now = this.clock.now()
    if (token.revoked) return invalid('revoked')
    if (token.expiresAt <= now) return invalid('expired')
    if (token.certificate !== undefined && token.certificate !== request.certificate) return invalid('binding')
    if (isBound !== (token.jkt !== undefined)) return invalid('binding')
    if (isBound) {
      const proof = this.#dpop.check(request, now, text)
      if ('error' in proof) return [proof.error === 'use_dpop_nonce' ? 'nonce' : 'proof', `DPoP error="${proof.error}"`]
      if (proof.jkt !== token.jkt) return invalid('binding')
    }
    const granted = token.scope.split(' ')
    if (this.#scope.every((one) => granted.includes(one))) return undefined
    return ['scope', `${isBound ? 'DPoP' : 'Bearer'} error="insufficient_scope", scope="${this.#scope.join(' ')}"`]
  }
}

/**
 * Starts an API on 127.0.0.1, on a port of its own, that lets in live tokens of one authorization server only: 401 for
 * those that are missing, unknown, expired, revoked or bound to another key or certificate, 403 for those without the
 * scope. It is closed by `close()`, or by `await using`.
 */
export async function startApi(options: TestApiOptions): Promise<TestApi> {
  const api = new TestApi(options)
  await api.listen()
  return api
}
