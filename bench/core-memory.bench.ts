import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { TokenManager } from '../src/index.ts'
import { type Figure, type Group, type Pace, type Survey, spreadOf } from './harness.ts'

const TOKEN_LENGTH = 1024
const WORD = 8
// What V8 puts before the text of a string.
const STRING_HEAD = 16

const textBytes = (length: number) => Math.ceil((STRING_HEAD + length) / WORD) * WORD
const scopeOf = (key: number) => `warehouse.${key}`

let made = 0

// Of one piece, like a text that was read from an answer.
function newToken(): string {
  made += 1
  return Buffer.from(String(made).padStart(TOKEN_LENGTH, 'x')).toString('latin1')
}

function manager(max: number): TokenManager {
  const requestToken = () => ({ accessToken: newToken(), lifetimeMs: 3_600_000 })
  return new TokenManager({ clientId: 'bench', requestToken, maxTokens: max })
}

async function settledHeap(): Promise<number> {
  // What was finalized gives its memory back in a later turn.
  for (let round = 0; round < 12; round += 1) {
    await sleep(30)
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

async function bytesPerToken(keys: number): Promise<number> {
  const tokens = manager(keys)
  await tokens.getToken()
  const before = await settledHeap()
  for (let key = 0; key < keys; key += 1) await tokens.getToken({ scope: scopeOf(key) })
  const after = await settledHeap()
  const key = tokens.source({ scope: scopeOf(keys - 1) }).key()
  const own = textBytes(TOKEN_LENGTH + 'Bearer '.length) + textBytes(key.length)
  return (after - before) / keys - own
}

async function bytesInLruCache(keys: number): Promise<number> {
  const before = await settledHeap()
  const cache = new LRUCache<string, string>({ max: keys })
  for (let key = 0; key < keys; key += 1) cache.set(`orders ${scopeOf(key)}`, newToken())
  const after = await settledHeap()
  return (after - before) / cache.size - textBytes(TOKEN_LENGTH) - textBytes(`orders ${scopeOf(keys - 1)}`.length)
}

const one = (name: string, role: Figure['role'], unit: string, value: number, bound?: number): Figure => ({
  ...{ name, role, unit, value: spreadOf([value]) },
  ...(bound !== undefined && { bound }),
})

const memory: Survey = {
  name: 'core-memory',
  title: 'Memory of a cached token',
  about: 'Beyond the text of its header and of its key, with as many tokens as the cache may hold.',
  measure: async ({ isQuick }: Pace) => {
    const sizes = isQuick ? [20_000] : [100_000, 1_000_000]
    const figures: Figure[] = []
    for (const keys of sizes) {
      const each = keys.toLocaleString('en')
      figures.push(one(`evertoken, ${each} tokens`, 'ours', 'bytes', await bytesPerToken(keys), 400))
      figures.push(one(`lru-cache, ${each} texts`, 'peer', 'bytes', await bytesInLruCache(keys)))
    }
    return figures
  },
}

export const group: Group = { title: 'Memory', rows: [memory] }
