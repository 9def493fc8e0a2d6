import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { digest } from '../src/digest.ts'
import { type CertificatePair, clientCertificate, systemClock, TokenManager, tlsClientAuth } from '../src/index.ts'
import { GuardedStore } from '../src/store/guarded-store.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import { TokenShare } from '../src/store/token-share.ts'
import { tokenKey } from '../src/token-key.ts'
import { type MutualServers, startMutualServers } from './support/mutual-tls.ts'
import { TestAuthority } from './support/tls.ts'

const authority = new TestAuthority()
const newPair = () => authority.issue({ names: ['orders'] })

/** Processes that show a certificate, and share a store. */
function joining(
  servers: MutualServers,
  more: { readonly clientSecret?: string } = {},
  shared: MemoryTokenStore = new MemoryTokenStore({ encryptionKeys: randomBytes(32) }),
) {
  return (pair: CertificatePair | (() => CertificatePair)) => {
    const certificate = clientCertificate(pair)
    const how = more.clientSecret === undefined ? { clientAuthentication: tlsClientAuth() } : more
    const tokens = new TokenManager({
      ...{ tokenEndpoint: `${servers.auth.origin}/token`, clientId: 'orders-service', ca: authority.cert },
      ...{ certificate, store: shared.connect(), ...how },
    })
    return { tokens, certificate }
  }
}

describe('a token that is bound to a client certificate', () => {
  it.each([{}, { clientSecret: 'correct horse' }])(
    'is shared by processes that show the same one: %o',
    async (more) => {
      await using servers = await startMutualServers(authority)
      const join = joining(servers, more)
      const pair = newPair()
      expect(await join(pair).tokens.getAccessToken()).toBe('token-1')
      const { tokens, certificate } = join(pair)
      expect(await tokens.getAccessToken()).toBe('token-1')
      expect(certificate.toJSON()).toMatchObject({ subject: 'CN=orders' })
      expect(servers.requestedWith).toHaveLength(1)
    },
  )

  it.each([{}, { clientSecret: 'correct horse' }])('is kept from processes that show another: %o', async (more) => {
    await using servers = await startMutualServers(authority)
    const join = joining(servers, more)
    expect(await join(newPair()).tokens.getAccessToken()).toBe('token-1')
    expect(await join(newPair()).tokens.getAccessToken()).toBe('token-2')
  })

  it('is not found by who knows everything about the client but its private key', async () => {
    await using servers = await startMutualServers(authority)
    const shared = new MemoryTokenStore({ encryptionKeys: randomBytes(32) })
    const { tokens, certificate } = joining(servers, {}, shared)(newPair())
    await tokens.getToken()
    const { thumbprint } = certificate.toJSON()
    const source = tokens.source()
    const identity = `${tokenKey(source.context().keyPart, source.parameters())} ${thumbprint}`
    const keyDigest = certificate.shown()?.keyDigest()
    const find = async (secrets: unknown[]) => {
      const guarded = new GuardedStore(shared, systemClock, () => {})
      return await new TokenShare(guarded, digest(JSON.stringify(secrets))).find(identity)
    }
    expect((await find([null, null, keyDigest]))?.token.reveal()).toBe('token-1')
    expect(await find([null, null, null])).toBeUndefined()
  })

  it('is put where it belongs when the certificate is renewed during the request', async () => {
    await using servers = await startMutualServers(authority)
    const join = joining(servers)
    const [before, after] = [newPair(), newPair()]
    let read = 0
    await join(() => (read++ === 0 ? before : after)).tokens.getToken()
    expect(await join(before).tokens.getAccessToken()).toBe('token-2')
  })

  it('brings its certificate into use when it is found', async () => {
    await using servers = await startMutualServers(authority)
    const join = joining(servers)
    let pair = newPair()
    const renewed = newPair()
    const { tokens } = join(() => pair)
    const changed: string[] = []
    tokens.on('certificateChanged', ({ thumbprint }) => changed.push(thumbprint))
    expect(await tokens.getAccessToken()).toBe('token-1')
    expect(await join(renewed).tokens.getAccessToken()).toBe('token-2')
    pair = renewed
    tokens.invalidate({})
    expect(await tokens.getAccessToken()).toBe('token-2')
    expect(changed).toEqual(servers.requestedWith.slice(1))
  })

  it('is not used any more once a renewed certificate is in use, wherever the token came from', async () => {
    await using servers = await startMutualServers(authority)
    const join = joining(servers)
    let pair = newPair()
    await join(pair).tokens.getToken()
    const { tokens } = join(() => pair)
    expect(await tokens.getAccessToken()).toBe('token-1')
    pair = newPair()
    expect((await tokens.getToken({ scope: 'more' })).reveal()).toBe('token-2')
    expect(await tokens.getAccessToken()).toBe('token-3')
    expect(new Set(servers.requestedWith).size).toBe(2)
  })
})
