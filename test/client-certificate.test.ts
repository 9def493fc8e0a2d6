import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { CertificatePair } from '../src/certificate-and-key.ts'
import {
  type ClientCertificate,
  clientCertificate,
  clientCertificateFromFiles,
  type ReadCertificate,
} from '../src/client-certificate.ts'
import { TokenError } from '../src/errors.ts'
import { TestAuthority, type TestCertificate } from './support/tls.ts'

const HOUR = 3_600_000
const PASSPHRASE = 'Marker-pass phrase'
const authority = new TestAuthority()

/** `x5t#S256` from the certificate's own bytes. @see RFC 8705 §3.1 */
function thumbprintOf({ cert }: { cert: string }): string {
  const der = Buffer.from(cert.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  return createHash('sha256').update(der).digest('base64url')
}

function encrypted({ cert, key }: TestCertificate): TestCertificate {
  const how = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const
  return { cert, key: createPrivateKey(key).export(how) as string }
}

async function failure(promise: Promise<unknown>): Promise<TokenError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TokenError)
  return error as TokenError
}

/** Reads it, and collects why the last good one was kept. */
function reader(certificate: ClientCertificate) {
  const kept: TokenError[] = []
  const read = (now = Date.now()): Promise<ReadCertificate> =>
    certificate.read({ client: 'orders', now, onKept: (error) => kept.push(error) })
  return { kept, read }
}

/** A certificate from a function that gives what is current. */
function supplied(first: CertificatePair) {
  const source = { current: first as CertificatePair | Error | Promise<CertificatePair>, calls: 0 }
  const certificate = clientCertificate(() => {
    source.calls += 1
    if (source.current instanceof Error) throw source.current
    return source.current
  })
  return { source, certificate, ...reader(certificate) }
}

describe('a pair that is given', () => {
  const pair = authority.issue({ names: ['orders'] })
  const other = authority.issue()
  const weakKeys = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const cases: [string, Partial<Record<keyof CertificatePair, unknown>> | undefined, RegExp][] = [
    ['nothing', undefined, /`cert` is not a certificate in PEM/],
    ['no certificate', { key: pair.key }, /`cert` is not a certificate in PEM/],
    ['no key', { cert: pair.cert }, /`key` is not a private key in PEM/],
    ['paths', { cert: '/etc/ssl/a.pem', key: '/etc/ssl/a.key' }, /`cert` .* content of the file, not its path/],
    ['the two exchanged', { cert: pair.key, key: pair.cert }, /`cert` is not a certificate/],
    ['a public key', { ...pair, key: '-----BEGIN PUBLIC KEY-----' }, /`key` is not a private key/],
    ['a certificate in pieces', { ...pair, cert: pair.cert.slice(0, 200) }, /`cert` cannot be read/],
    ['a key in pieces', { ...pair, key: pair.key.slice(0, 100) }, /`key` cannot be read \(ERR_OSSL_\w+\)/],
    ["another certificate's key", { ...pair, key: other.key }, /`key` is not the key of `cert`/],
    ['an encrypted key alone', encrypted(pair), /`key` is encrypted\. Give its `passphrase`/],
    ['a wrong passphrase', { ...encrypted(pair), passphrase: 'x' }, /`passphrase` does not decrypt `key` \(ERR_OSSL/],
    ['a passphrase that is none', { ...pair, passphrase: 5 }, /`passphrase` must be a string/],
    [
      'a key that is too short',
      authority.issue({ keys: weakKeys }),
      /`cert` cannot be used \(ERR_SSL_EE_KEY_TOO_SMALL\)/,
    ],
  ]

  it.each(cases)('is refused at once, with what to do: %s', (_, given, message) => {
    const make = () => clientCertificate(given as CertificatePair)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  it.each([
    ['text', pair],
    ['bytes', { cert: Buffer.from(pair.cert), key: new Uint8Array(Buffer.from(pair.key)) }],
    ['an encrypted key and its passphrase', { ...encrypted(pair), passphrase: PASSPHRASE }],
    ['a certificate with that of an intermediate authority', { ...pair, cert: `${pair.cert}${authority.cert}` }],
  ])('is taken as %s', async (_, given) => {
    const { thumbprint, subject, expiresAt } = await reader(clientCertificate(given)).read()
    expect(thumbprint).toBe(thumbprintOf(pair))
    expect(subject).toBe('CN=orders')
    expect(expiresAt).toBe(Date.parse(new X509Certificate(pair.cert).validTo))
  })

  it('stays what it is, read by read', async () => {
    const { read } = reader(clientCertificate(pair))
    expect(await read()).toBe(await read())
  })

  it('is an error once it has expired', async () => {
    const error = await failure(reader(clientCertificate(pair)).read(Date.now() + 2 * HOUR))
    expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable: false })
    expect(error.message).toMatch(/its `cert` expired at 20\d\d-.*Renew it/)
  })
})

describe('a certificate that is printed', () => {
  it('shows whom it is for and until when, and neither key nor passphrase', async () => {
    const given = { ...encrypted(authority.issue({ names: ['orders'] })), passphrase: PASSPHRASE }
    const certificate = clientCertificate(given)
    const read = await reader(certificate).read()
    const agent = certificate.httpsAgent()
    const everything = { depth: null, showHidden: true, getters: true } as const
    const prints = [certificate, read, agent].flatMap((each) => [
      inspect(each, everything),
      inspect(each, { ...everything, customInspect: false }),
      ...(each === agent ? [] : [JSON.stringify(each)]),
      String(each),
    ])
    for (const text of prints) {
      expect(text).not.toContain('PRIVATE KEY')
      expect(text).not.toContain('Marker')
      expect(text).not.toContain(given.key.split('\n')[1])
    }
    const shown = { subject: 'CN=orders', thumbprint: thumbprintOf(given) }
    expect(JSON.parse(JSON.stringify(certificate))).toMatchObject(shown)
    expect(inspect(certificate)).toContain(shown.thumbprint)
  })

  it('is empty before it was read', () => {
    expect(JSON.stringify(supplied(authority.issue()).certificate)).toBe('{}')
  })
})

describe('a certificate from a function', () => {
  it('is asked for at every reading, and another one only when it is another', async () => {
    const [first, second] = [authority.issue(), authority.issue()]
    const { source, read } = supplied(first)
    const one = await read()
    source.current = { ...first }
    expect(await read()).toBe(one)
    source.current = Promise.resolve(second)
    const two = await read()
    expect([one.thumbprint, two.thumbprint]).toEqual([thumbprintOf(first), thumbprintOf(second)])
    expect(source.calls).toBe(3)
  })

  it.each<[string, () => CertificatePair | Error, boolean, RegExp]>([
    ['a function that fails', () => new Error('vault sealed'), true, /could not be read\. Look at `cause`/],
    [
      'the key of another one',
      () => ({ ...authority.issue(), key: authority.issue().key }),
      true,
      /its `key` is not the key of `cert`\. Are both of the same renewal/,
    ],
    ['half a certificate', () => ({ ...authority.issue(), cert: '-----BEGIN CERTIFICATE-----' }), true, /file whole/],
    ['an empty file', () => ({ ...authority.issue(), key: '' }), true, /its `key` is not a private key/],
    ['a path', () => ({ ...authority.issue(), key: '/etc/ssl/a.key' }), false, /not its path/],
    ['an encrypted key', () => encrypted(authority.issue()), false, /its `key` is encrypted\. Give its `passphrase`/],
    [
      'one that has expired',
      () => authority.issue({ notAfter: new Date(Date.now() - HOUR / 2) }),
      false,
      /its `cert` expired at/,
    ],
  ])(
    'that cannot be used is an error that helps, and then the last good one serves on: %s',
    async (_, bad, retryable, words) => {
      const good = authority.issue()
      const fails = supplied(good)
      fails.source.current = bad()
      const error = await failure(fails.read())
      expect(error).toMatchObject({ code: 'secret_unavailable', client: 'orders', retryable })
      expect(error.message).toMatch(words)
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('PRIVATE KEY')

      const keeps = supplied(good)
      const last = await keeps.read()
      keeps.source.current = bad()
      expect(await keeps.read()).toBe(last)
      expect(keeps.kept).toMatchObject([{ code: 'secret_unavailable' }])
      keeps.source.current = authority.issue()
      expect((await keeps.read()).thumbprint).toBe(thumbprintOf(keeps.source.current as TestCertificate))
      expect(keeps.kept).toHaveLength(1)
    },
  )

  it('does not serve on beyond its end', async () => {
    const { source, read, kept } = supplied(authority.issue())
    await read()
    source.current = new Error('vault sealed')
    const error = await failure(read(Date.now() + 2 * HOUR))
    expect(error.message).toContain('could not be read')
    expect(kept).toEqual([])
  })

  it('is not set back by a slow reading of what was replaced meanwhile', async () => {
    const [old, renewed] = [authority.issue(), authority.issue()]
    const { source, read, certificate } = supplied(old)
    const slow = Promise.withResolvers<CertificatePair>()
    source.current = slow.promise
    const early = read()
    source.current = renewed
    const late = await read()
    slow.resolve(old)
    expect(await early).toBe(late)
    expect(certificate.shown()).toBe(late)
  })
})

describe('a certificate that comes into use', () => {
  it('replaces those that were read before it, and is not replaced by them', async () => {
    const { source, read, certificate } = supplied(authority.issue())
    const first = await read()
    expect(certificate.use(first)).toBe(false)
    source.current = authority.issue()
    const second = await read()
    source.current = authority.issue()
    const third = await read()
    expect([first.isReplaced, second.isReplaced, third.isReplaced]).toEqual([false, false, false])
    expect(certificate.shown()).toBe(first)
    expect(certificate.use(third)).toBe(true)
    expect([first.isReplaced, second.isReplaced, third.isReplaced]).toEqual([true, true, false])
    expect(certificate.use(second)).toBe(false)
    expect(certificate.use(third)).toBe(false)
    expect(certificate.shown()).toBe(third)
  })

  it('is the same one still after a new one was tried and taken back', async () => {
    const old = authority.issue()
    const { source, read, certificate } = supplied(old)
    const first = await read()
    certificate.use(first)
    source.current = authority.issue()
    await read()
    source.current = old
    expect(await read()).toBe(first)
  })

  it('is another one from then on when it was read again before the next one came into use', async () => {
    const old = authority.issue()
    const { source, read, certificate } = supplied(old)
    const first = await read()
    certificate.use(first)
    source.current = authority.issue()
    const second = await read()
    source.current = old
    await read()
    certificate.use(second)
    expect((await read()).isReplaced).toBe(false)
  })

  it('comes into use again, as one that was read later, when a new one was used and taken back', async () => {
    const old = authority.issue()
    const { source, read, certificate } = supplied(old)
    const first = await read()
    certificate.use(first)
    source.current = authority.issue()
    certificate.use(await read())
    source.current = old
    const again = await read()
    expect(again.thumbprint).toBe(first.thumbprint)
    expect([first.isReplaced, again.isReplaced]).toEqual([true, false])
    expect(certificate.use(again)).toBe(true)
  })

  it('is what is used on when the next one cannot be read, rather than one that was never in use', async () => {
    const { source, read, certificate } = supplied(authority.issue())
    const used = await read()
    certificate.use(used)
    source.current = authority.issue()
    await read()
    source.current = new Error('vault sealed')
    expect(await read()).toBe(used)
  })
})

describe('a certificate in files', () => {
  it.each<[string, object, RegExp]>([
    ['no path of the certificate', { key: '/k' }, /`cert` must be the path/],
    ['no path of the key', { cert: '/c' }, /`key` must be the path/],
    ['an empty path', { cert: '', key: '/k' }, /`cert` must be the path/],
    ['PEM text', authority.issue(), /`cert` must be the path of a file\. For PEM text use `clientCertificate`/],
  ])('is refused at once: %s', (_, files, message) => {
    const make = () => clientCertificateFromFiles(files as { cert: string; key: string })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  it('is read again each time, past a half-written pair and a folder that is swapped', async () => {
    await using folder = await temporaryFolder()
    const inFolder = (name: string) => join(folder.path, name)
    const put = async (name: string, pair: TestCertificate) => {
      await writeFile(inFolder(`${name}.crt`), pair.cert)
      await writeFile(inFolder(`${name}.key`), pair.key)
    }
    const pairs = [authority.issue(), authority.issue(), authority.issue()] as const
    for (const [i, pair] of pairs.entries()) await put(`${i}`, pair)
    const point = async (link: string, to: string) => {
      await symlink(to, inFolder('new'))
      await rename(inFolder('new'), inFolder(link))
    }
    const certificate = clientCertificateFromFiles({ cert: inFolder('tls.crt'), key: inFolder('tls.key') })
    const { read, kept } = reader(certificate)

    const missing = await failure(read())
    expect(missing).toMatchObject({ code: 'secret_unavailable', retryable: true, cause: { code: 'ENOENT' } })
    expect(missing.hint).toContain('are the files there')

    await point('tls.crt', '0.crt')
    await point('tls.key', '0.key')
    const first = await read()
    expect(first.thumbprint).toBe(thumbprintOf(pairs[0]))
    await point('tls.crt', '1.crt')
    expect(await read()).toBe(first)
    expect(kept.map(({ message }) => message)).toEqual([expect.stringContaining('`key` is not the key of `cert`')])
    await point('tls.key', '1.key')
    expect((await read()).thumbprint).toBe(thumbprintOf(pairs[1]))
    // The same file, the same length perhaps, and the same instant as far as the file system can tell.
    await put('1', pairs[2])
    expect((await read()).thumbprint).toBe(thumbprintOf(pairs[2]))
    await unlink(inFolder('tls.crt'))
    expect((await read()).thumbprint).toBe(thumbprintOf(pairs[2]))
    expect(kept).toHaveLength(2)
  })

  it('may have an encrypted key, and be named by a URL', async () => {
    await using folder = await temporaryFolder()
    const { cert, key } = encrypted(authority.issue())
    const files = { cert: join(folder.path, 'tls.crt'), key: pathToFileURL(join(folder.path, 'tls.key')) }
    await writeFile(files.cert, cert)
    await writeFile(files.key, key)
    const certificate = clientCertificateFromFiles({ ...files, passphrase: PASSPHRASE })
    expect((await reader(certificate).read()).thumbprint).toBe(thumbprintOf({ cert }))
  })
})

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'evertoken-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
