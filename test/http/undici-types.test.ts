import { TokenManager } from 'evertoken'
import { type TokenDispatchOptions, type TokenInterceptorOptions, tokenInterceptor } from 'evertoken/undici'
import { Agent, type Dispatcher, MockAgent, Pool } from 'undici'
import { Agent as OldestAgent, type Dispatcher as OldestDispatcher } from 'undici-oldest'
import { describe, expectTypeOf, it } from 'vitest'

const client = { tokenEndpoint: 'https://auth.example.com/token', clientId: 'a', clientSecret: 'b' }
const origins = ['https://api.example.com']
const one = new TokenManager(client)
const several = new TokenManager({ clients: { orders: client, billing: client } })

describe('the types', () => {
  it('make it an interceptor of every dispatcher, in every version', () => {
    const token = tokenInterceptor(one, { origins })
    expectTypeOf(token).toExtend<Dispatcher.DispatcherComposeInterceptor>()
    expectTypeOf(token).toExtend<OldestDispatcher.DispatcherComposeInterceptor>()
    expectTypeOf(() => new Agent().compose(token)).returns.toEqualTypeOf<Dispatcher.ComposedDispatcher>()
    expectTypeOf(() => new OldestAgent().compose(token)).returns.toEqualTypeOf<OldestDispatcher.ComposedDispatcher>()
    expectTypeOf(() => new Pool('https://api.example.com').compose([token])).returns.toExtend<Dispatcher>()
    expectTypeOf(() => new MockAgent().compose(token)).returns.toExtend<Dispatcher>()
  })

  it('know the names of clients', () => {
    const right = () => [
      tokenInterceptor(one, { origins, scope: 'a', resource: 'https://api.example.com' }),
      tokenInterceptor(several, { origins, client: 'orders', replay: 'none', onOtherOrigin: 'omit' }),
      tokenInterceptor(several, {
        origins,
        client: 'billing',
        isTokenRejected: ({ statusCode }) => statusCode === 403,
      }),
    ]
    const wrong = () => [
      // @ts-expect-error no client has that name
      tokenInterceptor(several, { origins, client: 'shipping' }),
      // @ts-expect-error there is one client only
      tokenInterceptor(one, { origins, client: 'orders' }),
      // @ts-expect-error it must be said where the token may go
      tokenInterceptor(one, {}),
      // @ts-expect-error it must be said where the token may go
      tokenInterceptor(one),
      // @ts-expect-error misspelt
      tokenInterceptor(one, { origins, scopes: 'a' }),
    ]
    expectTypeOf(right).toBeFunction()
    expectTypeOf(wrong).toBeFunction()
    expectTypeOf<NonNullable<TokenInterceptorOptions['isTokenRejected']>>()
      .parameter(0)
      .toHaveProperty('statusCode')
      .toEqualTypeOf<number>()
  })

  it('let a request say which token it carries', () => {
    type Options = Dispatcher.RequestOptions & TokenDispatchOptions<'orders'>
    const request = { origin: 'https://api.example.com', path: '/', method: 'GET' } as const
    const right = (): Options[] => [
      { ...request, token: false },
      { ...request, token: one.source() },
      { ...request, token: { client: 'orders', scope: 'a b', audience: ['x'] } },
      request,
    ]
    const wrong = (): Options[] => [
      // @ts-expect-error only `false` means something
      { ...request, token: true },
      // @ts-expect-error a scope goes into an object
      { ...request, token: 'orders.read' },
      // @ts-expect-error no client has that name
      { ...request, token: { client: 'shipping' } },
    ]
    const options: Options = { ...request, token: { client: 'orders' } }
    expectTypeOf(() => new Agent().request(options)).toBeFunction()
    expectTypeOf(right).toBeFunction()
    expectTypeOf(wrong).toBeFunction()
  })
})
