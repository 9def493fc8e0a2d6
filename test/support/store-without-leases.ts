import type { MemoryTokenStore } from '../../src/store/memory-store.ts'
import type { TokenStore } from '../../src/store/token-store.ts'

/** The same store without what it need not have. */
export function withoutLeases(store: MemoryTokenStore): TokenStore {
  const { encryption } = store
  return {
    encryption,
    get: (key) => store.get(key),
    set: (key, record, options) => store.set(key, record, options),
    delete: (key, fingerprint) => store.delete(key, fingerprint),
  }
}
