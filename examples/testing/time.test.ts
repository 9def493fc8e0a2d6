import { TokenManager } from 'evertoken'
import { startApi, startAuthorizationServer, VirtualClock } from 'evertoken/testing'
import { expect, test } from 'vitest'
import { OrderService } from './order-service.ts'

test('works on through an outage, for as long as its token lives', async () => {
  const clock = new VirtualClock()
  await using server = await startAuthorizationServer({ clock, lifetimeMs: 3_600_000 })
  await using api = await startApi({ server, respond: () => ({ body: [4711] }) })
  const tokens = new TokenManager({ ...server.clientOptions(), clock })
  const service = new OrderService(tokens, api.origin)
  await service.openOrders()

  server.fault = () => ({ kind: 'status', status: 503 })
  for (let minute = 0; minute < 59; minute++) {
    await clock.advance(60_000) // no waiting
    expect(await service.openOrders()).toEqual([4711])
  }

  server.fault = undefined
  await clock.advance(10 * 60_000)
  expect(await service.openOrders()).toEqual([4711])
  expect(api.refusals).toEqual({})
})
