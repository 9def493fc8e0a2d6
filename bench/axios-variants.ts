import { createRequire } from 'node:module'
import { ConfidentialClientApplication } from '@azure/msal-node'
import type { AxiosInstance } from 'axios'
import { createAuthRefresh } from 'axios-auth-refresh'
import { attachTokenManager } from '../src/http/axios.ts'
import type { Role } from './harness.ts'
import { filledManager, scopeOf, tokenAnswer, tokenText } from './tokens.ts'

/** One way to get a token onto the requests of an axios instance. */
export interface AxiosVariant {
  readonly name: string
  readonly role: Role
  /** Sets the instance up, token cached; may give the function that makes a request of another kind. */
  readonly equip: (api: AxiosInstance) => unknown
}

/** The floor: nothing happens per request. */
export const STATIC_HEADER: AxiosVariant = {
  name: 'static header in the defaults',
  role: 'floor',
  equip: (api) => {
    api.defaults.headers.common.Authorization = `Bearer ${tokenText()}`
  },
}

/** As it comes. */
export const EVERTOKEN: AxiosVariant = {
  name: 'evertoken',
  role: 'ours',
  equip: async (api) => {
    attachTokenManager(api, await filledManager())
  },
}

/** Without the response interceptor that answers 401, as other packages are that have none. */
export const EVERTOKEN_REQUESTS_ONLY: AxiosVariant = {
  name: 'evertoken, answers not looked at',
  role: 'ours',
  equip: async (api) => {
    attachTokenManager(api, await filledManager())
    api.interceptors.response.clear()
  },
}

/** Each request says by a handle which of the 64 tokens it carries. */
export const EVERTOKEN_HANDLES: AxiosVariant = {
  name: 'evertoken, 64 handles in turn',
  role: 'ours',
  equip: async (api) => {
    const tokens = await filledManager()
    attachTokenManager(api, tokens)
    const handles = Array.from({ length: 64 }, (_, key) => tokens.source(key === 0 ? {} : { scope: scopeOf(key) }))
    let turn = 0
    return () => {
      turn += 1
      return api.get('/orders/17', { token: handles[turn % 64] })
    }
  },
}

/** What a token endpoint answers. */
export interface TokenAnswer {
  readonly access_token: string
  readonly expires_in: number
}

const requestToken = async (): Promise<TokenAnswer> => JSON.parse(tokenAnswer()) as TokenAnswer

/** How long before its end a token is replaced by {@link handWritten}. */
export const HAND_WRITTEN_MARGIN_S = 60

/** What many a service has: the token and its expiry in two variables, and one promise for the next. */
export function handWritten(api: AxiosInstance, request: () => Promise<TokenAnswer>): void {
  let token = ''
  let expiresAt = 0
  let next: Promise<string> | undefined
  const getToken = async (): Promise<string> => {
    if (Date.now() < expiresAt - HAND_WRITTEN_MARGIN_S * 1000) return token
    next ??= request()
      .then((answer) => {
        token = answer.access_token
        expiresAt = Date.now() + answer.expires_in * 1000
        return token
      })
      .finally(() => {
        next = undefined
      })
    return await next
  }
  api.interceptors.request.use(async (config) => {
    config.headers.set('Authorization', `Bearer ${await getToken()}`)
    return config
  })
}

/** {@link handWritten} */
export const HAND_WRITTEN: AxiosVariant = {
  name: 'a hand-written interceptor',
  role: 'peer',
  equip: (api) => handWritten(api, requestToken),
}

/** As its README has it, with its cache and the age from the answer. */
export const AXIOS_TOKEN_INTERCEPTOR: AxiosVariant = {
  name: 'axios-token-interceptor',
  role: 'peer',
  equip: (api) => {
    const tokenProvider = createRequire(import.meta.url)('axios-token-interceptor') as TokenProvider
    const getToken = tokenProvider.tokenCache(requestToken, { getMaxAge: (body) => body.expires_in * 1000 })
    const headerFormatter = (body: TokenAnswer) => `Bearer ${body.access_token}`
    api.interceptors.request.use(tokenProvider({ getToken, headerFormatter }) as never)
  },
}

/** How axios-token-interceptor is declared nowhere. */
export type TokenProvider = ((options: object) => unknown) & {
  tokenCache(request: () => Promise<TokenAnswer>, options: { getMaxAge(body: TokenAnswer): number }): unknown
}

/** As its README has it, with the request interceptor that it recommends. */
export const AXIOS_AUTH_REFRESH: AxiosVariant = {
  name: 'axios-auth-refresh',
  role: 'peer',
  equip: async (api) => {
    let { access_token: token } = await requestToken()
    createAuthRefresh(api as never, async (failed: { response: { config: { headers: Record<string, string> } } }) => {
      token = (await requestToken()).access_token
      failed.response.config.headers.Authorization = `Bearer ${token}`
    })
    api.interceptors.request.use((config) => {
      config.headers.Authorization = `Bearer ${token}`
      return config
    })
  },
}

/** Asked in an interceptor for each request, as its README has it; its own cache, and no network. */
export const MSAL_NODE: AxiosVariant = {
  name: '@azure/msal-node in an interceptor',
  role: 'peer',
  equip: (api) => {
    const answer = async <T>() => ({ status: 200, headers: {}, body: JSON.parse(tokenAnswer()) as T })
    const authority = 'https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111'
    const client = new ConfidentialClientApplication({
      auth: {
        clientId: '22222222-2222-2222-2222-222222222222',
        clientSecret: 'not much of a secret',
        authority,
        authorityMetadata: JSON.stringify({
          issuer: `${authority}/v2.0`,
          authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
          token_endpoint: `${authority}/oauth2/v2.0/token`,
          jwks_uri: `${authority}/discovery/v2.0/keys`,
        }),
        cloudDiscoveryMetadata: JSON.stringify({ tenant_discovery_endpoint: authority, metadata: [] }),
        knownAuthorities: ['login.microsoftonline.com'],
      },
      system: { networkClient: { sendGetRequestAsync: answer, sendPostRequestAsync: answer } },
    })
    api.interceptors.request.use(async (config) => {
      const token = await client.acquireTokenByClientCredential({ scopes: ['https://api.example.com/.default'] })
      config.headers.set('Authorization', `Bearer ${token?.accessToken}`)
      return config
    })
  },
}
