import type { Clock } from './clock.ts'
import type { TokenEventEmitter } from './events.ts'
import { requireMethods } from './option-values.ts'
import { GuardedStore } from './store/guarded-store.ts'
import type { TokenStore } from './store/token-store.ts'

const EVENTS = {
  failed: 'storeFailed',
  suspended: 'storeSuspended',
  resumed: 'storeResumed',
  unreadable: 'storeRecordUnreadable',
} as const

const HINT_REDIS = 'Make a store of a Redis client: `new RedisTokenStore(redis, { encryptionKeys })`.'
const HINT_NONE = 'Leave it out where there is none.'

/**
 * The way to a manager's store, which tells the manager's listeners what becomes of its calls.
 * @throws TypeError naming the option for what is no store, `null` and other values that stand for nothing included
 */
export function managedStore(store: TokenStore, clock: Clock, events: TokenEventEmitter): GuardedStore {
  const hint = store ? HINT_REDIS : HINT_NONE
  requireMethods(store, 'store', ['get', 'set', 'delete'], hint)
  requireMethods(store.encryption, 'store.encryption', ['cells'], hint)
  return new GuardedStore(
    store,
    clock,
    ({ kind, ...about }) => events.emit(EVENTS[kind], () => about as never),
    (call) => events.emit('storeCalled', () => call),
  )
}
