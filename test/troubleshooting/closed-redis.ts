import type { RedisClient } from 'evertoken/redis'
import { Redis } from 'ioredis'

/** Uses a client of a Redis that is not there. */
export async function closedRedis(use: (redis: RedisClient) => Promise<void>): Promise<void> {
  const redis = new Redis('redis://127.0.0.1:1', { retryStrategy: () => 50 }).on('error', () => {})
  try {
    await use(redis)
  } finally {
    redis.disconnect()
  }
}
