import { Readable } from 'node:stream'
import axiosNewest, { type AxiosStatic, type Method } from 'axios'
import axiosMiddle from 'axios-middle'
import axiosOldest from 'axios-oldest'
import type { ClientOptions } from '../../src/client-options.ts'
import { attachTokenManager } from '../../src/http/axios.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import type { ReplayMode } from '../../src/http/replay.ts'
import { tokenInterceptor } from '../../src/http/undici.ts'
import type { TokenManager } from '../../src/token-manager.ts'
import { verifiedProof } from '../support/dpop-proof.ts'
import type { TestServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'
import { VERSIONS } from './undici-versions.ts'

/** One request for the API, the same for every HTTP client. */
interface ClientRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | (() => ReadableStream)
}

/** What all HTTP clients are made with. */
interface ClientSetup {
  readonly origins: readonly string[]
  readonly replay?: ReplayMode
  /** Whether any 401 or 403 is said to reject the token. */
  readonly isTokenRejected?: (answer: { status: number }) => boolean
}

/** Sends a request, and gives its answer whatever its status. */
type SendRequest = (url: string, request?: ClientRequest) => Promise<{ status: number; body: string }>

type Connect = (tokens: TokenManager<never>, setup: ClientSetup) => SendRequest

const bodyOf = ({ body }: ClientRequest) => (typeof body === 'function' ? body() : body)

const axiosClient =
  (axios: AxiosStatic, adapter: string): Connect =>
  (tokens, setup) => {
    const client = axios.create({
      adapter: adapter as 'http',
      proxy: false,
      validateStatus: () => true,
      responseType: 'text',
    })
    attachTokenManager(client as never, tokens, setup as object)
    return async (url, request = {}) => {
      const { method = 'GET', headers = {} } = request
      const body = bodyOf(request)
      const data: unknown = adapter === 'http' && typeof body === 'object' ? Readable.fromWeb(body as never) : body
      const answer = await client.request({ url, method: method as Method, headers, data })
      return { status: answer.status, body: String(answer.data) }
    }
  }

const fetchClient: Connect = (tokens, setup) => {
  const send = createTokenFetch(tokens, setup)
  return async (url, { method = 'GET', headers = {}, ...request } = {}) => {
    const body = bodyOf(request) ?? null
    const init = { method, headers, body, ...(typeof body === 'object' && body !== null ? { duplex: 'half' } : {}) }
    const response = await send(url, init as RequestInit)
    return { status: response.status, body: await response.text() }
  }
}

const undiciClient =
  (undici: (typeof VERSIONS)[number][1]): Connect =>
  (tokens, { isTokenRejected, ...setup }) => {
    const rejects = isTokenRejected && {
      isTokenRejected: (answer: { statusCode: number }) => isTokenRejected({ status: answer.statusCode }),
    }
    const dispatcher = new undici.Agent().compose(tokenInterceptor(tokens, { ...setup, ...rejects }))
    return async (url, { method = 'GET', headers = {}, ...request } = {}) => {
      const body = bodyOf(request) ?? null
      const answer = await undici.request(url, { dispatcher, method: method as 'GET', headers, body: body as never })
      return { status: answer.statusCode, body: await answer.body.text() }
    }
  }

/** Every HTTP client that tokens are carried by. */
export const CLIENTS: readonly (readonly [name: string, connect: Connect])[] = [
  ['axios, http', axiosClient(axiosNewest, 'http')],
  ['axios, fetch', axiosClient(axiosNewest, 'fetch')],
  ['axios 1.14', axiosClient(axiosMiddle as unknown as AxiosStatic, 'http')],
  ['axios 1.8', axiosClient(axiosOldest as unknown as AxiosStatic, 'http')],
  ['fetch', fetchClient],
  ...VERSIONS.map(([name, undici]) => [name, undiciClient(undici)] as const),
]

/** A manager of one client with `dpop`, whose server gives a new bound token each time. */
export function managedWithDpop(options: Partial<ClientOptions> = {}): ReturnType<typeof managed> {
  const all = managed({ dpop: true, allowInsecureLoopback: true, ...options })
  const { server } = all
  server.byDefault = {
    get body() {
      return server.token({ token_type: 'DPoP' })
    },
  }
  return all
}

/** The proofs that arrived at a server, in order. */
export async function proofsAt({ requests }: TestServer): Promise<Awaited<ReturnType<typeof verifiedProof>>[]> {
  return await Promise.all(requests.map(({ headers }) => verifiedProof(headers.dpop)))
}
