import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { useOrdersWorld } from './orders-world.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const log = vi.spyOn(console, 'log')
const world = useOrdersWorld()

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/generate-orders-client.js'], { cwd: root })
}, 300_000)
beforeEach(() => void log.mockReset().mockImplementation(() => {}))

const ORDERS = [{ item: 4711 }]
const ORDER = { item: 1 }
const POSTED = (token: string) => `POST /orders ${token} {"item":1}`

/** Runs a recipe, and gives one more request by its means. */
type Recipe = () => Promise<() => Promise<unknown>>

const REPLAYING: readonly [name: string, recipe: Recipe, printed: unknown, traffic: readonly string[]][] = [
  [
    'ky',
    async () => {
      const { api } = await import('../../examples/recipes/ky.ts')
      return async () => expect(await api.post('/orders', { json: ORDER }).json()).toEqual(ORDER)
    },
    ORDERS,
    ['GET /orders token-1', POSTED('token-1'), POSTED('token-2')],
  ],
  [
    'ofetch',
    async () => {
      const { api } = await import('../../examples/recipes/ofetch.ts')
      return async () => expect(await api('/orders', { method: 'POST', body: ORDER })).toEqual(ORDER)
    },
    ORDERS,
    ['GET /orders token-1', POSTED('token-1'), POSTED('token-2')],
  ],
  [
    'openapi-fetch',
    async () => {
      const { api } = await import('../../examples/recipes/openapi-fetch.ts')
      return async () => expect((await api.POST('/orders', { body: ORDER })).data).toEqual(ORDER)
    },
    ORDERS,
    ['GET /orders token-1', POSTED('token-1'), POSTED('token-2')],
  ],
  [
    'hey-api',
    async () => {
      await import('../../examples/recipes/hey-api.ts')
      const { createOrder } = await import('../../examples/recipes/orders-client/sdk.gen.ts')
      return async () => expect((await createOrder({ body: ORDER })).data).toEqual(ORDER)
    },
    ORDERS,
    ['GET /orders token-1', POSTED('token-1'), POSTED('token-2')],
  ],
  [
    'kiota',
    async () => {
      const { adapter, listOrdersRequest } = await import('../../examples/recipes/kiota.ts')
      return async () => {
        const bytes = await adapter.sendPrimitive<ArrayBuffer>(listOrdersRequest(), 'ArrayBuffer', undefined)
        expect(new TextDecoder().decode(bytes)).toBe(JSON.stringify(ORDERS))
      }
    },
    JSON.stringify(ORDERS),
    ['GET /orders token-1', 'GET /orders token-1', 'GET /orders token-2'],
  ],
  [
    'graphql-request',
    async () => {
      const { api } = await import('../../examples/recipes/graphql-request.ts')
      return async () => expect(await api.request('{ orders { item } }')).toEqual({ orders: ORDERS })
    },
    ORDERS,
    ['token-1', 'token-1', 'token-2'].map((token) => `POST /graphql ${token} {"query":"{ orders { item } }"}`),
  ],
  [
    'axios-retry',
    async () => {
      const { api } = await import('../../examples/recipes/axios-retry.ts')
      return async () => expect((await api.post('/orders', ORDER)).data).toEqual(ORDER)
    },
    ORDERS,
    ['GET /orders token-1', POSTED('token-1'), POSTED('token-2')],
  ],
  [
    'openapi-generator',
    async () => {
      const { clients } = await import('../../examples/recipes/openapi-generator.ts')
      return async () => expect((await clients.listOAuth2Clients()).data).toEqual([{ client_id: 'orders-service' }])
    },
    [{ client_id: 'orders-service' }],
    ['GET /admin/clients token-1', 'GET /userinfo token-1', 'GET /admin/clients token-1', 'GET /admin/clients token-2'],
  ],
  [
    'bare-function',
    async () => {
      const { listOrders } = await import('../../examples/recipes/bare-function.ts')
      return async () => expect(await listOrders()).toEqual(ORDERS)
    },
    ORDERS,
    ['GET /orders token-1', 'GET /orders token-1', 'GET /orders token-2'],
  ],
  [
    'nestjs',
    async () => {
      const { app, OrdersService } = await import('../../examples/recipes/nestjs.ts')
      return async () => expect(await app.get(OrdersService).list()).toEqual(ORDERS)
    },
    ORDERS,
    ['GET /orders token-1', 'GET /orders token-1', 'GET /orders token-2'],
  ],
]

/** Recipes whose request after the revocation is answered with 401. */
const READING: readonly [name: string, recipe: Recipe, request: string][] = [
  [
    'hey-api-auth',
    async () => {
      await import('../../examples/recipes/hey-api-auth.ts')
      const { listOrders } = await import('../../examples/recipes/orders-client/sdk.gen.ts')
      return () => listOrders({ throwOnError: true })
    },
    'GET /orders ?',
  ],
  [
    'openapi-generator',
    async () => {
      const { users } = await import('../../examples/recipes/openapi-generator.ts')
      return () => users.getOidcUserInfo()
    },
    'GET /userinfo ?',
  ],
  [
    'kiota',
    async () => {
      const { listOrdersRequest, plainAdapter } = await import('../../examples/recipes/kiota.ts')
      return () => plainAdapter.sendPrimitive(listOrdersRequest(), 'ArrayBuffer', undefined)
    },
    'GET /orders ?',
  ],
  [
    'graphql-request',
    async () => {
      const { plainApi } = await import('../../examples/recipes/graphql-request.ts')
      return () => plainApi.request('{ orders { item } }')
    },
    'POST /graphql ? {"query":"{ orders { item } }"}',
  ],
]

describe('a recipe', () => {
  it.each(REPLAYING)('sends the token, and another once it is revoked: %s', async (_, recipe, printed, traffic) => {
    const request = await recipe()
    expect(log.mock.calls[0]).toEqual([printed])
    world().revoke()
    await request()
    expect(world().traffic).toEqual(traffic)
  })

  it.each(READING)('by a function sends the token that is current: %s', async (name, recipe, line) => {
    const request = await recipe()
    const { tokens } = await import('../../examples/recipes/orders-service.ts')
    world().traffic.length = 0
    await request()
    world().revoke()
    await expect(request()).rejects.toBeDefined()
    if (name !== 'hey-api-auth') {
      await expect(request()).rejects.toBeDefined()
      world().traffic.pop()
      tokens.source().invalidate('token-1')
    }
    await request()
    expect(world().traffic).toEqual(['token-1', 'token-1', 'token-2'].map((token) => line.replace('?', token)))
  })

  it.each<[name: string, recipe: () => Promise<unknown>, where?: 'cause']>([
    ['ky', () => import('../../examples/recipes/ky.ts')],
    ['ofetch', () => import('../../examples/recipes/ofetch.ts'), 'cause'],
    ['openapi-fetch', () => import('../../examples/recipes/openapi-fetch.ts')],
    ['openapi-generator', () => import('../../examples/recipes/openapi-generator.ts')],
    ['kiota', () => import('../../examples/recipes/kiota.ts')],
    ['graphql-request', () => import('../../examples/recipes/graphql-request.ts')],
    ['nestjs', () => import('../../examples/recipes/nestjs.ts')],
    ['axios-retry', () => import('../../examples/recipes/axios-retry.ts')],
    ['bare-function', () => import('../../examples/recipes/bare-function.ts')],
    [
      'hey-api',
      async () => {
        await import('../../examples/recipes/hey-api.ts')
        const { listOrders } = await import('../../examples/recipes/orders-client/sdk.gen.ts')
        throw (await listOrders()).error
      },
    ],
  ])('lets the caller see why there is no token, and asks for it once: %s', async (_, recipe, where) => {
    world().deniesTokens = true
    const denied = { name: 'TokenResponseError', code: 'request_denied' }
    await expect(recipe()).rejects.toMatchObject(where === undefined ? denied : { cause: denied })
    expect(world().traffic).toEqual([])
    expect(world().tokenRequests).toBe(1)
  })

  it('gives the token to allowed hosts only: kiota', async () => {
    const { listOrdersRequest, plainAdapter } = await import('../../examples/recipes/kiota.ts')
    plainAdapter.baseUrl = world().api.origin.replace('127.0.0.1', 'localhost')
    await expect(plainAdapter.sendNoResponseContent(listOrdersRequest(), undefined)).rejects.toBeDefined()
    expect(world().traffic.at(-1)).toBe('GET /orders without a token')
  })

  it('leaves all other retries to the client: axios-retry', async () => {
    const { api } = await import('../../examples/recipes/axios-retry.ts')
    world().revoke()
    world().outages = 3
    expect((await api.get('/orders')).data).toEqual(ORDERS)
    const sent = ['token-1', 'token-1', 'token-2', 'token-2', 'token-2', 'token-2']
    expect(world().traffic).toEqual(sent.map((token) => `GET /orders ${token}`))
  })

  it('closes the manager when the application ends: nestjs', async () => {
    const { app } = await import('../../examples/recipes/nestjs.ts')
    const { tokens } = await import('../../examples/recipes/orders-service.ts')
    expect(await tokens.getAccessToken({ scope: 'orders.write' })).toBe('token-2')
    await app.close()
    await expect(tokens.getToken({ scope: 'orders.delete' })).rejects.toMatchObject({ code: 'closed' })
  })

  it('has a test', () => {
    const names = readdirSync(`${root}examples/recipes`).filter((name) => /^[\w-]+\.ts$/.test(name))
    const elsewhere = ['graphql-ws', 'grpc', 'orders-service']
    const tested = new Set([...elsewhere, ...[...REPLAYING, ...READING].map(([name]) => name)])
    expect(new Set(names.map((name) => name.replace('.ts', '')))).toEqual(tested)
  })
})
