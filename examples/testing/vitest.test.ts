import { stubTokenManager } from 'evertoken/testing'
import { expect, test, vi } from 'vitest'
import { OrderService } from './order-service.ts'

const API = 'https://api.example.com'

test('sends its token with every request', async () => {
  const tokens = stubTokenManager({ token: 'a-token' })
  const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json([4711]))
  const service = new OrderService(tokens, API, fetch)

  expect(await service.openOrders()).toEqual([4711])

  const [, init] = fetch.mock.calls[0] ?? []
  expect(new Headers(init?.headers).get('authorization')).toBe('Bearer a-token')
})

test('asks for the right to write only when it writes', async () => {
  const tokens = stubTokenManager()
  const service = new OrderService(tokens, API, async () => new Response())

  await service.cancel(4711)

  expect(tokens.requested.map(({ scope }) => scope)).toEqual([['orders.write']])
})

test('is not ready while no token can be had', async () => {
  const tokens = stubTokenManager({ error: 'invalid_client' })
  const service = new OrderService(tokens, API)
  expect(await service.isReady()).toBe(false)

  tokens.answerWith({ token: 'a-token' })
  expect(await service.isReady()).toBe(true)
})
