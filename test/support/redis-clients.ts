import ioredis, { Cluster, type RedisOptions } from 'ioredis'
import {
  createClient,
  createClientPool,
  createCluster,
  createSentinel,
  RESP_TYPES,
  type RedisClientOptions,
  type RespVersions,
} from 'redis'
import type { IoRedisClient, NodeRedisClient, RedisClient } from '../../src/store/redis.ts'
import { SENTINEL_NAME } from './redis.ts'

// The name that every supported version exports.
const { default: IoRedis } = ioredis

/** A client as an application has it; the library neither connects nor closes it. */
export interface ConnectedClient extends AsyncDisposable {
  readonly client: RedisClient
  /** Runs a script on one key. */
  change(script: string, key: string, ...values: string[]): Promise<unknown>
  /** How many listeners of errors it has. */
  errorListeners(): number
}

/** Where a server is; with `ca` by TLS. */
export interface RedisAddress {
  readonly url: string
  readonly ca?: string
}

/** Connects a client to a server, or to a cluster or the server of a sentinel by one of its nodes. */
export type Connect = (address: RedisAddress) => Promise<ConnectedClient>

/** A client of the package `redis`, for one server. */
export const connectNodeRedis: Connect = nodeRedis((address) => createClient(nodeRedisOptions(address)))
export const connectNodeRedisPool: Connect = nodeRedis((address) => createClientPool(nodeRedisOptions(address)))
export const connectNodeRedisCluster: Connect = nodeRedis(({ url }) => createCluster({ rootNodes: [{ url }] }))
export const connectNodeRedisSentinel: Connect = nodeRedis((address) =>
  createSentinel({ name: SENTINEL_NAME, sentinelRootNodes: [nodeOf(address)] }),
)

/** One that speaks this version of the protocol. */
export const connectNodeRedisWithResp = (RESP: RespVersions): Connect =>
  nodeRedis((address) => createClient({ ...nodeRedisOptions(address), RESP }))

/** One that was set to return Buffers. */
export const connectNodeRedisOfBuffers: Connect = async (address) => {
  const client = createClient(nodeRedisOptions(address))
  const connected = await nodeRedis(() => client)(address)
  return { ...connected, client: client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) }
}

/** A client of the package `ioredis`, for one server, with options of its own. */
export const connectIoRedisWith = (own: Pick<RedisOptions, 'keyPrefix' | 'enableAutoPipelining'>): Connect =>
  ioRedis(({ url, ca }) => {
    const secured = ca === undefined ? {} : { tls: { ca } }
    return new IoRedis(url, { retryStrategy: () => 20, ...secured, ...own })
  })
export const connectIoRedis: Connect = connectIoRedisWith({})
export const connectIoRedisCluster: Connect = ioRedis((address) => new Cluster([nodeOf(address)]))
export const connectIoRedisSentinel: Connect = ioRedis(
  (address) => new IoRedis({ name: SENTINEL_NAME, sentinels: [nodeOf(address)] }),
)

interface NodeRedis extends NodeRedisClient {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): unknown
  listenerCount(event: 'error'): number
}

// As applications have to: without it a lost connection ends the process.
const ignore = () => {}

function nodeRedis(create: (address: RedisAddress) => NodeRedis): Connect {
  return async (address) => {
    const client = create(address)
    client.on('error', ignore)
    await client.connect()
    return {
      client,
      change: (script, key, ...values) => client.eval(script, { keys: [key], arguments: values }),
      errorListeners: () => client.listenerCount('error'),
      async [Symbol.asyncDispose]() {
        await client.destroy()
      },
    }
  }
}

interface IoRedisLike extends IoRedisClient {
  on(event: 'error', listener: () => void): unknown
  once(event: 'ready', listener: () => void): unknown
  disconnect(): unknown
  listenerCount(event: 'error'): number
}

function ioRedis(create: (address: RedisAddress) => IoRedisLike): Connect {
  return async (address) => {
    const client = create(address)
    client.on('error', ignore)
    await new Promise<void>((resolve) => client.once('ready', resolve))
    return {
      client,
      change: (script, key, ...values) => client.eval(script, 1, key, ...values),
      errorListeners: () => client.listenerCount('error'),
      async [Symbol.asyncDispose]() {
        client.disconnect()
      },
    }
  }
}

function nodeRedisOptions({ url, ca }: RedisAddress): RedisClientOptions {
  return { url, socket: { reconnectStrategy: 20, ...(ca !== undefined && { tls: true, ca }) } }
}

function nodeOf({ url }: RedisAddress): { readonly host: string; readonly port: number } {
  const { hostname: host, port } = new URL(url)
  return { host, port: Number(port) }
}
