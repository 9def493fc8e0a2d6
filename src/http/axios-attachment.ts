import type { AxiosInstance, AxiosRequestTransformer, AxiosResponse } from 'axios'
import { TokenError } from '../errors.ts'
import type { TokenManager } from '../token-manager.ts'
import { TokenSource } from '../token-source.ts'
import type { ApiRequestSettings } from './api-request-options.ts'
import { type HeaderRecord, hasHeader, headerOf, removeHeader } from './authorization-header.ts'
import { PreparedAxios } from './axios-dispatch.ts'
import { AxiosOrigins } from './axios-origins.ts'
import { carryToken, PASSAGE, Passage, type PassageConfig, writeHeaders } from './axios-passage.ts'
import { answerRejections } from './axios-rejection.ts'
import { waitForToken } from './axios-wait.ts'
import { guardRedirects } from './redirect-guard.ts'
import { ownToken, RequestedToken } from './requested-token.ts'
import { tokenHeaderNames } from './token-headers.ts'

/**
 * The request's side of an attachment: the interceptors of one axios instance.
 *
 * `#approve` decides, `#writeApproved` or `#prepare` sets the header; where other interceptors may have changed the
 * request since, `#checkLast` looks once more when it is dispatched.
 */
export class AxiosAttachment {
  readonly manager: TokenManager<string>
  readonly #instance: AxiosInstance
  readonly #prepared: PreparedAxios
  readonly #origins: AxiosOrigins
  readonly #tokens: RequestedToken
  readonly #checkLast: AxiosRequestTransformer
  readonly #ownTransform: AxiosRequestTransformer | undefined
  #end: (() => void) | undefined

  constructor(instance: AxiosInstance, manager: TokenManager<string>, settings: ApiRequestSettings<AxiosResponse>) {
    const { byDefault, origins, onOtherOrigin, replay, isTokenRejected } = settings
    this.manager = manager
    this.#instance = instance
    this.#prepared = new PreparedAxios(instance, replay)
    this.#ownTransform = transformsOf(instance.defaults)[0]
    this.#origins = new AxiosOrigins(instance, origins, onOtherOrigin)
    this.#tokens = new RequestedToken(manager, byDefault)
    const check = (config: PassageConfig) => this.#checkBeforeSending(config)
    this.#checkLast = function (data) {
      check(this)
      return data
    }
    const { events, attached } = manager
    const stopRequests = this.#prepareRequests()
    const stopAnswers = answerRejections(instance, { replay, isTokenRejected, prepared: this.#prepared, events })
    attached.add(instance)
    this.#end = () => {
      stopRequests()
      stopAnswers()
      attached.delete(instance)
    }
  }

  /** Whether the interceptors are still there: `interceptors.request.clear()` takes off everybody's. */
  isInPlace(): boolean {
    const { handlers } = this.#instance.interceptors.request
    return handlers === undefined || handlers.some((handler) => handler?.fulfilled === this.#writeApproved)
  }

  /** Takes the interceptors off, once. */
  detach(): void {
    this.#end?.()
    this.#end = undefined
  }

  // axios runs a request synchronously when every interceptor that takes part is synchronous. `runWhen` comes first,
  // in the order of registration: the first handler takes the requests whose token is at hand, the second the rest.
  #prepareRequests(): () => void {
    const { request } = this.#instance.interceptors
    const ids = [
      request.use(this.#writeApproved, null, {
        synchronous: true,
        runWhen: (config) => this.#approve(config),
      }),
      request.use(async (config) => this.#withLastCheck(await this.#prepare(config)), null, {
        runWhen: (config: PassageConfig) => config[PASSAGE]?.decision() === 'open',
      }),
    ]
    return () => {
      for (const id of ids) request.eject(id)
    }
  }

  /** Decides, by one look at the clocks, whether the request can be settled without waiting, and notes it. */
  #approve(config: PassageConfig): boolean {
    this.#withLastCheck(config)
    const wanted = ownToken(config)
    const source = wanted === undefined ? this.#tokens.held : wanted instanceof TokenSource ? wanted : undefined
    const state = source?.state()
    const isUsable = source !== undefined && (state === 'fresh' || state === 'refresh due')
    // What an older axios throws at once, because it is aborted already, passes no response interceptor.
    const isAtOnce = isUsable && config.signal?.aborted !== true
    const origin = isAtOnce ? this.#origins.knownReceiver(config, source) : undefined
    if (wanted === false) config[PASSAGE] = new Passage(config, 'none')
    else if (origin === undefined) config[PASSAGE] = new Passage(config, 'open')
    else config[PASSAGE] = new Passage(config, 'token', source, source?.current(), origin, state === 'refresh due')
    return wanted === false || origin !== undefined
  }

  /** The synchronous handler: writes the very token that was approved. Returns no promise and never throws. */
  readonly #writeApproved = (config: PassageConfig): PassageConfig => {
    const passage = config[PASSAGE]
    const headers = config.headers as HeaderRecord | undefined
    // Whatever does not fit any more is settled where it is dispatched.
    if (!passage?.stillHolds(config) || config.auth || headers === undefined) return this.#withLastCheck(config, true)
    if (passage.decision() === 'none') this.#removeOurs(config)
    else if (!this.#keepsOwnHeader(config, passage.source(), passage.headerNames()[0])) {
      writeHeaders(headers, passage.headers())
      guardRedirects(config, passage.origin(), passage.headerNames())
      const token = passage.token()
      if (token !== undefined) passage.source()?.used(token)
      if (passage.isRefreshDue()) passage.source()?.refreshInBackground()
    }
    return this.#withLastCheck(config)
  }

  /** The asynchronous handler: finds out whether the request may carry a token, and waits for it. */
  async #prepare(config: PassageConfig): Promise<PassageConfig> {
    config.headers ??= {} as PassageConfig['headers']
    const wanted = ownToken(config)
    if (wanted === false) return this.#leaveOut(config)
    writeOutUrls(config)
    const chosen = wanted === undefined ? this.#tokens.held : this.#tokens.sourceFor(wanted)
    // Errors show the config, which must not hold a user's token.
    if (chosen?.parameters().subject !== undefined) config.token = chosen
    // With a hook, only a token tells in which header it goes.
    const isHeaderKnown = chosen?.settings().hooks.applyToken === undefined
    if (isHeaderKnown && this.#keepsOwnHeader(config, chosen)) return config
    // The source by default is asked for anew: its client may have been removed since.
    const source = wanted === undefined || chosen === undefined ? this.#tokens.sourceFor(wanted) : chosen
    const origin = this.#origins.receiver(config, source)
    if (origin === undefined) return this.#leaveOut(config)
    if (config.auth) throw authConflict()
    const approved = new Passage(config, 'open')
    const token = await waitForToken(source, config)
    if (!approved.stillHolds(config)) return await this.#prepare(config)
    if (!isHeaderKnown && this.#keepsOwnHeader(config, source, tokenHeaderNames(token)[0])) return config
    carryToken(config, 'token', source, token, origin)
    guardRedirects(config, origin, tokenHeaderNames(token))
    return config
  }

  // Whatever interceptors and transforms do is done by the time ours is called. With none there is nothing to check; but
  // a proof is made then, of the method and the URL that come of all that.
  #withLastCheck(config: PassageConfig, isNeeded = this.#hasCompany(config)): PassageConfig {
    if (!isNeeded) return config
    const transforms = transformsOf(config)
    if (!transforms.includes(this.#checkLast)) config.transformRequest = [...transforms, this.#checkLast]
    return config
  }

  // Interceptors besides our two, or transforms besides the instance's own one: they see the config after us.
  #hasCompany({ transformRequest, [PASSAGE]: passage }: PassageConfig): boolean {
    if (passage?.hasProof()) return true
    if (this.#instance.interceptors.request.handlers?.length !== 2) return true
    return (
      !Array.isArray(transformRequest) || transformRequest.length !== 1 || transformRequest[0] !== this.#ownTransform
    )
  }

  #checkBeforeSending(config: PassageConfig): void {
    const transforms = transformsOf(config)
    config.transformRequest = transforms.filter((transform) => transform !== this.#checkLast)
    const { adapter, [PASSAGE]: passage } = config
    // An interceptor that ran after ours may have put a transform after ours.
    const isLast = transforms.at(-1) === this.#checkLast
    const isSettled = isLast && passage?.isSettled(config) === true
    if (isSettled && passage.token() !== undefined) guardRedirects(config, passage.origin(), passage.headerNames())
    if (isSettled && !passage.hasProof()) return
    config.adapter = async (final) => {
      const given = { ...final, adapter } as PassageConfig
      return await this.#prepared.sendAsAdapter(isSettled ? given : await this.#prepare(given))
    }
  }

  #leaveOut(config: PassageConfig): PassageConfig {
    this.#removeOurs(config)
    config[PASSAGE] = new Passage(config, 'none')
    return config
  }

  #removeOurs({ headers: given, [PASSAGE]: passage }: PassageConfig): void {
    const headers = given as HeaderRecord
    if (passage !== undefined) passage.removeFrom(headers)
    // Somebody made the config anew, and may have copied what we wrote into it.
    else for (const name in headers) if (this.manager.holds(headers[name])) delete headers[name]
  }

  // A header of the caller's stays; one that we wrote and that came back with the config is ours to replace.
  #keepsOwnHeader(config: PassageConfig, source: TokenSource | undefined, name = 'authorization'): boolean {
    const headers = config.headers as HeaderRecord
    if (!hasHeader(headers, name)) return false
    const value = headerOf(headers, name)
    const passage = config[PASSAGE]
    // Without a passage somebody made the config anew, and may have copied our header into it.
    if (value === undefined || (passage === undefined ? this.manager.holds(value) : passage.wrote(value))) {
      removeHeader(headers, name)
      return false
    }
    config[PASSAGE] = new Passage(config, 'own header')
    const origin = URL.canParse(config.baseURL ?? '') ? new URL(config.baseURL ?? '').origin : ''
    this.manager.events.emit('authorizationKept', () => ({ client: source?.client, origin }))
    return true
  }
}

function transformsOf({ transformRequest = [] }: Pick<PassageConfig, 'transformRequest'>): AxiosRequestTransformer[] {
  return Array.isArray(transformRequest) ? transformRequest : [transformRequest]
}

// An object may say something else by the time it is sent; newer versions of axios take none.
function writeOutUrls(config: PassageConfig): void {
  for (const name of ['url', 'baseURL'] as const) {
    if (config[name] !== undefined && config[name] !== null) config[name] = String(config[name])
  }
}

function authConflict(): TokenError {
  return new TokenError({
    code: 'authorization_conflict',
    message: "The request was not sent: it has axios's `auth` option, which would replace the token.",
    hint: 'Remove `auth`, or send this request with `token: false`.',
  })
}
