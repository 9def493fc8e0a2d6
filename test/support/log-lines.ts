import { generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import type { ClientOptions } from '../../src/client-options.ts'
import { createTokenFetch } from '../../src/http/fetch.ts'
import {
  clientCertificate,
  privateKeyJwt,
  TokenManager,
  type TokenManagerOptions,
  tlsClientAuth,
} from '../../src/index.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { Fleet } from './fleet.ts'
import { clientOf } from './managed.ts'
import { startMutualServers } from './mutual-tls.ts'
import { TestAuthority } from './tls.ts'
import { VirtualClock } from './virtual-clock.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const API = 'https://api.example.com'

/** Managers that all write their log to the same lines, as pino writes them. */
class Log {
  readonly #lines = new Map<string, string>()

  /** A logger for who lives by this clock. */
  logger(clock: VirtualClock): pino.Logger {
    const write = (line: string) => {
      const { event } = JSON.parse(line)
      if (!this.#lines.has(event)) this.#lines.set(event, line.trim())
    }
    return pino({ level: 'debug', base: null, timestamp: () => `,"time":${clock.now()}` }, { write })
  }

  /** The first line of each event. What is drawn anew in every run is left out. */
  lines(): Map<string, string> {
    const settled = [...this.#lines].map(([event, line]): [string, string] => [
      event,
      line.replace(/("thumbprint":")[^"]+/, '$1A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0'),
    ])
    return new Map(settled)
  }
}

/** One line of each event that is logged, written because it happened. */
export async function oneLineOfEach(): Promise<Map<string, string>> {
  const log = new Log()
  await oneProcess(log)
  await fleet(log)
  await discovery(log)
  await certificates(log)
  return log.lines()
}

function managerOf(log: Log, options: Partial<ClientOptions>, clock: VirtualClock, server: AuthorizationServer) {
  const orders = { ...clientOf(server), scope: ['orders.read'], ...options }
  return new TokenManager({ clock, logger: log.logger(clock), clients: { orders } } as TokenManagerOptions<'orders'>)
}

async function oneProcess(log: Log): Promise<void> {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const clientAuthentication = privateKeyJwt({ key, expiresAt: clock.now() + 240 * HOUR })
  const tokens = managerOf(log, { clientAuthentication, clientSecret: undefined } as never, clock, server)
  server.script.push({ status: 503, afterMs: 80 })
  server.byDefault = { afterMs: 80 }
  const ask = async (options: object = {}) => {
    const asked = tokens.getToken({ client: 'orders', ...options }).catch(() => undefined)
    await clock.advance(5 * SECOND)
    return await asked
  }
  await ask()
  await ask({ minValidityMs: 2 * HOUR })
  server.script.push({ afterMs: 80, body: { ...server.token(), expires_in: undefined, scope: '' } })
  await ask({ scope: 'orders.write' })
  const rejected = [401, 200]
  const send = async () => new Response('', { status: rejected.shift() ?? 200 })
  const call = createTokenFetch(tokens, { origins: [API], client: 'orders', fetch: send })
  const calling = call(`${API}/orders`)
  await clock.advance(5 * SECOND)
  await calling
  tokens.invalidate({ client: 'orders' }, await ask())
  tokens.invalidate({ client: 'orders' }, await ask())
  await call(`${API}/orders`, { headers: { authorization: 'Basic b3JkZXJzOg==' } })
  server.byDefault = { status: 401, body: { error: 'invalid_client' }, afterMs: 80 }
  await clock.advance(2 * HOUR)
  await ask()
  await clock.advance(HOUR)
  server.byDefault = { afterMs: 80 }
  await ask()
  const closing = tokens.close({ revoke: true })
  await clock.advance(5 * SECOND)
  await closing
}

async function fleet(log: Log): Promise<void> {
  const all = new Fleet()
  const { clock, server, store } = all
  const orders = clientOf(server, { scope: ['orders.read'] })
  const first = new TokenManager({ clock, clients: { orders }, store: store.connect() })
  const own = store.connect()
  const tokens = new TokenManager({ clock, clients: { orders }, store: own, logger: log.logger(clock) })
  const ask = async (of: TokenManager<'orders'>, scope: string) => {
    const asked = of.getToken({ client: 'orders', scope })
    await clock.advance(2 * SECOND)
    return await asked
  }
  await ask(first, 'orders.read')
  await ask(tokens, 'orders.read')
  await ask(first, 'orders.write')
  store.tamper((record) => ({ ...record, value: 'nonsense' }))
  await ask(tokens, 'orders.write')
  own.fault = 'error'
  for (const scope of ['a', 'b', 'c', 'd', 'e']) await ask(tokens, scope)
  own.fault = undefined
  await clock.advance(10 * SECOND)
  await ask(tokens, 'f')
}

async function discovery(log: Log): Promise<void> {
  const clock = new VirtualClock()
  const server = new AuthorizationServer(clock)
  const issuer = 'https://auth.example.com'
  const options = { tokenEndpoint: undefined, issuer, clientAuthentication: 'client_secret_basic' as const }
  const tokens = managerOf(log, options as never, clock, server)
  server.script.push({ body: { issuer, token_endpoint: `${issuer}/oauth2/token` } })
  await tokens.getToken({ client: 'orders' })
  server.byDefault = { status: 503 }
  await clock.advance(25 * HOUR)
  const asked = tokens.getToken({ client: 'orders' }).catch(() => {})
  await clock.advance(60 * SECOND)
  await asked
}

async function certificates(log: Log): Promise<void> {
  const authority = new TestAuthority()
  await using servers = await startMutualServers(authority)
  const newPair = () => authority.issue({ names: ['orders'], notAfter: new Date('2099-01-01') })
  let pair = newPair()
  const orders: ClientOptions = {
    ...{ tokenEndpoint: `${servers.auth.origin}/token`, clientId: 'orders-service', ca: authority.cert },
    ...{ clientAuthentication: tlsClientAuth(), certificate: clientCertificate(() => pair) },
  }
  // Certificates are valid by the machine's clock.
  const tokens = new TokenManager({ clients: { orders }, logger: log.logger(new VirtualClock()) })
  const ask = async () => await tokens.getToken({ client: 'orders', forceRefresh: true })
  await ask()
  pair = newPair()
  await ask()
  pair = { ...newPair(), key: newPair().key }
  await ask()
}
