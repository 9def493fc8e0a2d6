import axios, { type AxiosAdapter, type AxiosInstance } from 'axios'
import { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { attachTokenManager } from '../src/http/axios.ts'
import { createTokenFetch } from '../src/http/fetch.ts'
import { tokenInterceptor } from '../src/http/undici.ts'
import type { TokenManager } from '../src/index.ts'
import { managed } from './support/managed.ts'
import { countResources, difference, type ResourceCounts } from './support/resource-counts.ts'

const ORIGIN = 'https://api.example.com'
const NOTHING: ResourceCounts = { promises: 0, timers: 0, turns: 0 }

/** A request, and the same without evertoken. Both come to their end without a network, by microtasks alone. */
interface Pair {
  readonly ours: () => unknown
  readonly bare: () => unknown
}

const adapter: AxiosAdapter = async (config) => ({
  ...{ status: 200, statusText: 'OK', headers: {}, data: '' },
  ...{ config, request: {} },
})

function axiosInstance(tokens?: TokenManager): AxiosInstance {
  const api = axios.create({ baseURL: ORIGIN, adapter })
  if (tokens === undefined) api.defaults.headers.common.Authorization = 'Bearer token'
  else attachTokenManager(api, tokens)
  return api
}

function byAxios(tokens: TokenManager): Pair {
  const [ours, bare] = [axiosInstance(tokens), axiosInstance()]
  return { ours: () => ours.get('/orders'), bare: () => bare.get('/orders') }
}

function byAxiosUntilSent(tokens: TokenManager): Pair {
  const untilSent = (api: AxiosInstance) => () => {
    // What looks at answers is put behind the request at once; it is counted below.
    api.interceptors.response.clear()
    return new Promise<void>((resolve) => {
      const sent = async () => {
        resolve()
        return await new Promise<never>(() => {})
      }
      void api.get('/orders', { adapter: sent })
    })
  }
  return { ours: untilSent(axiosInstance(tokens)), bare: untilSent(axiosInstance()) }
}

function byAxiosWithHandle(tokens: TokenManager): Pair {
  const [ours, bare] = [axiosInstance(tokens), axiosInstance()]
  const token = tokens.source()
  return { ours: () => ours.get('/orders', { token }), bare: () => bare.get('/orders') }
}

function byFetch(tokens: TokenManager): Pair {
  const bare = async () => new Response()
  const ours = createTokenFetch(tokens, { origins: [ORIGIN], fetch: bare })
  return { ours: () => ours(`${ORIGIN}/orders`), bare }
}

function byUndici(tokens: TokenManager): Pair {
  class Answering extends Dispatcher {
    override dispatch(_: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const controller = {} as Dispatcher.DispatchController
      handler.onRequestStart?.(controller, {})
      handler.onResponseStart?.(controller, 200, {}, 'OK')
      handler.onResponseEnd?.(controller, {})
      return true
    }
  }
  const send = (dispatcher: Dispatcher) => () => {
    dispatcher.dispatch({ origin: ORIGIN, path: '/orders', method: 'GET' }, {})
  }
  const bare = new Answering()
  return { ours: send(bare.compose(tokenInterceptor(tokens, { origins: [ORIGIN] }))), bare: send(bare) }
}

describe('a request whose token is at hand', () => {
  // More than these is a slower request; fewer are welcome, and to be written here.
  it.each<[string, (tokens: TokenManager) => Pair, ResourceCounts]>([
    ['by axios until it is sent', byAxiosUntilSent, NOTHING],
    ['by axios, looking at its answer', byAxios, { promises: 1, timers: 0, turns: 1 }],
    ['by axios with a handle', byAxiosWithHandle, { promises: 1, timers: 0, turns: 1 }],
    ['by fetch', byFetch, { promises: 2, timers: 0, turns: 0 }],
    ['by undici', byUndici, NOTHING],
  ])('makes and waits for so much more than one without evertoken: %s', async (_, pairOf, counts) => {
    const { tokens } = managed()
    const { ours, bare } = pairOf(tokens)
    await tokens.getToken()
    // What is made once, at the first request.
    await ours()
    await bare()
    expect(difference(await countResources(ours), await countResources(bare))).toEqual(counts)
  })
  it.each([
    ['by axios', byAxios],
    ['by axios with a handle', byAxiosWithHandle],
    ['by fetch', byFetch],
    ['by undici', byUndici],
  ])('takes no more memory the more scopes the token has: %s', async (_, pairOf) => {
    const bytesWith = async (scopes: number) => {
      const { tokens } = managed({ scope: Array.from({ length: scopes }, (_, i) => `orders:${i}`) })
      await tokens.getToken()
      return await bytesOf(pairOf(tokens).ours)
    }
    const one = await bytesWith(1)
    // A list or a text of all of them would take thousands.
    expect((await bytesWith(1000)) - one).toBeLessThan(500)
  })
})

/** How much memory a call takes, in bytes: the median of many batches, some of which the garbage collector spoils. */
async function bytesOf(call: () => unknown): Promise<number> {
  const batches: number[] = []
  for (let batch = 0; batch < 41; batch += 1) {
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 10; i += 1) await call()
    batches.push((process.memoryUsage().heapUsed - before) / 10)
  }
  return batches.sort((a, b) => a - b)[20] as number
}
