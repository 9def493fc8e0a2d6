import type { ClientOptions } from '../../src/client-options.ts'
import { TokenManager, type TokenManagerSettings } from '../../src/token-manager.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Options of a client at an {@link AuthorizationServer}. */
export function clientOf(server: AuthorizationServer, options: Partial<ClientOptions> = {}): ClientOptions {
  return {
    tokenEndpoint: 'https://auth.example.com/oauth2/token',
    clientId: 'orders-service',
    clientSecret: 'correct horse',
    transport: server.fetch,
    ...options,
  }
}

/** A manager of one client, the server it talks to, and the clock both live by. */
export function managed(
  options: Partial<ClientOptions & TokenManagerSettings> = {},
  clock: VirtualClock = new VirtualClock(),
): { clock: VirtualClock; server: AuthorizationServer; tokens: TokenManager } {
  const server = new AuthorizationServer(clock)
  return { clock, server, tokens: new TokenManager({ clock, ...clientOf(server), ...options }) }
}
