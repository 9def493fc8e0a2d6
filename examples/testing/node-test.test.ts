import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenManager } from 'evertoken'
import { startApi, startAuthorizationServer } from 'evertoken/testing'
import { OrderService } from './order-service.ts'

test('goes on when the authorization server fails, and when tokens are revoked', async () => {
  await using server = await startAuthorizationServer({ lifetimeMs: 60_000 })
  await using api = await startApi({ server, respond: () => ({ body: [4711] }) })
  const tokens = new TokenManager(server.clientOptions())
  const service = new OrderService(tokens, api.origin)

  server.next({ kind: 'resetBeforeHeaders' }, { kind: 'status', status: 503 })
  assert.deepEqual(await service.openOrders(), [4711])

  server.revoke()
  assert.deepEqual(await service.openOrders(), [4711])

  assert.equal(server.counts.issued, 2)
  assert.deepEqual(api.refusals, { revoked: 1 })
})

test('takes up a new client secret without a restart', async () => {
  await using server = await startAuthorizationServer({ clients: { 'orders-service': 'first' } })
  await using api = await startApi({ server, respond: () => ({ body: [4711] }) })
  let secret = 'first'
  const options = server.clientOptions('orders-service')
  const tokens = new TokenManager({ ...options, clientSecret: () => secret })
  const service = new OrderService(tokens, api.origin)
  await service.openOrders()

  server.rotateSecret('orders-service', 'second')
  server.revoke()
  secret = 'second'

  assert.deepEqual(await service.openOrders(), [4711])
})

test('tells of an API that does not let it write', async () => {
  await using server = await startAuthorizationServer({
    clients: { reader: { secret: 'a-secret', scope: 'orders.read' } },
  })
  await using api = await startApi({ server, scope: 'orders.read' })
  const service = new OrderService(new TokenManager(server.clientOptions()), api.origin)

  await assert.rejects(service.cancel(4711), { code: 'request_denied', error: 'invalid_scope' })
  assert.equal(api.received, 0)
})
