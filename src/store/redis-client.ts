import type { Script } from './redis-scripts.ts'

/** What is used of a client of the package `redis`: one server, a pool, Sentinel or Cluster. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: NodeRedisArguments): Promise<unknown>
  eval(source: string, options: NodeRedisArguments): Promise<unknown>
}

/** Keys and arguments of a script, as the package `redis` takes them. */
export interface NodeRedisArguments {
  keys: string[]
  arguments: string[]
}

/** What is used of a client of the package `ioredis`: one server, Sentinel or Cluster. */
export interface IoRedisClient {
  evalsha(sha1: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(source: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** A connected client of the user's. */
export type RedisClient = NodeRedisClient | IoRedisClient

/** Runs a script on one key. Sends its source only to a server that doesn't have it yet. */
export type RunScript = (script: Script, key: string, values: readonly string[]) => Promise<unknown>

/** Runs scripts by a client of either package; `undefined` for anything else. */
export function scriptRunner(client: unknown): RunScript | undefined {
  if (isNodeRedis(client)) {
    return withFallback(
      ({ sha1 }, key, values) => client.evalSha(sha1, { keys: [key], arguments: [...values] }),
      ({ source }, key, values) => client.eval(source, { keys: [key], arguments: [...values] }),
    )
  }
  if (isIoRedis(client)) {
    return withFallback(
      ({ sha1 }, key, values) => client.evalsha(sha1, 1, key, ...values),
      ({ source }, key, values) => client.eval(source, 1, key, ...values),
    )
  }
  return undefined
}

function withFallback(byName: RunScript, bySource: RunScript): RunScript {
  return async (script, key, values) => {
    try {
      return await byName(script, key, values)
    } catch (error) {
      // The server was restarted, is another one of the cluster, or sees the script for the first time.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return await bySource(script, key, values)
    }
  }
}

function isNodeRedis(client: unknown): client is NodeRedisClient {
  return hasMethods(client, 'evalSha', 'eval')
}

function isIoRedis(client: unknown): client is IoRedisClient {
  return hasMethods(client, 'evalsha', 'eval')
}

function hasMethods(client: unknown, ...names: readonly string[]): boolean {
  if (typeof client !== 'object' || client === null) return false
  return names.every((name) => typeof (client as Record<string, unknown>)[name] === 'function')
}
