/** As much of these packages as the examples use: they bring no types, or none that TypeScript finds. */
declare module 'axios-token-interceptor' {
  import type { InternalAxiosRequestConfig } from 'axios'

  interface TokenCache<Token> {
    (): Promise<Token>
    reset(): void
  }

  interface TokenInterceptor {
    <Token>(options: {
      readonly getToken: () => Promise<Token>
      readonly headerFormatter?: (token: Token) => string
    }): (config: InternalAxiosRequestConfig) => Promise<InternalAxiosRequestConfig>
    tokenCache<Token>(
      getToken: () => Promise<Token>,
      options: { readonly getMaxAge: (token: Token) => number },
    ): TokenCache<Token>
  }

  const tokenInterceptor: TokenInterceptor
  export default tokenInterceptor
}

declare module 'axios-auth-refresh' {
  import type { AxiosError, AxiosInstance } from 'axios'

  export function createAuthRefresh(instance: AxiosInstance, refresh: (error: AxiosError) => Promise<unknown>): number
}

declare module 'simple-oauth2' {
  export interface AccessToken {
    readonly token: { readonly access_token: string }
    expired(windowSeconds?: number): boolean
  }

  export class ClientCredentials {
    constructor(options: {
      readonly client: { readonly id: string; readonly secret: string }
      readonly auth: { readonly tokenHost: string; readonly tokenPath: string }
    })
    getToken(parameters: { readonly scope?: string }): Promise<AccessToken>
  }
}
