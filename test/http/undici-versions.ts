import * as newest from 'undici'
import * as oldest from 'undici-oldest'
import type { ClientOptions } from '../../src/client-options.ts'
import { type TokenInterceptorOptions, tokenInterceptor } from '../../src/http/undici.ts'
import type { AuthorizationServer } from '../support/authorization-server.ts'
import { type Respond, startServer, type TestServer } from '../support/http-server.ts'
import { managed } from '../support/managed.ts'

export type Undici = typeof newest

/** The versions that every promise is kept with. */
export const VERSIONS: readonly (readonly [name: string, undici: Undici])[] = [
  ['undici 8', newest],
  ['undici 7', oldest as unknown as Undici],
]

/** An API on this machine, and what it takes to make dispatchers for it. */
export interface UndiciApi extends AsyncDisposable {
  readonly api: TestServer
  readonly tokens: ReturnType<typeof managed>['tokens']
  readonly server: AuthorizationServer
  readonly clock: ReturnType<typeof managed>['clock']
  /** The interceptor, for this API's origin if no others are given. */
  intercept(options?: Partial<TokenInterceptorOptions<never>>): ReturnType<typeof tokenInterceptor>
  /** The `Authorization` of each request, in order. */
  authorizations(): (string | undefined)[]
}

/** Starts an API that answers as told, `done` by default. */
export async function startApi(
  respond: Respond = (response) => response.end('done'),
  client: Partial<ClientOptions> = {},
): Promise<UndiciApi> {
  const api = await startServer(respond)
  const { tokens, server, clock } = managed({ allowInsecureLoopback: true, ...client })
  return {
    ...{ api, tokens, server, clock },
    intercept: (options = {}) => tokenInterceptor(tokens, { origins: [api.origin], ...options }),
    authorizations: () => api.requests.map(({ headers }) => headers.authorization),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

/** Answers 401 to these tokens, else `done`. */
export function rejecting(rejected: readonly string[], body: string | Buffer = 'rejected'): Respond {
  return (response, { headers }) => {
    if (rejected.some((token) => headers.authorization === `Bearer ${token}`)) response.writeHead(401).end(body)
    else response.end('done')
  }
}
