import axios, { type AxiosRequestConfig, type CreateAxiosDefaults, type InternalAxiosRequestConfig } from 'axios'
import { TokenManager } from 'evertoken'
import { type Attachment, attachTokenManager, type RequestToken } from 'evertoken/axios'
import { describe, expectTypeOf, it } from 'vitest'

const client = { tokenEndpoint: 'https://auth.example.com/token', clientId: 'a', clientSecret: 'b' }

describe('the types', () => {
  it('let a request say which token it carries', () => {
    expectTypeOf<AxiosRequestConfig['token']>().toEqualTypeOf<RequestToken | undefined>()
    expectTypeOf<AxiosRequestConfig<string>['token']>().toEqualTypeOf<RequestToken | undefined>()
    expectTypeOf<InternalAxiosRequestConfig['token']>().toEqualTypeOf<RequestToken | undefined>()
    expectTypeOf<CreateAxiosDefaults['token']>().toEqualTypeOf<RequestToken | undefined>()
    const source = new TokenManager(client).source()
    const right = (): AxiosRequestConfig[] => [
      { token: false },
      { token: undefined },
      { token: source },
      { token: {} },
      { token: { client: 'orders', scope: 'a b', resource: 'https://api.example.com', audience: ['x'] } },
      { token: { scope: ['a', 'b'], parameters: { tenant: '1' } } },
    ]
    expectTypeOf(right).returns.toEqualTypeOf<AxiosRequestConfig[]>()
  })

  it('refuse what is no token', () => {
    const wrong = (): AxiosRequestConfig[] => [
      // @ts-expect-error only `false` means something
      { token: true },
      // @ts-expect-error a scope goes into an object
      { token: 'orders.read' },
      // @ts-expect-error `undefined` is the default, `false` is none
      { token: null },
      // @ts-expect-error misspelt
      { token: { scopes: 'a' } },
      // @ts-expect-error a list of strings
      { token: { scope: [1] } },
      // @ts-expect-error the request's own `timeout` bounds the wait
      { token: { timeoutMs: 1 } },
      // @ts-expect-error the request's own `signal` does
      { token: { signal: AbortSignal.abort() } },
      // @ts-expect-error a function gives no handle
      { token: () => 'token' },
    ]
    expectTypeOf(wrong).toBeFunction()
  })

  it('know the names of the clients', () => {
    const several = new TokenManager({ clients: { orders: client, billing: client } })
    const attach = () => [
      attachTokenManager(axios.create(), several, { client: 'orders', origins: ['https://a.example'] }),
      attachTokenManager(axios.create(), several),
      attachTokenManager(axios.create(), new TokenManager(client), { scope: 'a' }),
      // @ts-expect-error there is no such client
      attachTokenManager(axios.create(), several, { client: 'stock' }),
      // @ts-expect-error a manager of one client has no names
      attachTokenManager(axios.create(), new TokenManager(client), { client: 'orders' }),
      // @ts-expect-error misspelt
      attachTokenManager(axios.create(), several, { client: 'orders', onOther: 'omit' }),
      // @ts-expect-error not one of the modes
      attachTokenManager(axios.create(), several, { client: 'orders', replay: 'always' }),
      // @ts-expect-error not an axios instance
      attachTokenManager(fetch, several),
    ]
    expectTypeOf(attach).returns.toEqualTypeOf<Attachment[]>()
  })

  it('tell `isTokenRejected` what it is given', () => {
    attachTokenManager(axios.create(), new TokenManager(client), {
      isTokenRejected: (response) => {
        expectTypeOf(response.status).toEqualTypeOf<number>()
        return response.status === 403
      },
    })
  })
})
