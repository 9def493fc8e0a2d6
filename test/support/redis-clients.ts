import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'
import type { RedisClient } from '../../src/store/redis.ts'
import { SENTINEL_NAME } from './redis.ts'

/** A client as an application has it; the library neither connects nor closes it. */
export interface ConnectedClient extends AsyncDisposable {
  readonly client: RedisClient
  /** Runs a script on one key. */
  change(script: string, key: string, ...values: string[]): Promise<unknown>
  /** How many listeners of errors it has. */
  errorListeners(): number
}

// As applications have to: without it a lost connection ends the process.
const ignore = () => {}

/** A client of the package `redis`, for one server. */
export async function connectNodeRedis(url: string): Promise<ConnectedClient> {
  const client = createClient({ url, socket: { reconnectStrategy: 20 } }).on('error', ignore)
  await client.connect()
  return {
    client,
    change: (script, key, ...values) => client.eval(script, { keys: [key], arguments: values }),
    errorListeners: () => client.listenerCount('error'),
    async [Symbol.asyncDispose]() {
      client.destroy()
    },
  }
}

/** A client of the package `redis`, for a cluster. */
export async function connectNodeRedisCluster(url: string): Promise<ConnectedClient> {
  const client = createCluster({ rootNodes: [{ url }] }).on('error', ignore)
  await client.connect()
  return {
    client,
    change: (script, key, ...values) => client.eval(script, { keys: [key], arguments: values }),
    errorListeners: () => client.listenerCount('error'),
    async [Symbol.asyncDispose]() {
      client.destroy()
    },
  }
}

/** A client of the package `redis` that asks a sentinel for its server. */
export async function connectNodeRedisSentinel(url: string): Promise<ConnectedClient> {
  const { hostname: host, port } = new URL(url)
  const client = createSentinel({ name: SENTINEL_NAME, sentinelRootNodes: [{ host, port: Number(port) }] })
  await client.on('error', ignore).connect()
  return {
    client,
    change: (script, key, ...values) => client.eval(script, { keys: [key], arguments: values }),
    errorListeners: () => client.listenerCount('error'),
    async [Symbol.asyncDispose]() {
      await client.destroy()
    },
  }
}

/** A client of the package `ioredis` that asks a sentinel for its server. */
export async function connectIoRedisSentinel(url: string): Promise<ConnectedClient> {
  const { hostname: host, port } = new URL(url)
  return await ready(new Redis({ name: SENTINEL_NAME, sentinels: [{ host, port: Number(port) }] }))
}

/** A client of the package `ioredis`, for one server. */
export async function connectIoRedis(url: string): Promise<ConnectedClient> {
  return await ready(new Redis(url, { retryStrategy: () => 20 }))
}

/** A client of the package `ioredis`, for a cluster. */
export async function connectIoRedisCluster(url: string): Promise<ConnectedClient> {
  const { hostname: host, port } = new URL(url)
  return await ready(new Cluster([{ host, port: Number(port) }]))
}

async function ready(client: Redis | Cluster): Promise<ConnectedClient> {
  client.on('error', ignore)
  await new Promise((resolve) => client.once('ready', resolve))
  return {
    client,
    change: (script, key, ...values) => client.eval(script, 1, key, ...values),
    errorListeners: () => client.listenerCount('error'),
    async [Symbol.asyncDispose]() {
      client.disconnect()
    },
  }
}
