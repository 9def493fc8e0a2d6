import { createHook } from 'node:async_hooks'
import type { AxiosInstance, AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios'
import { describe, expect, it } from 'vitest'
import type { AccessToken } from '../../src/access-token.ts'
import type { ClientOptions } from '../../src/client-options.ts'
import { attachTokenManager } from '../../src/http/axios.ts'
import type { TokenManager } from '../../src/token-manager.ts'
import type { AuthorizationServer } from '../support/authorization-server.ts'
import { fc } from '../support/fast-check.ts'
import { managed } from '../support/managed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { Api, type ApiRequest, failureOf } from './axios-api.ts'

const OTHER = 'https://other.example'

const applyToken = (token: AccessToken) => ({ 'X-Auth-Token': token.reveal() })

/** A clock that moves whenever it is read, so that no two looks agree. */
class DriftingClock extends VirtualClock {
  driftMs = 0

  override now(): number {
    this.moveWall(this.driftMs)
    return super.now()
  }
}

/** How many asynchronous operations of each kind begin until the request is done. */
async function asyncOperations(client: AxiosInstance): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const hook = createHook({
    init: (_, type) => {
      counts[type] = (counts[type] ?? 0) + 1
    },
  })
  hook.enable()
  await client.get('/orders')
  hook.disable()
  return counts
}

describe('a request whose token is at hand', () => {
  it('reaches the adapter before the call returns, with the header set', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    await client.get('/orders')
    const calls = [client.get('/orders'), client.post('/orders', {}), client.get('/', { token: tokens.source({}) })]
    expect(api.authorizations).toEqual(Array(4).fill('Bearer token-1'))
    await Promise.all(calls)
  })

  it('reaches the adapter before the call returns without a token too, if it wants none', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    const call = client.get('/orders', { token: false })
    expect(api.authorizations).toEqual([undefined])
    await call
  })

  it('makes no promise, and nothing else asynchronous, beyond what axios does for a response interceptor', async () => {
    const { tokens } = managed()
    const api = new Api()
    const bare = api.client({ headers: { Authorization: 'Bearer static' } })
    const hooked = api.client({ headers: { Authorization: 'Bearer static' } })
    hooked.interceptors.response.use((answer) => answer)
    const client = api.client()
    attachTokenManager(client, tokens)
    await Promise.all([bare.get('/'), hooked.get('/'), client.get('/')])
    const [ofBare, ofHooked, ofClient] = [
      await asyncOperations(bare),
      await asyncOperations(hooked),
      await asyncOperations(client),
    ]
    expect(ofBare.PROMISE).toBeGreaterThan(0)
    expect(ofClient).toEqual(ofHooked)
    expect(ofClient).toEqual({ ...ofBare, PROMISE: (ofBare.PROMISE ?? 0) + 1 })
  })

  it('is settled by one look at the clock, though the token would have expired at the next', async () => {
    const clock = new DriftingClock()
    const { tokens } = managed({}, clock)
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    await client.get('/orders')
    clock.moveWall(3000_000)
    clock.driftMs = 589_999
    const call = client.get('/orders')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
    clock.driftMs = 0
    await call
  })

  it('has its token although the clock moves between decision and writing', async () => {
    const { tokens, clock } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    await client.get('/')
    client.interceptors.request.use(
      (config) => {
        clock.moveWall(7200_000)
        return config
      },
      null,
      { synchronous: true },
    )
    await client.get('/')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-2'])
  })
})

describe('other interceptors', () => {
  const effects: [string, (config: InternalAxiosRequestConfig) => InternalAxiosRequestConfig][] = [
    ['passes the request on', (config) => config],
    ['copies the config', (config) => ({ ...config })],
    ['adds a header', (config) => Object.assign(config, { headers: config.headers.set('x-request-id', '1') })],
    ['changes the path', (config) => Object.assign(config, { url: '/changed' })],
    ['replaces the headers', (config) => Object.assign(config, { headers: {} })],
    ['drops the headers', (config) => Object.assign(config, { headers: undefined })],
    ['drops `transformRequest`', (config) => Object.assign(config, { transformRequest: undefined })],
    ['gives one function for `transformRequest`', (config) => Object.assign(config, { transformRequest: String })],
  ]
  const modes = ['synchronous', 'asynchronous'] as const
  const sides = ['before', 'after'] as const
  const table = effects.flatMap(([what, effect]) =>
    modes.flatMap((mode) => sides.map((side) => [what, mode, side, effect] as const)),
  )

  it.each(table)('do no harm: %s, %s, added %s ours', async (_, mode, side, effect) => {
    const { tokens, server } = managed()
    const api = new Api()
    const client = api.client()
    const add = () =>
      client.interceptors.request.use(mode === 'synchronous' ? effect : async (config) => effect(config), null, {
        synchronous: mode === 'synchronous',
      })
    if (side === 'before') add()
    attachTokenManager(client, tokens)
    if (side === 'after') add()
    const { config } = await client.post('/orders', 'body')
    await client.post('/orders', 'body')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
    expect(server.requests).toHaveLength(1)
    expect(config.data).toBe('body')
  })

  it.each(modes)('that take our check away don’t get the token sent elsewhere: %s', async (mode) => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    const add = (effect: (config: InternalAxiosRequestConfig) => InternalAxiosRequestConfig) =>
      client.interceptors.request.use(effect, null, { synchronous: mode === 'synchronous' })
    let elsewhere = false
    add((config) => (elsewhere ? Object.assign(config, { url: `${OTHER}/` }) : config))
    attachTokenManager(client, tokens)
    add((config) => Object.assign(config, { transformRequest: undefined }))
    for (const isCold of [true, false]) {
      if (!isCold) await client.get('/')
      elsewhere = true
      expect(await failureOf(client.get('/'))).toMatchObject({ code: 'origin_refused' })
      elsewhere = false
    }
    expect(api.requests).toHaveLength(1)
  })

  it('that run after ours don’t see the token of a request that was turned elsewhere', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    const seen: unknown[] = []
    const note = (config: InternalAxiosRequestConfig) => {
      seen.push(config.headers.Authorization)
      return config
    }
    client.interceptors.request.use(note, null, { synchronous: true })
    attachTokenManager(client, tokens)
    await client.get('/')
    client.interceptors.request.use((config) => Object.assign(config, { url: OTHER }), null, { synchronous: true })
    await failureOf(client.get('/'))
    expect(seen).toEqual(['Bearer token-1', undefined])
  })

  it('leave it to axios to dispatch what is settled', async () => {
    const { tokens, server } = managed()
    server.expiresIn = 0
    const api = new Api()
    const transformResponse = [(data: unknown) => data]
    const client = api.client({ transformResponse })
    client.interceptors.request.use((config) => config)
    attachTokenManager(client, tokens, { onOtherOrigin: 'omit' })
    await client.get('/')
    server.expiresIn = 3600
    const requests: AxiosRequestConfig[] = [
      { url: '/', token: { scope: 'x' } },
      { url: '/', token: tokens.source({ scope: 'y' }) },
      { url: `${OTHER}/` },
      { url: '/', headers: { Authorization: 'Basic own' } },
      { url: '/', token: false, auth: { username: 'u', password: 'p' } },
    ]
    for (const request of requests) for (const _ of ['cold', 'warm']) await client.request(request)
    // What is dispatched in our way comes to the adapter without the caller's transforms.
    expect(api.requests.map(({ config }) => config.transformResponse)).toEqual(Array(11).fill(transformResponse))
    expect(server.requests).toHaveLength(3)
  })

  it('that add a header of their own after ours are told of once', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    client.interceptors.request.use((config) => Object.assign(config, { headers: { authorization: 'Basic own' } }))
    attachTokenManager(client, tokens)
    const heard: unknown[] = []
    tokens.on('authorizationKept', (event) => heard.push(event))
    for (const _ of ['cold', 'warm']) await client.get('/')
    expect(api.authorizations).toEqual(['Basic own', 'Basic own'])
    expect(heard).toHaveLength(2)
  })

  it.each<[string, Partial<ClientOptions>, object]>([
    ['to another origin', {}, { url: `${OTHER}/` }],
    ['to another origin, in a header of the hook’s', { applyToken }, { url: `${OTHER}/` }],
    ['where none is wanted', {}, { token: false }],
    ['where none is wanted, in a header of the hook’s', { applyToken }, { token: false }],
  ])('that make the config anew after ours take no token %s', async (_, options, changes) => {
    const { tokens } = managed(options)
    const api = new Api()
    const client = api.client()
    client.interceptors.request.use(
      ({ url, baseURL, headers, method, adapter, transformRequest }) =>
        ({ url, baseURL, headers, method, adapter, transformRequest, ...changes }) as InternalAxiosRequestConfig,
    )
    attachTokenManager(client, tokens, { onOtherOrigin: 'omit' })
    for (const _ of ['cold', 'warm']) await client.get('/')
    expect(api.requests).toHaveLength(2)
    expect(JSON.stringify(api.requests.map(({ config }) => config.headers))).not.toContain('token-1')
  })

  it('that change the request after ours leave the bodies transformed once', async () => {
    const { tokens } = managed()
    const api = new Api()
    api.answer = () => ({ data: 'received', status: api.requests.length > 2 ? 500 : 200 })
    const transformRequest = [(data: unknown) => `(${data})`]
    const transformResponse = [(data: unknown) => `[${data}]`]
    const client = api.client({ transformRequest, transformResponse })
    client.interceptors.request.use((config) => Object.assign(config, { url: '/changed' }))
    attachTokenManager(client, tokens)
    for (const _ of ['cold', 'warm']) {
      const { data, config } = await client.post('/', 'sent')
      expect([data, config.data]).toEqual(['[received]', '(sent)'])
      expect(config).toMatchObject({ transformRequest, transformResponse, adapter: api.adapter })
    }
    const error = await failureOf(client.post('/', 'sent'))
    expect(error.response).toMatchObject({ data: '[received]' })
    expect(error.config).toMatchObject({ transformRequest, transformResponse, adapter: api.adapter, data: '(sent)' })
  })

  it.each(modes)('that swallow our refusal don’t get the request sent: %s', async (mode) => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    let seen: InternalAxiosRequestConfig | undefined
    client.interceptors.request.use(
      (config) => config,
      () => seen as never,
    )
    attachTokenManager(client, tokens)
    client.interceptors.request.use((config) => (seen = config), null, { synchronous: mode === 'synchronous' })
    await client.get('/')
    expect(await failureOf(client.get(`${OTHER}/`))).toMatchObject({ code: 'origin_refused' })
    expect(api.requests).toHaveLength(1)
  })

  it('that fail and recover don’t get the request sent without a token', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    await client.get('/')
    const fail = () => {
      throw new Error('of the interceptor')
    }
    client.interceptors.request.use(fail, () => {}, { synchronous: true })
    await client.get('/')
    expect(api.authorizations).toEqual(['Bearer token-1', 'Bearer token-1'])
  })

  it('don’t find our marks on the config that comes back', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    client.interceptors.request.use((config) => config)
    const transformRequest = [(data: unknown) => data, String]
    attachTokenManager(client, tokens)
    const { config } = await client.post('/', 1, { transformRequest })
    expect(config.transformRequest).toEqual(transformRequest)
    expect(config.adapter).toBe(api.adapter)
  })

  it('that change the URL while the token is awaited don’t send it there', async () => {
    const { tokens, server, clock } = managed()
    server.script.push({ afterMs: 1000 })
    const api = new Api()
    const client = api.client()
    let held: InternalAxiosRequestConfig | undefined
    attachTokenManager(client, tokens)
    client.interceptors.request.use((config) => (held = config))
    const failure = failureOf(client.get('/'))
    await clock.advance(500)
    Object.assign(held ?? {}, { url: OTHER })
    await clock.advance(500)
    expect(await failure).toMatchObject({ code: 'origin_refused' })
    expect(api.requests).toEqual([])
  })
})

// What follows puts arbitrary interceptors around ours, and judges each request by what reaches the adapter.

interface World {
  readonly clock: DriftingClock
  readonly server: AuthorizationServer
  readonly tokens: TokenManager
  readonly api: Api
  /** The interceptors do nothing before. */
  isWarm: boolean
}

type Effect = (config: InternalAxiosRequestConfig, world: World) => InternalAxiosRequestConfig

const set =
  (changes: object): Effect =>
  (config) =>
    Object.assign(config, changes)

/** Puts a transform behind the others, which runs after every interceptor. */
const transforming =
  (change: (config: InternalAxiosRequestConfig) => void): Effect =>
  (config) => {
    const transform = function (this: InternalAxiosRequestConfig, data: unknown) {
      change(this)
      return data
    }
    return Object.assign(config, { transformRequest: [config.transformRequest ?? [], transform].flat() })
  }

const EFFECTS: Record<string, Effect> = {
  nothing: (config) => config,
  'another path': set({ url: '/changed' }),
  'another URL': set({ url: `${OTHER}/changed` }),
  'protocol-relative URL': set({ url: '//other.example/changed' }),
  backslashes: set({ url: '/\\other.example/changed' }),
  'absolute URL of the API': set({ url: 'https://api.example.com/changed' }),
  'another base': set({ baseURL: OTHER }),
  'the same base': set({ baseURL: 'https://api.example.com' }),
  userinfo: set({ baseURL: 'https://user@api.example.com' }),
  'no base': set({ baseURL: undefined, url: `${OTHER}/` }),
  'no headers': set({ headers: undefined }),
  'new headers': (config) => Object.assign(config, { headers: { 'x-new': '1' } }),
  'own header': (config) => Object.assign(config, { headers: { ...config.headers, authorization: 'Basic own' } }),
  'no own header': (config) => Object.assign(config, { headers: { ...config.headers, Authorization: null } }),
  'no token': set({ token: false }),
  'the default token': set({ token: undefined }),
  'another scope': set({ token: { scope: 'write' } }),
  'a handle': (config, { tokens }) => Object.assign(config, { token: tokens.source({ scope: 'handle' }) }),
  auth: set({ auth: { username: 'u', password: 'p' } }),
  'no auth': set({ auth: undefined }),
  'a copy': (config) => ({ ...config }),
  'a config made anew': ({ url, baseURL, headers, method, token, adapter, transformRequest }) =>
    ({ url, baseURL, headers, method, token, adapter, transformRequest }) as InternalAxiosRequestConfig,
  'another adapter': (config, { api }) => Object.assign(config, { adapter: [(final: never) => api.adapter(final)] }),
  'no transforms': set({ transformRequest: undefined }),
  'one transform': set({ transformRequest: String }),
  'a transform to another URL': transforming((config) => Object.assign(config, { url: `${OTHER}/transformed` })),
  'a transform to another base': transforming((config) => Object.assign(config, { baseURL: OTHER })),
  'a transform without headers': transforming(({ headers }) => headers.clear()),
  'a transform of the token': transforming((config) => Object.assign(config, { token: { scope: 'write' } })),
  'fifty minutes pass': (config, { clock }) => {
    clock.moveWall(3000_000)
    return config
  },
  'an hour passes': (config, { clock }) => {
    clock.moveWall(3600_000)
    return config
  },
  'the token is rejected': (config, { tokens, server }) => {
    if (server.requests.length > 0) tokens.invalidate({}, `token-${server.requests.length}`)
    return config
  },
  failure: () => {
    throw new Error('of the interceptor')
  },
}

// After ours these take the last check away, and the next may do anything: see docs/security.md, "What remains".
const BEFORE_OURS_ONLY = new Set(['no transforms', 'one transform'])

const someInterceptor = fc.record({
  effect: fc.constantFrom(...Object.keys(EFFECTS)),
  isAsync: fc.boolean(),
  isAddedFirst: fc.boolean(),
  recovers: fc.boolean(),
})

const someRequest = fc.record({
  url: fc.constantFrom('/orders', 'orders', '', 'https://api.example.com/orders', `${OTHER}/orders`),
  token: fc.constantFrom<'default' | 'none' | 'scope' | 'handle'>('default', 'none', 'scope', 'handle'),
  isWarm: fc.boolean(),
  legacyInterceptorReqResOrdering: fc.boolean(),
  driftMs: fc.constantFrom(0, 0, 0, 100_000, 300_000, 1000_000),
})

interface OtherInterceptor {
  readonly effect: string
  readonly isAsync: boolean
  readonly recovers: boolean
}

function addInterceptor(client: AxiosInstance, world: World, { effect, isAsync, recovers }: OtherInterceptor) {
  let seen: InternalAxiosRequestConfig | undefined
  const apply = (config: InternalAxiosRequestConfig) => {
    if (!world.isWarm) return config
    seen = config
    return (EFFECTS[effect] as Effect)(config, world)
  }
  const recover = (error: unknown) => {
    if (!recovers || seen === undefined) throw error
    return seen as never
  }
  client.interceptors.request.use(isAsync ? async (config) => apply(config) : apply, recover, { synchronous: !isAsync })
}

/** What is wrong with a request that has reached the adapter. */
function faultsOf({ url, authorization, config }: ApiRequest, { clock, server }: World): string[] {
  const issued = /^Bearer token-(\d+)$/.exec(String(authorization))
  const isTokenless = config.token === false || authorization === 'Basic own'
  if (issued === null) return isTokenless ? [] : [`without a token: ${String(authorization)}`]
  const request = server.requests[Number(issued[1]) - 1]
  const wanted = config.token && ('scope' in config.token ? config.token.scope : 'handle')
  const faults = {
    'with a token that was not wanted': config.token === false,
    'with the wrong token': config.token !== false && request?.form.get('scope') !== (wanted ?? null),
    'with a token that `auth` displaces': config.auth,
    'to another origin with a token': new URL(url).origin !== 'https://api.example.com',
    'with an expired token': clock.driftMs === 0 && clock.now() - (request?.at ?? 0) >= 3590_000,
  }
  return Object.entries(faults).flatMap(([fault, is]) => (is ? [fault] : []))
}

describe('arbitrary other interceptors', () => {
  it('never get a request sent without its token, with another or an expired one, or to another origin with one', async () => {
    const isUsual = (error: Record<string, unknown>) =>
      ['origin_refused', 'authorization_conflict', 'expired_on_arrival'].includes(error.code as string) ||
      error.message === 'of the interceptor'
    await fc.assert(
      fc.asyncProperty(fc.array(someInterceptor, { maxLength: 4 }), someRequest, async (interceptors, request) => {
        const api = new Api()
        const clock = new DriftingClock()
        const world: World = { ...managed({ maxTokens: 10 }, clock), api, clock, isWarm: false }
        const faults: string[] = []
        api.answer = (sent) => {
          faults.push(...faultsOf(sent, world))
          return {}
        }
        const client = api.client()
        const { transitional = {} } = client.defaults
        // Older versions of axios know one order only.
        if ('legacyInterceptorReqResOrdering' in transitional) {
          const { legacyInterceptorReqResOrdering } = request
          client.defaults.transitional = { ...transitional, legacyInterceptorReqResOrdering }
        }
        const isLegacy = client.defaults.transitional?.legacyInterceptorReqResOrdering ?? true
        const others = interceptors.filter(
          ({ effect, isAddedFirst }) => isAddedFirst !== isLegacy || !BEFORE_OURS_ONLY.has(effect),
        )
        const handle = world.tokens.source({ scope: 'handle' })
        for (const each of others.filter(({ isAddedFirst }) => isAddedFirst)) addInterceptor(client, world, each)
        attachTokenManager(client, world.tokens)
        for (const each of others.filter(({ isAddedFirst }) => !isAddedFirst)) addInterceptor(client, world, each)
        if (request.isWarm) for (const token of [undefined, handle]) await client.get('/', { token })
        world.isWarm = true
        clock.driftMs = request.driftMs
        const token = { default: undefined, none: false, scope: { scope: 'write' }, handle }[request.token] as undefined
        const error = await client.get(request.url, { token }).then(
          () => undefined,
          (reason) => reason,
        )
        expect(faults).toEqual([])
        expect(error === undefined || isUsual(error) || error).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('what sees the request after us', () => {
  const elsewhere = `${OTHER}/orders`

  it.each<[what: string, (this: InternalAxiosRequestConfig) => void]>([
    [
      'sends it elsewhere',
      function () {
        this.url = elsewhere
      },
    ],
    [
      'takes all headers off',
      function () {
        this.headers.clear()
      },
    ],
  ])('is looked at again when a transform of the request’s own %s', async (_, change) => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    attachTokenManager(client, tokens)
    const transformRequest = [
      function (this: InternalAxiosRequestConfig, data: unknown) {
        change.call(this)
        return data
      },
    ]
    await client.get('/orders')
    await client.get('/orders', { transformRequest }).catch(() => {})
    const [, ...after] = api.requests
    for (const { url, authorization } of after) {
      expect([url, authorization]).toEqual(['https://api.example.com/orders', 'Bearer token-1'])
    }
  })

  it('does not get our header past the origins by copying it into a config of its own', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    client.interceptors.request.use(({ headers, method, adapter, transformRequest }) => {
      const own = { headers, method, adapter, transformRequest, url: elsewhere }
      return own as InternalAxiosRequestConfig
    })
    attachTokenManager(client, tokens)
    for (const token of [undefined, { scope: 'orders.write' }, tokens.source({ scope: 'orders.read' })]) {
      expect(await failureOf(client.get('/orders', { token }))).toMatchObject({ code: 'origin_refused' })
    }
    expect(api.requests).toEqual([])
  })

  it('does not take our guard of redirects away', async () => {
    const { tokens } = managed()
    const api = new Api()
    const client = api.client()
    const told: unknown[] = []
    client.interceptors.request.use((config) => {
      config.beforeRedirect = ({ headers }) => told.push({ ...headers })
      return config
    })
    attachTokenManager(client, tokens)
    await client.get('/orders')
    const headers = { Authorization: 'Bearer token-1' }
    api.requests[0]?.config.beforeRedirect?.({ href: elsewhere, headers }, {} as never, {} as never)
    expect(headers).toEqual({})
    expect(told).toEqual([{}])
  })
})
