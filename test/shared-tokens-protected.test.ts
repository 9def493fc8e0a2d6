import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../src/client-options.ts'
import { jwtBearer, none, privateKeyJwt, TokenManager, workloadIdentity } from '../src/index.ts'
import { Fleet, type FleetProcess } from './support/fleet.ts'
import { clientOf } from './support/managed.ts'

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const jwk = (key: KeyObject) => key.export({ format: 'jwk' })
const [KEY, OTHER_KEY] = [newKey(), newKey()]
const byKey = (key: KeyObject): Partial<ClientOptions> => ({
  clientSecret: undefined,
  clientAuthentication: privateKeyJwt({ key }),
})
const unreadable = { clientSecret: undefined, clientAuthentication: none() }

/** Whether what the first requests is found by the second. */
async function share(first: Partial<ClientOptions>, second: Partial<ClientOptions>): Promise<boolean> {
  const fleet = new Fleet()
  await fleet.tokensOf([fleet.join(first)])
  const other = fleet.join(second)
  await fleet.tokensOf([other])
  expect(fleet.server.requests.length).toBe(other.heard.includes('tokenFound') ? 1 : 2)
  return other.heard.includes('tokenFound')
}

describe('processes of one client share their token', () => {
  const keyed = (key: Parameters<typeof privateKeyJwt>[0]['key']): Partial<ClientOptions> => ({
    clientSecret: undefined,
    clientAuthentication: privateKeyJwt({ key }),
  })
  const google = (key: KeyObject): Partial<ClientOptions> => ({ ...unreadable, grant: jwtBearer({ key }) })

  it.each<[string, Partial<ClientOptions>, Partial<ClientOptions>]>([
    ['with the same secret', {}, {}],
    ['with the same secret from a function', {}, { clientSecret: async () => 'correct horse' }],
    ['with the same secret, sent in another way', {}, { clientAuthentication: 'client_secret_post' }],
    ['with the same key, in whatever form', keyed(pem(KEY)), keyed(jwk(KEY))],
    ['with the same key from a function', keyed(KEY), keyed(async () => pem(KEY))],
    ['with the same key that signs the grant', google(KEY), google(KEY)],
    ['with the same credentialId', { ...unreadable, credentialId: 'a' }, { ...unreadable, credentialId: 'a' }],
    [
      'with the same credentialId while the secret is changed',
      { credentialId: 'a' },
      { credentialId: 'a', clientSecret: 'new one' },
    ],
    ['with scopes in another order', { scope: 'a b' }, { scope: ['b', 'a'] }],
  ])('%s', async (_, first, second) => {
    expect(await share(first, second)).toBe(true)
  })

  it('bound to a key that both were given', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token({ token_type: 'DPoP' }) }
    await fleet.tokensOf([fleet.join({ dpop: { key: KEY } })])
    const other = fleet.join({ dpop: { key: pem(KEY) } })
    expect((await other.tokens.getToken()).tokenType).toBe('DPoP')
    expect(other.heard).toEqual(['tokenFound'])
  })
})

describe('a token is kept from a process', () => {
  it.each<[string, Partial<ClientOptions>, Partial<ClientOptions>]>([
    ['with another secret', {}, { clientSecret: 'a guess of it' }],
    ['with another key', byKey(KEY), byKey(OTHER_KEY)],
    [
      'with another key that signs the grant',
      { grant: jwtBearer({ key: KEY }) },
      { grant: jwtBearer({ key: OTHER_KEY }) },
    ],
    ['with another credentialId', { ...unreadable, credentialId: 'a' }, { ...unreadable, credentialId: 'b' }],
    ['with a credentialId that is a secret', {}, { credentialId: 'correct horse' }],
    ['of another client', {}, { clientId: 'billing-service' }],
    ['at another server', {}, { tokenEndpoint: 'https://other.example.com/token' }],
    ['that asks for another scope', {}, { scope: 'more' }],
  ])('%s', async (_, first, second) => {
    expect(await share(first, second)).toBe(false)
  })

  it('that made a key of its own to bind it to, which then leaves the store alone', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token({ token_type: 'DPoP' }) }
    const process = fleet.join({ dpop: true })
    await process.tokens.getToken()
    expect(Object.values(process.store.calls)).toEqual([0, 0, 0, 0, 0])
  })

  it('that reads the whole store', async () => {
    const fleet = new Fleet()
    await fleet.tokensOf([fleet.join({ scope: 'orders.read' })])
    const dump = fleet.store.dump()
    expect(dump).toContain('1.token.')
    for (const text of ['token-1', 'orders-service', 'orders.read', 'correct horse', 'auth.example.com']) {
      for (const encoding of ['utf8', 'base64url', 'hex'] as const) {
        expect(dump).not.toContain(Buffer.from(text).toString(encoding))
      }
    }
  })
})

describe('a client whose secret is not seen', () => {
  const sign = () => new Uint8Array(64)
  it.each<[string, Partial<ClientOptions>]>([
    ['none', unreadable],
    ['sign', { clientSecret: undefined, clientAuthentication: privateKeyJwt({ sign, algorithm: 'ES256' }) }],
    [
      'workloadIdentity',
      { clientSecret: undefined, clientAuthentication: workloadIdentity({ file: '/var/run/token' }) },
    ],
    [
      'a method of its own',
      { clientSecret: undefined, clientAuthentication: Object.assign(() => {}, { method: 'x' }) },
    ],
    [
      'requestToken',
      {
        ...{ clientSecret: undefined, tokenEndpoint: undefined, transport: undefined },
        requestToken: async () => ({ accessToken: 'x' }),
      },
    ],
  ])('is refused beside a store without a credentialId: %s', (_, options) => {
    const fleet = new Fleet()
    expect(() => fleet.join(options)).toThrow(/^evertoken: option `credentialId` is missing/)
    expect(() => fleet.join({ ...options, credentialId: 'of the orders service' })).not.toThrow()
    expect(() => new TokenManager({ ...clientOf(fleet.server), ...options })).not.toThrow()
  })

  it('is named in the message, where there are several', () => {
    const { server, store } = new Fleet()
    const clients = { orders: clientOf(server), billing: clientOf(server, unreadable) }
    expect(() => new TokenManager({ clients, store })).toThrow('option `clients.billing.credentialId` is missing')
  })

  it('does not share what it is denied: another process may have another secret', async () => {
    const fleet = new Fleet()
    fleet.server.script.push({ status: 401, body: { error: 'invalid_client' } })
    const own = { ...unreadable, credentialId: 'a' }
    await expect(fleet.join(own).tokens.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    expect(await fleet.tokensOf([fleet.join(own)])).toEqual(['token-1'])
  })
})

describe('a secret from a function', () => {
  it('is asked for when a token is needed, and not when one is at hand', async () => {
    const fleet = new Fleet()
    let asked = 0
    const clientSecret = () => {
      asked += 1
      return 'correct horse'
    }
    const process = fleet.join({ clientSecret })
    await fleet.tokensOf([process])
    const before = asked
    for (let call = 0; call < 100; call++) await process.tokens.getToken()
    expect(asked).toBe(before)
  })

  it('that cannot be had fails the request as it does without a store', async () => {
    const fleet = new Fleet()
    const clientSecret = () => {
      throw new Error('the vault is sealed')
    }
    const failed = expect(fleet.join({ clientSecret, maxAttempts: 1 }).tokens.getToken()).rejects.toMatchObject({
      code: 'secret_unavailable',
    })
    await fleet.clock.advance(2000)
    await failed
  })

  it('that changes separates the old and the new, until all have the new one', async () => {
    const fleet = new Fleet()
    let secret = 'the old one'
    const process = fleet.join({ clientSecret: () => secret })
    await fleet.tokensOf([process])
    secret = 'the new one'
    process.tokens.invalidate({})
    await fleet.tokensOf([process])
    const others = [fleet.join({ clientSecret: 'the old one' }), fleet.join({ clientSecret: 'the new one' })]
    expect(await fleet.tokensOf(others)).toEqual(['token-1', 'token-2'])
  })
})

describe('a manager with a store', () => {
  it('refuses to revoke on closing, and is not closed then', async () => {
    const fleet = new Fleet()
    const { tokens } = fleet.join()
    await expect(tokens.close({ revoke: true })).rejects.toThrow('option `revoke` cannot be used beside `store`')
    expect(await fleet.tokensOf([{ tokens } as FleetProcess])).toEqual(['token-1'])
    await tokens.close()
  })

  it('closes when the store has what was written', async () => {
    const fleet = new Fleet()
    const { tokens, store } = fleet.join()
    store.latencyMs = 20
    const token = tokens.getToken()
    await fleet.clock.advance(125)
    await token
    let isClosed = false
    const closed = tokens.close().then(() => {
      isClosed = true
    })
    await fleet.clock.settle()
    expect({ isClosed, sets: store.calls.set }).toEqual({ isClosed: false, sets: 1 })
    await fleet.clock.advance(20)
    await closed
    expect(fleet.store.dump()).toContain('1.token.')
  })

  it.each([
    ['store', {}],
    ['store', { get() {}, set() {} }],
    ['store', 'redis://127.0.0.1'],
    ['store.encryption', { get() {}, set() {}, delete() {} }],
    ['store.encryption', new Map()],
  ])('refuses what is none, and says how to make one: option `%s`', (option, store) => {
    const { server } = new Fleet()
    const make = () => new TokenManager({ ...clientOf(server), store: store as never })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`option \`${option}\` must be`)
    expect(make).toThrow('`new RedisTokenStore(')
  })

  it.each([null, '', 0, false])('refuses `%j` for one, which would leave each process to itself', (store) => {
    const { server } = new Fleet()
    const make = () => new TokenManager({ ...clientOf(server), store: store as never })
    expect(make).toThrow(TypeError)
    expect(make).toThrow('option `store` must be an object with the method `get`. Leave it out where there is none.')
  })

  it('fails a client that needs all scopes by its own request, though the store has a token with fewer', async () => {
    const fleet = new Fleet()
    fleet.server.byDefault = { body: fleet.server.token({ scope: 'a' }) }
    await fleet.tokensOf([fleet.join({ scope: 'a b' })])
    const strict = fleet.join({ scope: 'a b', requireScope: true }).tokens.getToken()
    await expect(strict).rejects.toMatchObject({ code: 'scope_not_granted' })
  })
})
