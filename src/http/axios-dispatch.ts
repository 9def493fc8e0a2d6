import type { AxiosError, AxiosInstance, AxiosResponse } from 'axios'
import type { PassageConfig } from './axios-passage.ts'

/**
 * Sends requests that have been through their interceptors and their `transformRequest` already, by way of an instance
 * that adds nothing to them.
 */
export class PreparedAxios {
  readonly #bare: AxiosInstance

  constructor(instance: AxiosInstance) {
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
    try {
      const answer = await this.#bare.request({ ...config, ...transforms })
      restoreTransforms(answer.config, config)
      return answer
    } catch (error) {
      restoreTransforms((error as AxiosError).config, config)
      throw error
    }
  }
}

const UNCHANGED = [(data: unknown): unknown => data]

// What comes back may be sent again by others, and then has to be transformed as the caller said.
function restoreTransforms(sent: object | undefined, { transformRequest, transformResponse }: PassageConfig): void {
  if (sent !== undefined) Object.assign(sent, { transformRequest, transformResponse })
}
