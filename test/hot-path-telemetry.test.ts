import axios, { type AxiosAdapter } from 'axios'
import { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import type { TokenEventEmitter } from '../src/events.ts'
import { attachTokenManager } from '../src/http/axios.ts'
import { createTokenFetch } from '../src/http/fetch.ts'
import { tokenInterceptor } from '../src/http/undici.ts'
import type { TokenManager } from '../src/index.ts'
import { instrumentTokenManager } from '../src/opentelemetry/index.ts'
import { managed } from './support/managed.ts'

const ORIGIN = 'https://api.example.com'

type Call = (tokens: TokenManager) => () => unknown

const byAxios: Call = (tokens) => {
  const adapter: AxiosAdapter = async (config) => ({
    ...{ status: 200, statusText: 'OK', headers: {}, data: '' },
    ...{ config, request: {} },
  })
  const api = axios.create({ baseURL: ORIGIN, adapter })
  attachTokenManager(api, tokens)
  return () => api.get('/orders')
}

const byFetch: Call = (tokens) => {
  const call = createTokenFetch(tokens, { origins: [ORIGIN], fetch: async () => new Response() })
  return () => call(`${ORIGIN}/orders`)
}

const byUndici: Call = (tokens) => {
  class Answering extends Dispatcher {
    override dispatch(): boolean {
      return true
    }
  }
  const api = new Answering().compose(tokenInterceptor(tokens, { origins: [ORIGIN] }))
  return () => api.dispatch({ origin: ORIGIN, path: '/orders', method: 'GET' }, {})
}

const CALLS: readonly [string, Call][] = [
  ['getToken', (tokens) => () => tokens.getToken()],
  ['a handle', (tokens) => tokens.source().getAccessToken],
  ['axios', byAxios],
  ['fetch', byFetch],
  ['undici', byUndici],
]

/** Counts how often it is looked whether somebody listens, and how often something is told. */
function watch(events: TokenEventEmitter): { looks: number; told: number } {
  const counts = { looks: 0, told: 0 }
  const { hearsCalls } = events
  const emit = events.emit.bind(events)
  Object.defineProperties(events, {
    hearsCalls: {
      get: () => {
        counts.looks += 1
        return hearsCalls
      },
    },
    emit: {
      value: (...about: Parameters<typeof emit>) => {
        counts.told += 1
        emit(...about)
      },
    },
  })
  return counts
}

describe('a request whose token is at hand', () => {
  it.each(CALLS)(
    'looks at one flag, and does nothing else for telemetry that nobody wants: by %s',
    async (_, callOf) => {
      const { tokens } = managed()
      tokens.on('tokenRequested', () => {})
      // As if there never had been any.
      instrumentTokenManager(tokens)()
      const call = callOf(tokens)
      await call()
      await tokens.getToken()
      const counts = watch(tokens.events)
      await call()
      expect(counts).toEqual({ looks: 1, told: 0 })
    },
  )

  it.each(CALLS)('tells once that it uses its token, where that is wanted: by %s', async (_, callOf) => {
    const { tokens } = managed()
    const call = callOf(tokens)
    await tokens.getToken()
    tokens.on('tokenUsed', () => {})
    const counts = watch(tokens.events)
    await call()
    expect(counts).toEqual({ looks: 1, told: 1 })
  })
})

describe('a logger', () => {
  it('is not told of every call, so that it does not slow down any', async () => {
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const { tokens } = managed({ logger })
    await tokens.getToken()
    expect(tokens.events.hearsCalls).toBe(false)
  })
})
