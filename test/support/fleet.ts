import { randomBytes } from 'node:crypto'
import type { ClientOptions } from '../../src/client-options.ts'
import type { TokenEvents } from '../../src/events.ts'
import { CALL_EVENTS, EVENT_NAMES } from '../../src/events.ts'
import type { StoreEncryptionOptions } from '../../src/store/encryption.ts'
import { MemoryTokenStore } from '../../src/store/memory-store.ts'
import { TokenManager, type TokenManagerSettings } from '../../src/token-manager.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { clientOf } from './managed.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

const ROUTINE: ReadonlySet<keyof TokenEvents> = new Set([...CALL_EVENTS, 'storeCalled'])

/** One of a fleet's processes: a manager with a connection of its own to the store they share. */
export interface FleetProcess {
  readonly tokens: TokenManager
  readonly store: MemoryTokenStore
  /** The names of the events it told, in order, but for those of every call. */
  readonly heard: (keyof TokenEvents)[]
}

/** Managers that share a store in memory, their authorization server, and the clock all live by. */
export class Fleet {
  readonly clock: VirtualClock
  readonly server: AuthorizationServer
  readonly store: MemoryTokenStore

  constructor(random: () => number = seededRandom(1)) {
    this.clock = new VirtualClock({ random })
    this.server = new AuthorizationServer(this.clock)
    this.server.byDefault = { afterMs: 100 }
    this.store = new MemoryTokenStore({ clock: this.clock, encryptionKeys: randomBytes(32) })
  }

  /** A process that joins; `encryption`: keys of its own. */
  join(
    options: Partial<ClientOptions & Pick<TokenManagerSettings, 'clock'>> = {},
    encryption?: StoreEncryptionOptions,
  ): FleetProcess {
    const store = this.store.connect(encryption)
    const tokens = new TokenManager({ clock: this.clock, ...clientOf(this.server, options), store })
    const heard: (keyof TokenEvents)[] = []
    for (const name of EVENT_NAMES) {
      tokens.on(name, () => {
        if (!ROUTINE.has(name)) heard.push(name)
      })
    }
    return { tokens, store, heard }
  }

  /** So many processes. */
  processes(count: number, options: Partial<ClientOptions> = {}): FleetProcess[] {
    return Array.from({ length: count }, () => this.join(options))
  }

  /** Lets time pass until all have their token. */
  async tokensOf(processes: readonly FleetProcess[], ms = 2000): Promise<string[]> {
    const all = Promise.all(processes.map(({ tokens }) => tokens.getAccessToken()))
    all.catch(() => {})
    await this.clock.advance(ms)
    return await all
  }
}
