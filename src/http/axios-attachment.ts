import type { AxiosError, AxiosInstance, AxiosResponse } from 'axios'
import { AccessToken } from '../access-token.ts'
import { ownOptions } from '../client-options.ts'
import { optionError, TokenError } from '../errors.ts'
import type { TokenManager, TokenRequest } from '../token-manager.ts'
import { TOKEN_PARAMETER_NAMES, type TokenParameterOptions } from '../token-parameters.ts'
import { TokenSource } from '../token-source.ts'
import { authorizationName, type HeaderRecord, removeAuthorization, writeAuthorization } from './authorization-header.ts'
import { hideToken } from './axios-error.ts'
import { Passage, PASSAGE, type PassageConfig } from './axios-passage.ts'
import { tokenVerdict } from './challenge.ts'
import { AllowedOrigins, originOf, parseAllowedOrigins, resolveRequestUrls, staysOnBase } from './origins.ts'
import { guardRedirects } from './redirect-guard.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'

/** How a manager is attached to an axios instance: which token by default, and where it may go. */
export interface AttachOptions<Name extends string = string> extends TokenParameterOptions {
  /** The client whose tokens requests carry unless they say otherwise. Needed when the manager has several. */
  readonly client?: Name | undefined
  /**
   * The origins that may receive the token, such as `https://api.example.com`, or `https://*.example.com` for one label.
   * Default: the origin of the instance's `baseURL`.
   */
  readonly origins?: readonly string[] | undefined
  /** What becomes of a request to any other origin: it fails, or goes out without the token. Default `refuse`. */
  readonly onOtherOrigin?: 'refuse' | 'omit' | undefined
  /**
   * Which requests are sent once more when the API rejects their token. Default `all`: an API that answers 401 has
   * not done what was asked. @see RFC 9110 §15.5.2
   */
  readonly replay?: ReplayMode | undefined
}

const OPTION_NAMES = [...TOKEN_PARAMETER_NAMES, 'client', 'origins', 'onOtherOrigin', 'replay']

/** The interceptors of one axios instance. The way of a request: {@link approve}, then one of two handlers. */
export class AxiosAttachment {
  readonly manager: TokenManager<string>
  readonly #instance: AxiosInstance
  // No interceptors of anybody's: what goes through it was prepared and only has to be sent.
  readonly #bare: AxiosInstance
  readonly #request: TokenRequest | undefined
  readonly #origins: AllowedOrigins | undefined
  readonly #onOtherOrigin: 'refuse' | 'omit'
  readonly #replay: ReplayMode
  readonly #eject: () => void
  #source: TokenSource | undefined
  #approvedBase: string | undefined
  #approvedOrigin: string | undefined
  #approvedIsHttps = false

  constructor(instance: AxiosInstance, manager: TokenManager<string>, given: AttachOptions) {
    const options = ownOptions<AttachOptions>(given, 'options.', OPTION_NAMES)
    const { origins, onOtherOrigin = 'refuse', replay = 'all', ...request } = options
    if (!['refuse', 'omit'].includes(onOtherOrigin)) throw optionError('onOtherOrigin', "must be 'refuse' or 'omit'")
    if (!['all', 'idempotent', 'none'].includes(replay)) {
      throw optionError('replay', "must be 'all', 'idempotent' or 'none'")
    }
    this.manager = manager
    this.#instance = instance
    this.#bare = instance.create()
    Object.assign(this.#bare.defaults, { headers: {} })
    this.#request = request.client !== undefined || manager.hasDefaultClient() ? request : undefined
    this.#source = this.#request && manager.sourceOf(this.#request)
    this.#origins = origins && parseAllowedOrigins(origins, 'origins', true)
    this.#onOtherOrigin = onOtherOrigin
    this.#replay = replay
    manager.attached.add(instance)
    this.#eject = this.#intercept()
  }

  detach(): void {
    this.#eject()
    this.manager.attached.delete(this.#instance)
  }

  // axios runs a request synchronously when every interceptor that takes part is synchronous. `runWhen` comes first,
  // in the order of registration: the first handler takes the requests whose token is at hand, the second the rest.
  #intercept(): () => void {
    const { request, response } = this.#instance.interceptors
    const ids = [
      request.use((config) => this.#writeApproved(config), null, {
        synchronous: true,
        runWhen: (config) => this.#approve(config),
      }),
      request.use((config) => this.#prepare(config), null, {
        runWhen: (config: PassageConfig) => config[PASSAGE]?.undecided() === true,
      }),
    ]
    const responseId = response.use(
      (answer) => (answer.status === 401 ? this.#retryRejected(answer) : answer),
      (error) => this.#onError(error),
    )
    return () => {
      for (const id of ids) request.eject(id)
      response.eject(responseId)
    }
  }

  /** Decides, once per request, whether a cached token may be used at once, and notes it on the config. */
  #approve(config: PassageConfig): boolean {
    const { token } = config
    if (token === false) {
      config[PASSAGE] = undefined
      return false
    }
    const source = token === undefined ? this.#source : token instanceof TokenSource ? token : undefined
    const state = source?.state()
    const usable = state === 'fresh' || state === 'refresh due'
    const approved = config.baseURL !== undefined && config.baseURL === this.#approvedBase
    if (usable && approved && this.#secureFor(source) && staysOnBase(config.url)) {
      config[PASSAGE] = new Passage(config, source, source?.current(), state === 'refresh due')
      return true
    }
    config[PASSAGE] = new Passage(config)
    return false
  }

  #secureFor(source: TokenSource | undefined): boolean {
    return this.#approvedIsHttps || source?.settings().allowInsecureLoopback === true
  }

  /** The synchronous handler: writes the very token that was approved. Returns no promise and never throws. */
  #writeApproved(config: PassageConfig): PassageConfig {
    const passage = config[PASSAGE]
    if (passage === undefined || !passage.stillHolds(config) || config.auth) return this.#deferred(config)
    if (this.#keepsOwnHeader(config)) return config
    const headers = config.headers as HeaderRecord
    headers.Authorization = passage.authorization()
    guardRedirects(config, this.#approvedOrigin)
    if (passage.refreshDue()) passage.source()?.refreshInBackground()
    return config
  }

  /** The asynchronous handler: finds out whether the request may carry a token, and waits for it. */
  async #prepare(config: PassageConfig): Promise<PassageConfig> {
    if (config.token === false) return config
    if (config.auth) throw authConflict()
    if (this.#keepsOwnHeader(config)) return config
    const source = this.#sourceFor(config.token)
    const origin = this.#originThatMayReceive(config, source)
    if (origin === undefined) return config
    const token = await waitFor(source, config)
    this.#write(config, source, token)
    guardRedirects(config, origin)
    return config
  }

  /** For what only the asynchronous way can settle, found on the synchronous one: settled where it is dispatched. */
  #deferred(config: PassageConfig): PassageConfig {
    const { adapter } = config
    config.adapter = async (final) => {
      const prepared = await this.#prepare({ ...final, adapter } as PassageConfig)
      return await this.#send({ ...prepared, transformResponse: UNCHANGED })
    }
    return config
  }

  #write(config: PassageConfig, source: TokenSource, token: AccessToken): void {
    config[PASSAGE] = new Passage(config, source, token)
    writeAuthorization(config.headers as HeaderRecord, AccessToken.authorizationOf(token))
  }

  // A header of the caller's stays; one that we wrote and that came back with the config is ours to replace.
  #keepsOwnHeader(config: PassageConfig): boolean {
    const headers = config.headers as HeaderRecord
    const name = authorizationName(headers)
    if (name === undefined) return false
    // `null` and `false` are how axios's users say that a header is not to be sent: not a header of their own.
    const value = headers[name] ?? false
    if (value === false || config[PASSAGE]?.wrote(value)) {
      removeAuthorization(headers)
      return false
    }
    config[PASSAGE] = undefined
    const origin = URL.canParse(config.baseURL ?? '') ? new URL(config.baseURL ?? '').origin : ''
    this.manager.events.emit('authorizationKept', () => ({ client: this.#request?.client, origin }))
    return true
  }

  #sourceFor(wanted: PassageConfig['token']): TokenSource {
    if (wanted instanceof TokenSource) return wanted
    if (wanted === undefined && this.#request === undefined) {
      throw optionError('token.client', 'must be given', 'The manager has several clients and none was named on attaching.')
    }
    const source = this.manager.sourceOf(wanted === undefined || wanted === false ? this.#request : { ...this.#request, ...wanted })
    if (wanted === undefined) this.#source = source
    return source
  }

  /** The request's origin if it may receive the token; `undefined` if it is to go out without. */
  #originThatMayReceive(config: PassageConfig, source: TokenSource): string | undefined {
    const { allowInsecureLoopback } = source.settings()
    const { baseURL } = this.#instance.defaults
    const origins = this.#origins ?? (baseURL ? new AllowedOrigins([originOf(baseURL, allowInsecureLoopback)]) : undefined)
    if (origins === undefined) throw originUnknown()
    const urls = resolveRequestUrls(config.baseURL, config.url, config.allowAbsoluteUrls)
    for (const url of urls) {
      if (origins.check(url) === 'allowed') originOf(url.href, allowInsecureLoopback)
      else if (this.#onOtherOrigin === 'omit') return undefined
      else throw origins.refusal(url)
    }
    const origin = (urls[0] as URL).origin
    if (config.baseURL !== undefined && staysOnBase(config.url)) {
      this.#approvedBase = config.baseURL
      this.#approvedOrigin = origin
      this.#approvedIsHttps = origin.startsWith('https:')
    }
    return origin
  }

  async #onError(error: AxiosError): Promise<AxiosResponse> {
    const answer = error?.response
    if (answer?.status === 401) {
      const settled = await this.#retryRejected(answer)
      if (settled !== answer) return settled
    }
    throw hideToken(error)
  }

  /** Sends the request once more if its token was rejected and there is another; else gives back the answer it got. */
  async #retryRejected(answer: AxiosResponse): Promise<AxiosResponse> {
    const config = answer.config as PassageConfig
    const passage = config[PASSAGE]
    const token = passage?.token()
    const source = passage?.source()
    if (token === undefined || source === undefined || !receivedOurHeader(answer, passage)) return answer
    if (tokenVerdict(answer.headers['www-authenticate']) !== 'rejected') return answer
    source.invalidate(token)
    if (!mayReplay(this.#replay, config.method) || !canSendTwice(config.data)) return answer
    // No token is no reason to keep the API's answer from the caller; the next request will say why there is none.
    const another = await waitFor(source, config).catch(() => token)
    if (another === token) return answer
    answer.data?.destroy?.()
    this.#write(config, source, another)
    this.manager.events.emit('requestReplayed', () => ({ client: source.client, origin: this.#approvedOrigin ?? '' }))
    try {
      return rejectAgain(await this.#send(config), source, another)
    } catch (error) {
      rejectAgain((error as AxiosError).response, source, another)
      throw hideToken(error)
    }
  }

  // What was prepared is sent as it is: the body was transformed already.
  async #send(config: PassageConfig): Promise<AxiosResponse> {
    return await this.#bare.request({ ...config, transformRequest: UNCHANGED })
  }
}

const UNCHANGED = [(data: unknown): unknown => data]

function rejectAgain<Answer extends AxiosResponse | undefined>(answer: Answer, source: TokenSource, token: AccessToken): Answer {
  if (answer?.status === 401 && tokenVerdict(answer.headers['www-authenticate']) === 'rejected') source.invalidate(token)
  return answer
}

async function waitFor(source: TokenSource, config: PassageConfig): Promise<AccessToken> {
  const signal = config.signal as AbortSignal | undefined
  try {
    return await source.tokenOrPromise({ signal, timeoutMs: config.timeout || undefined })
  } catch (error) {
    throw signal?.aborted ? cancellation() : error
  }
}

// What `axios.isCancel` recognises. axios itself is not loaded here, so that its class is not at hand.
function cancellation(): Error {
  const error = new Error('canceled')
  error.name = 'CanceledError'
  return Object.assign(error, { code: 'ERR_CANCELED', __CANCEL__: true })
}

// After a redirect the answer may come from a server that never saw the token.
function receivedOurHeader(answer: AxiosResponse, passage: Passage | undefined): boolean {
  const request = answer.request as { getHeader?: (name: string) => unknown } | undefined
  if (typeof request?.getHeader !== 'function') return true
  return passage?.wrote(request.getHeader('authorization')) === true
}

function authConflict(): TokenError {
  return new TokenError({
    code: 'authorization_conflict',
    message: "The request was not sent: it has axios's `auth` option, which would replace the token.",
    hint: 'Remove `auth`, or send this request with `token: false`.',
  })
}

function originUnknown(): TokenError {
  return new TokenError({
    code: 'origin_refused',
    message: 'The request was not sent: it is not known which origins may receive the token.',
    hint: "Give the axios instance a `baseURL`, or attach with `origins: ['https://api.example.com']`.",
  })
}
