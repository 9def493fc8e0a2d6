import { TokenManager } from 'evertoken'
import { createTokenFetch, type TokenFetch, type TokenFetchInit } from 'evertoken/fetch'
import ky from 'ky'
import createClient from 'openapi-fetch'
import { fetch as undiciFetch } from 'undici'
import { fetch as oldestUndiciFetch } from 'undici-oldest'
import { describe, expectTypeOf, it } from 'vitest'

const client = { tokenEndpoint: 'https://auth.example.com/token', clientId: 'a', clientSecret: 'b' }
const origins = ['https://api.example.com']
const one = new TokenManager(client)
const several = new TokenManager({ clients: { orders: client, billing: client } })

describe('the types', () => {
  it('make it a fetch like any other', () => {
    expectTypeOf<TokenFetch>().toExtend<typeof globalThis.fetch>()
    expectTypeOf<TokenFetch<never>>().toExtend<typeof globalThis.fetch>()
    expectTypeOf<TokenFetch<'orders'>>().toExtend<typeof globalThis.fetch>()
    const fetch = createTokenFetch(one, { origins })
    expectTypeOf(ky.create({ fetch }).get).toBeFunction()
    expectTypeOf(createClient({ fetch }).use).toBeFunction()
    expectTypeOf(fetch).returns.toEqualTypeOf<Promise<Response>>()
  })

  it('let a request say which token it carries', () => {
    const right = (): TokenFetchInit[] => [
      { token: false },
      { token: undefined, method: 'POST' },
      { token: one.source(), signal: AbortSignal.abort() },
      { token: {} },
      { token: { client: 'orders', scope: 'a b', resource: 'https://api.example.com', audience: ['x'] } },
    ]
    const wrong = (): TokenFetchInit[] => [
      // @ts-expect-error only `false` means something
      { token: true },
      // @ts-expect-error a scope goes into an object
      { token: 'orders.read' },
      // @ts-expect-error misspelt
      { token: { scopes: 'a' } },
      // @ts-expect-error the request's own `signal` bounds the wait
      { token: { signal: AbortSignal.abort() } },
    ]
    expectTypeOf(right).returns.toEqualTypeOf(wrong())
  })

  it('know the names of the clients', () => {
    const make = () => [
      createTokenFetch(several, { client: 'orders', origins }),
      createTokenFetch(several, { origins }),
      // @ts-expect-error there is no such client
      createTokenFetch(several, { client: 'stock', origins }),
      // @ts-expect-error a manager of one client has no names
      createTokenFetch(one, { client: 'orders', origins }),
      // @ts-expect-error which origins is for the caller to say
      createTokenFetch(one, {}),
      // @ts-expect-error misspelt
      createTokenFetch(one, { origins, onOther: 'omit' }),
      // @ts-expect-error not one of the modes
      createTokenFetch(one, { origins, replay: 'always' }),
    ]
    expectTypeOf(make).toBeFunction()
    const ask = async () => {
      const fetch = createTokenFetch(several, { origins })
      await fetch(origins[0] as string, { token: { client: 'billing' } })
      // @ts-expect-error there is no such client
      await fetch(origins[0] as string, { token: { client: 'stock' } })
    }
    expectTypeOf(ask).toBeFunction()
  })

  it('take any implementation of fetch', () => {
    const make = () => [
      createTokenFetch(one, { origins, fetch }),
      createTokenFetch(one, { origins, fetch: undiciFetch }),
      createTokenFetch(one, { origins, fetch: oldestUndiciFetch }),
      createTokenFetch(one, { origins, fetch: createTokenFetch(one, { origins }) }),
      createTokenFetch(one, { origins, fetch: async (_: string) => new Response() }),
      // @ts-expect-error no function
      createTokenFetch(one, { origins, fetch: 'fetch' }),
      // @ts-expect-error no answer
      createTokenFetch(one, { origins, fetch: async () => 'text' }),
    ]
    expectTypeOf(make).toBeFunction()
  })

  it('tell `isTokenRejected` what it is given', () => {
    createTokenFetch(one, {
      origins,
      isTokenRejected: (response) => {
        expectTypeOf(response).toEqualTypeOf<Response>()
        return response.status === 403
      },
    })
  })
})
