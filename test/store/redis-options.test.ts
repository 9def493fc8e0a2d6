import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type RedisClient, RedisTokenStore, type RedisTokenStoreOptions } from '../../src/store/redis.ts'

const KEY = '8f3c1d9ae07b5526c4f1a2d3e4b5968778695a4b3c2d1e0ff0e1d2c3b4a59687'

const refuse = async () => {
  throw new Error('Not connected')
}
const client: RedisClient = { evalSha: refuse, eval: refuse }

describe('the options of a store in Redis', () => {
  it('are an encryption key, and defaults', () => {
    expect(new RedisTokenStore(client, { encryptionKeys: KEY }).timeoutMs).toBe(50)
  })

  it.each<[string, unknown, RegExp]>([
    ['no encryption key', {}, /`encryptionKeys` must be .*`plaintext: true`/],
    ['no options', undefined, /`options` must be an object/],
    ['an unknown one', { encryptionKey: KEY }, /`encryptionKey` is not an option.*`encryptionKeys`/],
    ['a time of zero', { encryptionKeys: KEY, timeoutMs: 0 }, /`timeoutMs`/],
    ['a prefix with a hash tag', { encryptionKeys: KEY, prefix: '{tokens}:' }, /`prefix`/],
    ['a prefix with a line break', { encryptionKeys: KEY, prefix: 'a\r\n' }, /`prefix`/],
    ['a prefix that is no text', { encryptionKeys: KEY, prefix: 7 }, /`prefix`/],
  ])('are refused: %s', (_, options, message) => {
    const construct = () => new RedisTokenStore(client, options as RedisTokenStoreOptions)
    expect(construct).toThrow(TypeError)
    expect(construct).toThrow(message)
    expect(construct).not.toThrow(KEY.slice(0, 8))
  })

  it.each([undefined, null, 'redis://localhost', {}, { eval: refuse }])('come after a client, and not %j', (given) => {
    expect(() => new RedisTokenStore(given as unknown as RedisClient, { encryptionKeys: KEY })).toThrow(
      /`client` must be a client of the package `redis` or `ioredis`/,
    )
  })

  it('are shown by nothing that is printed', () => {
    const store = new RedisTokenStore(client, { encryptionKeys: KEY })
    expect(inspect(store, { showHidden: true, depth: 9 }) + JSON.stringify(store)).not.toMatch(/8f3c|jzwd/i)
  })
})
