import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ReadCertificate } from '../src/client-certificate.ts'
import type { ClientSettings } from '../src/client-options.ts'
import { ClientShare, canShare } from '../src/client-share.ts'
import { GuardedStore } from '../src/store/guarded-store.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import { SharedToken } from '../src/store/record.ts'
import type { TokenEndpoint } from '../src/token-endpoint.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const HOUR = 3_600_000
const { signal } = new AbortController()

/** What a client has that separates its tokens from those of others. */
interface Holding {
  readonly secret?: string | (() => string | Promise<string>)
  readonly grantSecret?: string
  readonly credentialId?: string
  readonly certificate?: { readonly thumbprint: string; readonly key: string }
  readonly method?: string
}

function certificateOf({ certificate }: Holding): ReadCertificate | undefined {
  if (certificate === undefined) return undefined
  return { thumbprint: certificate.thumbprint, keyDigest: () => certificate.key } as ReadCertificate
}

function settingsOf(holding: Holding): ClientSettings {
  const { secret, grantSecret, credentialId, method = 'client_secret_basic' } = holding
  const secretDigest = secret === undefined ? undefined : typeof secret === 'string' ? () => secret : secret
  return {
    ...{ name: 'orders', credentialId, authentication: { method, secretDigest } },
    grant: { secretDigest: grantSecret === undefined ? undefined : () => grantSecret },
  } as unknown as ClientSettings
}

/** The same store for any number of clients. */
function sharing() {
  const clock = new VirtualClock()
  const store = new MemoryTokenStore({ clock, encryptionKeys: randomBytes(32) })
  const shareOf = (holding: Holding) => {
    const endpoint = { readCertificate: async () => certificateOf(holding) } as unknown as TokenEndpoint
    return new ClientShare(new GuardedStore(store, clock, () => {}), settingsOf(holding), endpoint)
  }
  /** Whether a client that holds the second finds what one with the first has written. */
  const finds = async (first: Holding, second: Holding) => {
    const token = new SharedToken({ value: 'a', tokenType: 'Bearer', scope: [], lifetimeMs: HOUR })
    const [one, two] = [await shareOf(first).placeOf('key', signal), await shareOf(second).placeOf('key', signal)]
    if (one === undefined || two === undefined) throw new Error('no place')
    await one.share.put(one.identity, token, HOUR)
    return (await two.share.find(two.identity)) !== undefined
  }
  return { shareOf, finds }
}

const CERTIFICATE = { thumbprint: 'one', key: 'k1' }
const mutual = { method: 'tls_client_auth' } as const

describe('the place of a client’s tokens', () => {
  it.each<[string, Holding]>([
    ['secret', { secret: 's' }],
    ['secret of its grant', { grantSecret: 's' }],
    ['certificate', { certificate: CERTIFICATE, ...mutual }],
    ['certificate beside a secret', { secret: 's', certificate: CERTIFICATE }],
    ['text that only it has', { credentialId: 'c' }],
    ['text, whatever secret', { credentialId: 'c', secret: 's' }],
  ])('is that of others with the same %s', async (_, holding) => {
    expect(await sharing().finds(holding, holding)).toBe(true)
  })

  it.each<[string, Holding, Holding]>([
    ['another secret', { secret: 's' }, { secret: 't' }],
    ['another secret of the grant', { grantSecret: 's' }, { grantSecret: 't' }],
    ['the same secret in another role', { secret: 's' }, { grantSecret: 's' }],
    ['another text', { credentialId: 'c' }, { credentialId: 'd' }],
    ['a text that is the secret', { credentialId: 's' }, { secret: 's' }],
    [
      'another key of the certificate',
      { certificate: CERTIFICATE, ...mutual },
      { certificate: { ...CERTIFICATE, key: 'k2' }, ...mutual },
    ],
    [
      'another certificate beside the same secret',
      { secret: 's', certificate: CERTIFICATE },
      { secret: 's', certificate: { ...CERTIFICATE, thumbprint: 'two' } },
    ],
    ['no certificate', { secret: 's', certificate: CERTIFICATE }, { secret: 's' }],
  ])('is not that of others with %s', async (_, first, second) => {
    expect(await sharing().finds(first, second)).toBe(false)
  })

  it('does not depend on a key that does not authenticate the client', async () => {
    const second = { secret: 's', certificate: { ...CERTIFICATE, key: 'k2' } }
    expect(await sharing().finds({ secret: 's', certificate: CERTIFICATE }, second)).toBe(true)
  })

  it('ignores the secret where text stands for it', async () => {
    expect(await sharing().finds({ credentialId: 'c', secret: 's' }, { credentialId: 'c', secret: 't' })).toBe(true)
  })

  it('names the key alone without certificate, and both with one', async () => {
    const { shareOf } = sharing()
    expect(await shareOf({ secret: 's' }).placeOf('key', signal)).toMatchObject({
      ...{ identity: 'key', certificate: undefined, sharesErrors: true },
    })
    const bound = await shareOf({ secret: 's', certificate: CERTIFICATE }).placeOf('key', signal)
    expect(bound?.identity).toBe('key one')
    expect(bound?.certificate?.thumbprint).toBe('one')
  })

  it('shares no failures where text stands for the secret, which may differ', async () => {
    expect(await sharing().shareOf({ credentialId: 'c' }).placeOf('key', signal)).toMatchObject({ sharesErrors: false })
  })

  it('is derived once for as long as the secret stays the same', async () => {
    let secret = 's'
    const share = sharing().shareOf({ secret: () => secret })
    const first = await share.placeOf('key', signal)
    expect((await share.placeOf('other', signal))?.share).toBe(first?.share)
    secret = 't'
    expect((await share.placeOf('key', signal))?.share).not.toBe(first?.share)
  })

  it('is none where the secret cannot be read', async () => {
    const share = sharing().shareOf({ secret: () => Promise.reject(new Error('away')) })
    expect(await share.placeOf('key', signal)).toBeUndefined()
  })

  it('is settled when everything is written, whether or not that failed', async () => {
    const { shareOf } = sharing()
    const share = shareOf({ secret: 's' })
    await share.settled()
    const place = await share.placeOf('key', signal)
    let finish = () => {}
    const work = new Promise<void>((resolve) => {
      finish = resolve
    })
    place?.writes(work)
    let isSettled = false
    const settled = share.settled().then(() => {
      isSettled = true
    })
    await new Promise(setImmediate)
    expect(isSettled).toBe(false)
    finish()
    await settled
  })
})

describe('tokens', () => {
  const able = (holding: Holding, more: object = {}) =>
    canShare({ ...settingsOf(holding), ...more } as ClientSettings, '')

  it.each<[string, Holding]>([
    ['its secret', { secret: 's' }],
    ['the secret of its grant', { grantSecret: 's' }],
    ['its text', { credentialId: 'c' }],
    ['its certificate', mutual],
  ])('can be shared by a client that is told from others by %s', (_, holding) => {
    expect(able(holding)).toBe(true)
    expect(able(holding, { dpop: { isShared: true } })).toBe(true)
  })

  it('are of no use to others when they are bound to a key of this process', () => {
    expect(able({ secret: 's' }, { dpop: { isShared: false } })).toBe(false)
  })

  it('cannot be shared where nothing tells the client from others, which is an error that names the option', () => {
    expect(() => canShare(settingsOf({}), 'clients.orders.')).toThrow(TypeError)
    expect(() => canShare(settingsOf({}), 'clients.orders.')).toThrow(
      /`clients\.orders\.credentialId` is missing: beside `store`.*needs it.*separates the tokens of this client/s,
    )
  })
})
