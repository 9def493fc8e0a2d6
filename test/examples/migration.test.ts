import { describe, expect, it } from 'vitest'
import { useOrdersWorld } from './orders-world.ts'

const world = useOrdersWorld()

/** Sends one request by an example. */
type Load = () => Promise<() => Promise<unknown>>

const byAxios =
  (load: () => Promise<{ api: { get(url: string): Promise<{ data: unknown }> } }>): Load =>
  async () => {
    const { api } = await load()
    return async () => (await api.get('/orders')).data
  }

const listing =
  (load: () => Promise<{ listOrders(): Promise<unknown> }>): Load =>
  async () =>
    (await load()).listOrders

/** Of ten: none, one, all, or more than one, which depends on what comes first. */
type Count = 0 | 1 | 10 | 'several'

const counted = (count: number): Count => (count === 0 || count === 1 ? count : count === 10 ? 10 : 'several')
const isAs = (expected: Count, count: number) =>
  expect(expected === 'several' ? Math.min(count, 2) : counted(count)).toBe(expected === 'several' ? 2 : expected)

/**
 * What docs/migration.md says: the token requests of ten calls at once, then those of ten calls whose token was revoked,
 * and how many of these fail.
 */
const EXAMPLES: readonly [name: string, load: Load, cold: Count, revoked: Count, failed: Count][] = [
  ['interceptor-before', byAxios(() => import('../../examples/migration/interceptor-before.ts')), 10, 'several', 0],
  ['interceptor-after', byAxios(() => import('../../examples/migration/interceptor-after.ts')), 1, 1, 0],
  ['token-interceptor-before', byAxios(() => import('../../examples/migration/token-interceptor-before.ts')), 1, 0, 10],
  ['token-interceptor-after', byAxios(() => import('../../examples/migration/token-interceptor-after.ts')), 1, 1, 0],
  ['auth-refresh-before', byAxios(() => import('../../examples/migration/auth-refresh-before.ts')), 1, 1, 'several'],
  ['auth-refresh-after', byAxios(() => import('../../examples/migration/auth-refresh-after.ts')), 1, 1, 0],
  ['simple-oauth2-before', listing(() => import('../../examples/migration/simple-oauth2-before.ts')), 10, 0, 10],
  ['simple-oauth2-after', listing(() => import('../../examples/migration/simple-oauth2-after.ts')), 1, 1, 0],
]

describe('an example of the migration', () => {
  it.each(EXAMPLES)(
    'makes as many token requests as is written beside it: %s',
    async (_, load, cold, revoked, failed) => {
      const call = await load()
      const ten = () => Promise.all(Array.from({ length: 10 }, () => call().catch(() => 'failed')))
      for (const orders of await ten()) expect(orders).toEqual([{ item: 4711 }])
      const { tokenRequests } = world()
      isAs(cold, tokenRequests)
      world().revoke()
      const results = await ten()
      isAs(failed, results.filter((result) => result === 'failed').length)
      isAs(revoked, world().tokenRequests - tokenRequests)
    },
  )
})
