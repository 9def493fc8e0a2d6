import { randomBytes } from 'node:crypto'
import ioredis from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { TokenEvents } from '../../src/events.ts'
import { type RedisClient, RedisTokenStore } from '../../src/store/redis.ts'
import { TokenManager } from '../../src/token-manager.ts'
import { AuthorizationServer } from '../support/authorization-server.ts'
import { clientOf } from '../support/managed.ts'

const { default: IoRedis } = ioredis

// Nobody listens there; and none of these clients is connected to it.
const URL = 'redis://127.0.0.1:1'

function nodeRedis() {
  return createClient({ url: URL, socket: { reconnectStrategy: false } }).on('error', () => {})
}

function ioRedis(options: { readonly enableOfflineQueue?: boolean } = {}) {
  return new IoRedis(URL, { lazyConnect: true, retryStrategy: () => null, ...options }).on('error', () => {})
}

function closed<T extends { disconnect(): unknown }>(client: T): T {
  client.disconnect()
  return client
}

describe('a client of Redis that is of no use', () => {
  it.each<[what: string, client: unknown]>([
    ['redis that was never connected', nodeRedis()],
    ['redis by callbacks', nodeRedis().legacy()],
    ['redis that collects commands', nodeRedis().multi()],
    ['ioredis that cannot connect', ioRedis()],
    ['ioredis that keeps no commands until it can', ioRedis({ enableOfflineQueue: false })],
    ['ioredis that was closed', closed(ioRedis())],
    ['ioredis that collects commands', ioRedis().pipeline()],
  ])('costs no token, and an event says so: %s', async (_, client) => {
    const server = new AuthorizationServer(systemClock)
    const store = new RedisTokenStore(client as RedisClient, { encryptionKeys: randomBytes(32) })
    await using tokens = new TokenManager({ ...clientOf(server), store })
    const failed: TokenEvents['storeFailed'][] = []
    tokens.on('storeFailed', (event) => failed.push(event))
    expect(await tokens.getAccessToken()).toBe('token-1')
    expect(failed).toContainEqual({ operation: 'getOrLease', reason: expect.any(String) })
  })
})
