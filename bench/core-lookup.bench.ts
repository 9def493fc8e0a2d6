import { createCache } from 'async-cache-dedupe'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import Keyv from 'keyv'
import { LRUCache } from 'lru-cache'
import pMemoize from 'p-memoize'
import { BoundedCache, type Cacheable } from '../src/bounded-cache.ts'
import { TokenManager, type TokenSource } from '../src/index.ts'
import type { Comparison, Group, Variant, Work } from './harness.ts'
import { tokenText } from './tokens.ts'

const FLOOR = 'One read of an object and of both clocks, `Date.now()` and `performance.now()`.'
const HOUR_MS = 3_600_000
const KEYS = 64

// As if they were written in the code.
const WAREHOUSES = Array.from({ length: 10_000 }, (_, key) => `warehouse.${key}`)

const scopeOf = (key: number) => ['orders.read', 'orders.write', WAREHOUSES[key] as string]
const nameOf = (key: number) => `orders ${scopeOf(key).join(' ')}`

interface Filled {
  readonly tokens: TokenManager<'orders' | 'billing'>
  readonly sources: readonly TokenSource[]
}

async function filled(keys: number): Promise<Filled> {
  const requestToken = () => ({ accessToken: tokenText(), lifetimeMs: HOUR_MS })
  const client = { clientId: 'bench', requestToken }
  const tokens = new TokenManager({ clients: { orders: client, billing: client }, maxTokens: 2 * keys })
  const sources: TokenSource[] = []
  for (let key = 0; key < keys; key += 1) {
    const source = tokens.source({ client: 'orders', scope: scopeOf(key) })
    await source.getToken()
    sources.push(source)
  }
  // Where they stay, and not where they were made.
  globalThis.gc?.()
  return { tokens, sources }
}

// Nobody may find out that nothing comes of it.
const seen = { count: 0 }

function floor(keys: number): Variant {
  return {
    ...{ name: 'an object and both clocks', role: 'floor' },
    prepare: () => {
      const objects = Array.from({ length: keys }, (_, key) => ({ token: { key } }))
      return {
        run: (times) => {
          for (let i = 0; i < times; i += 1) {
            if (objects[i % keys]?.token !== undefined) seen.count += Math.max(Date.now(), performance.now())
          }
        },
      }
    },
  }
}

function peek(keys: number): Comparison {
  const ours: Variant = {
    ...{ name: 'source.peek()', role: 'ours', bound: 1.3 },
    prepare: async () => {
      const { sources } = await filled(keys)
      return {
        run: (times) => {
          for (let i = 0; i < times; i += 1) if (sources[i % keys]?.peek() !== undefined) seen.count += 1
        },
      }
    },
  }
  const peer: Variant = {
    ...{ name: 'lru-cache get, with ttl', role: 'peer' },
    prepare: () => {
      const cache = new LRUCache<string, object>({ max: 2 * keys, ttl: HOUR_MS, ttlResolution: 0 })
      const names = Array.from({ length: keys }, (_, key) => nameOf(key))
      for (const name of names) cache.set(name, { name })
      return {
        run: (times) => {
          for (let i = 0; i < times; i += 1) if (cache.get(names[i % keys] as string) !== undefined) seen.count += 1
        },
      }
    },
  }
  return {
    name: `core-peek-${keys}`,
    title: `A token that is at hand, of ${keys.toLocaleString('en')}`,
    about: `${FLOOR} lru-cache is asked with a key that is ready-made, and reads one clock.`,
    variants: [floor(keys), ours, peer],
  }
}

/** What waits for the token of a key. */
function waits(name: string, get: () => Promise<(key: number) => Promise<unknown>>, bound?: number): Variant {
  return {
    ...{ name, role: bound === undefined ? 'peer' : 'ours', ...(bound !== undefined && { bound }) },
    prepare: async () => {
      const one = await get()
      for (let key = 0; key < KEYS; key += 1) await one(key)
      return {
        run: async (times) => {
          for (let i = 0; i < times; i += 1) await one(i % KEYS)
        },
      }
    },
  }
}

const load = async (key: number) => ({ key, token: tokenText() })

const awaited: Comparison = {
  name: 'core-get-token',
  title: 'Waiting for a token that is at hand',
  apart: true,
  about: `${FLOOR} 64 keys; the manager is given a client and a new list of three scopes each time, the peers a new text of the same, and a function that makes a token.`,
  variants: [
    floor(KEYS),
    waits(
      'source.getToken()',
      async () => {
        const { sources } = await filled(KEYS)
        return (key) => (sources[key] as TokenSource).getToken()
      },
      2.1,
    ),
    waits(
      'manager.getToken({ client, scope })',
      async () => {
        const { tokens } = await filled(KEYS)
        return (key) => tokens.getToken({ client: 'orders', scope: scopeOf(key) })
      },
      10,
    ),
    waits('lru-cache fetch', async () => {
      const cache = new LRUCache<string, object, number>({
        ...{ max: 2 * KEYS, ttl: HOUR_MS, ttlResolution: 0 },
        fetchMethod: (_name, _stale, { context }) => load(context),
      })
      return (key) => cache.fetch(nameOf(key), { context: key })
    }),
    waits('p-memoize', async () => pMemoize(load, { cacheKey: ([key]) => nameOf(key) })),
    waits('async-cache-dedupe', async () => {
      const cache = createCache({ ttl: HOUR_MS / 1000, storage: { type: 'memory' } })
      const tokens = cache.define('token', { serialize: (key: number) => nameOf(key) }, load)
      return (key) => tokens.token(key)
    }),
    waits('bentocache', async () => {
      const store = bentostore().useL1Layer(memoryDriver({ maxItems: 2 * KEYS }))
      const cache = new BentoCache({ default: 'tokens', stores: { tokens: store } })
      return (key) => cache.getOrSet({ key: nameOf(key), ttl: HOUR_MS, factory: () => load(key) })
    }),
    waits('keyv', async () => {
      const cache = new Keyv({ ttl: HOUR_MS })
      for (let key = 0; key < KEYS; key += 1) await cache.set(nameOf(key), await load(key))
      return (key) => cache.get(nameOf(key))
    }),
  ],
}

const alone: Comparison = {
  name: 'core-cache',
  title: 'The cache alone',
  about: '64 keys that are ready-made; a `Map` with an object each.',
  variants: [
    {
      ...{ name: 'Map', role: 'floor' },
      prepare: () =>
        lookup((names) => {
          const map = new Map(names.map((name) => [name, { name }]))
          return (name) => map.get(name)
        }),
    },
    {
      ...{ name: 'evertoken', role: 'ours' },
      prepare: () =>
        lookup((names) => {
          const cache = new BoundedCache<Entry>(2 * KEYS)
          for (const name of names) cache.getOrCreate(name, () => new Entry(name))
          return (name) => cache.get(name)
        }),
    },
    {
      ...{ name: 'lru-cache', role: 'peer' },
      prepare: () =>
        lookup((names) => {
          const cache = new LRUCache<string, object>({ max: 2 * KEYS })
          for (const name of names) cache.set(name, { name })
          return (name) => cache.get(name)
        }),
    },
  ],
}

class Entry implements Cacheable {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  key(): string {
    return this.name
  }

  busy(): boolean {
    return false
  }
}

function lookup(make: (names: readonly string[]) => (name: string) => unknown): Work {
  const names = Array.from({ length: KEYS }, (_, key) => nameOf(key))
  const get = make(names)
  return {
    run: (times) => {
      for (let i = 0; i < times; i += 1) if (get(names[i % KEYS] as string) !== undefined) seen.count += 1
    },
  }
}

export const group: Group = { title: 'Tokens at hand', rows: [peek(64), peek(10_000), awaited, alone] }
