import type { AxiosError, AxiosInstance, AxiosResponse } from 'axios'
import type { HeaderRecord } from './authorization-header.ts'
import { PASSAGE, type Passage, type PassageConfig, writeHeaders } from './axios-passage.ts'
import { resolveRequestUrls } from './origins.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'
import { isNonceWanted, type TokenRequest, tokenHeaders } from './token-headers.ts'

/**
 * Sends requests that have been through their interceptors and their `transformRequest` already, by way of an instance
 * that adds nothing to them. With tokens that are bound to a key, each sending has a proof of its own, and a request
 * is sent once more if the API wants a nonce in that.
 */
export class PreparedAxios {
  readonly #bare: AxiosInstance
  readonly #replay: ReplayMode

  constructor(instance: AxiosInstance, replay: ReplayMode) {
    this.#replay = replay
    this.#bare = instance.create()
    const defaults = this.#bare.defaults as unknown as Record<string, unknown>
    for (const name of Object.keys(defaults)) delete defaults[name]
  }

  /**
   * Sends a request once more: its answer goes through `transformResponse`.
   * @throws what axios throws
   */
  async sendAgain(config: PassageConfig): Promise<AxiosResponse> {
    return await this.#send(config, { transformRequest: UNCHANGED })
  }

  /**
   * Sends a request in place of its adapter: axios will put the answer through `transformResponse`.
   * @throws what axios throws
   */
  async sendAsAdapter(config: PassageConfig): Promise<AxiosResponse> {
    return await this.#send(config, { transformRequest: UNCHANGED, transformResponse: UNCHANGED })
  }

  async #send(config: PassageConfig, transforms: Partial<PassageConfig>): Promise<AxiosResponse> {
    const passage = config[PASSAGE]
    const request = passage?.hasProof() ? requestOf(config, passage) : undefined
    if (passage === undefined || request === undefined) return await this.#sendOnce(config, transforms)
    const [outcome] = await Promise.allSettled([this.#sendOnce(withProof(config, request), transforms)])
    const answer = outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as AxiosError).response
    if (answer !== undefined && this.#isToBeSentAgain(config, passage, request, answer)) {
      discard(answer)
      return await this.#send(config, transforms)
    }
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }

  #isToBeSentAgain(
    { method, data }: PassageConfig,
    passage: Passage,
    request: TokenRequest,
    { status, headers }: AxiosResponse,
  ): boolean {
    if (!isNonceWanted(request, { status, header: (name) => headers[name] })) return false
    return mayReplay(this.#replay, method) && canSendTwice(data) && passage.mayStillSendNonce()
  }

  async #sendOnce(config: PassageConfig, transforms: Partial<PassageConfig>): Promise<AxiosResponse> {
    try {
      const answer = await this.#bare.request({ ...config, ...transforms })
      restoreConfig(answer.config, config)
      return answer
    } catch (error) {
      restoreConfig((error as AxiosError).config, config)
      throw error
    }
  }
}

/** Gives up an answer: a body that nobody reads would hold its connection. */
export function discard({ data }: AxiosResponse): void {
  if (typeof data?.destroy === 'function') data.destroy()
  else if (typeof data?.cancel === 'function') Promise.resolve(data.cancel()).catch(() => {})
}

const UNCHANGED = [(data: unknown): unknown => data]

/** The request that axios makes of this config. */
function requestOf(config: PassageConfig, passage: Passage): TokenRequest | undefined {
  const { baseURL, url, allowAbsoluteUrls, method = 'get' } = config
  const source = passage.source()
  const token = passage.token()
  const [target] = resolveRequestUrls(baseURL, url, allowAbsoluteUrls)
  if (source === undefined || token === undefined || target === undefined) return undefined
  return { source, token, method: method.toUpperCase(), url: target.href }
}

// A proof names the URL, so that it would be of no use where a redirect leads.
function withProof(config: PassageConfig, request: TokenRequest): PassageConfig {
  const headers: HeaderRecord = { ...config.headers }
  writeHeaders(headers, tokenHeaders(request))
  return { ...config, headers: headers as PassageConfig['headers'], maxRedirects: 0 }
}

// What comes back may be sent again, and then has to be transformed as the caller said, and to ask for the same token: axios
// copies objects.
function restoreConfig(sent: object | undefined, config: PassageConfig): void {
  const { transformRequest, transformResponse, token } = config
  if (sent !== undefined) Object.assign(sent, { transformRequest, transformResponse }, token !== undefined && { token })
}
