import { inspect } from 'node:util'
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import axios, { type AxiosAdapter, AxiosError, type AxiosInstance, type CreateAxiosDefaults } from 'axios'

/** What an {@link Api} answers with. */
export interface ApiAnswer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly data?: unknown
  /** Fails as a connection that breaks. */
  readonly breaks?: boolean
}

/** A request as axios hands it to its adapter. */
export interface ApiRequest {
  readonly url: string
  readonly authorization: unknown
  readonly config: InternalAxiosRequestConfig
}

/** The adapter of an axios instance: notes what would be sent, and answers at once. */
export class Api {
  readonly requests: ApiRequest[] = []
  answer: (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer> = () => ({})

  readonly adapter: AxiosAdapter = async (config) => {
    const url = axios.getUri({ ...config, params: undefined })
    const request = { url, authorization: config.headers.get('Authorization'), config }
    this.requests.push(request)
    const { status = 200, headers = {}, data = '', breaks } = await this.answer(request)
    if (breaks) throw new AxiosError('socket hang up', 'ECONNRESET', config)
    const response: AxiosResponse = { status, statusText: '', headers, data, config, request: {} }
    if (config.validateStatus?.(status) ?? true) return response
    throw new AxiosError(`Request failed with status code ${status}`, 'ERR_BAD_REQUEST', config, {}, response)
  }

  /** The `Authorization` of each request, in order. */
  get authorizations(): unknown[] {
    return this.requests.map((request) => request.authorization)
  }

  /** An axios instance whose requests come here. */
  client(options: CreateAxiosDefaults = {}): AxiosInstance {
    return axios.create({ baseURL: 'https://api.example.com', adapter: this.adapter, ...options })
  }
}

/** What a promise was rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return await promise.then(
    () => {
      throw new Error('It did not fail.')
    },
    (error) => error,
  )
}

/** Everything a logger may make of an error, and of what hangs on it. */
export function everyOutput(error: unknown): string {
  const outputs: string[] = []
  for (let each = error; each !== undefined; each = (each as Error).cause) {
    const { config, response, stack, message, toJSON } = each as AxiosError
    for (const one of [each, config, response, config?.headers, response?.headers, toJSON?.call(each)]) {
      outputs.push(inspect(one, { depth: null }), inspect(one, { depth: null, compact: false, showProxy: true }))
      try {
        outputs.push(String(JSON.stringify(one)))
      } catch {
        // What refers to itself cannot be written as JSON.
      }
    }
    outputs.push(String(each), String(message), String(stack))
  }
  return outputs.join('\n')
}
