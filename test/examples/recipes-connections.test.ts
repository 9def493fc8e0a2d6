import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { useServer } from 'graphql-ws/use/ws'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { TestAuthority } from '../support/tls.ts'
import { useOrdersWorld } from './orders-world.ts'

// The copy that graphql-ws gets: schemas of another one are refused.
const { buildSchema }: typeof import('graphql') = createRequire(import.meta.url)('graphql')

const log = vi.spyOn(console, 'log')
const world = useOrdersWorld()
beforeEach(() => void log.mockReset().mockImplementation(() => {}))

describe('a recipe for connections that last', () => {
  const close: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of close.splice(0).reverse()) await end()
  })

  /** Serves subscriptions to whoever has a token. They end after an order that `isLast`. */
  async function serveSubscriptions(presented: unknown[], isLast: (clients: Set<WebSocket>) => boolean) {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    close.push(() => server.close())
    const sockets = new WebSocketServer({ server, path: '/graphql' })
    const placed = async function* () {
      yield { placed: { item: presented.length } }
      if (!isLast(sockets.clients)) await new Promise(() => {})
    }
    const onConnect = ({ connectionParams }: { connectionParams?: Record<string, unknown> }) => {
      presented.push(connectionParams?.authorization)
      return world().accepts(connectionParams?.authorization)
    }
    const schema = buildSchema('type Order { item: Int } type Query { n: Int } type Subscription { placed: Order }')
    const subscriptions = useServer({ schema, roots: { subscription: { placed } }, onConnect }, sockets)
    close.push(() => subscriptions.dispose())
    vi.stubEnv('EVERTOKEN_API_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }

  it('connects again with another token after the first is revoked: graphql-ws', async () => {
    const presented: unknown[] = []
    await serveSubscriptions(presented, (clients) => {
      if (presented.length > 1) return true
      world().revoke()
      for (const client of clients) client.close(1012, 'Service Restart')
      return false
    })
    await import('../../examples/recipes/graphql-ws.ts')
    expect(presented).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
    expect(log.mock.calls).toEqual([[{ placed: { item: 1 } }], [{ placed: { item: 3 } }]])
  })

  it('fails with the error of a token that cannot be had: graphql-ws', async () => {
    const presented: unknown[] = []
    await serveSubscriptions(presented, () => true)
    world().deniesTokens = true
    await expect(import('../../examples/recipes/graphql-ws.ts')).rejects.toMatchObject({ code: 'request_denied' })
    expect(presented).toEqual([])
  })

  it('makes a call again with another token after the first is revoked: grpc', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evertoken-recipes-'))
    close.push(() => rmSync(folder, { recursive: true }))
    const authority = new TestAuthority()
    const { cert, key } = authority.issue()
    writeFileSync(join(folder, 'ca.pem'), authority.cert)
    const received: unknown[] = []
    const List = (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => {
      const [authorization] = call.metadata.get('authorization')
      received.push(authorization)
      if (world().accepts(authorization)) answer(null, [{ item: 4711 }])
      else answer({ code: status.UNAUTHENTICATED })
    }
    const encode = (message: object) => Buffer.from(JSON.stringify(message))
    const decode = (bytes: Buffer): object => JSON.parse(bytes.toString())
    const streams = { requestStream: false, responseStream: false }
    const formats = { requestSerialize: encode, requestDeserialize: decode }
    const list = { path: '/orders.Orders/List', ...streams, ...formats }
    const server = new Server()
    server.addService({ List: { ...list, responseSerialize: encode, responseDeserialize: decode } }, { List })
    const secure = ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }])
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', secure, (error, bound) => (error ? reject(error) : resolve(bound))),
    )
    close.push(() => server.forceShutdown())
    vi.stubEnv('ORDERS_GRPC', `localhost:${port}`)
    vi.stubEnv('CA_FILE', join(folder, 'ca.pem'))

    const { listOrders } = await import('../../examples/recipes/grpc.ts')
    expect(log.mock.calls).toEqual([[[{ item: 4711 }]]])
    world().revoke()
    expect(await listOrders()).toEqual([{ item: 4711 }])
    expect(received).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
  })
})
