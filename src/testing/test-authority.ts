import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** A certificate and its private key, PEM. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

/** What a {@link TestAuthority} is to certify. */
export interface CertificateRequest {
  /** Host names and IPv4 addresses it is valid for. Default: `localhost` and 127.0.0.1. */
  readonly names?: readonly string[] | undefined
  /** Default: an hour ago. */
  readonly notBefore?: Date | undefined
  /** Default: in an hour. */
  readonly notAfter?: Date | undefined
  /** Default: a new pair on the curve P-256. */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined
}

const HOUR_MS = 60 * 60 * 1000
// Longer than any test, whatever its certificates are to show.
const AUTHORITY_LASTS_MS = 365 * 24 * HOUR_MS

/**
 * A certificate authority of a test's own, which signs certificates for servers and clients. Its key is in memory only,
 * and nothing but the test trusts it.
 * @see RFC 5280
 */
export class TestAuthority {
  /** Its own certificate, PEM: for the option `ca`. */
  readonly cert: string
  readonly #name: Buffer
  readonly #key: KeyObject

  constructor(commonName = 'Test CA') {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = distinguishedName(commonName)
    this.#key = privateKey
    const isAuthority = extension('2.5.29.19', sequence(Buffer.from([0x01, 0x01, 0xff])))
    const notAfter = new Date(Date.now() + AUTHORITY_LASTS_MS)
    this.cert = this.#sign(publicKey, this.#name, [isAuthority], { notAfter })
  }

  /** A new certificate, for servers and clients alike. */
  issue(request: CertificateRequest = {}): TestCertificate {
    const { names = ['localhost', '127.0.0.1'], keys = generateKeyPairSync('ec', { namedCurve: 'P-256' }) } = request
    const { publicKey, privateKey } = keys
    const alternatives = names.map((name) =>
      isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
    )
    const subject = distinguishedName(names[0] ?? 'nobody')
    const cert = this.#sign(publicKey, subject, [extension('2.5.29.17', sequence(...alternatives))], request)
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
  }

  // RFC 5280 §4.1
  #sign(publicKey: KeyObject, subject: Buffer, extensions: Buffer[], validity: CertificateRequest): string {
    const { notBefore = new Date(Date.now() - HOUR_MS), notAfter = new Date(Date.now() + HOUR_MS) } = validity
    const algorithm = sequence(objectId('1.2.840.10045.4.3.2'))
    const toBeSigned = sequence(
      der(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      algorithm,
      this.#name,
      sequence(time(notBefore), time(notAfter)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    )
    const signature = Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, this.#key)])
    const certificate = sequence(toBeSigned, algorithm, der(0x03, signature))
    const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  }
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts))
const integer = (bytes: Buffer) => der(0x02, bytes)
const extension = (id: string, value: Buffer) => sequence(objectId(id), der(0x04, value))
const distinguishedName = (commonName: string) =>
  sequence(der(0x31, sequence(objectId('2.5.4.3'), der(0x0c, Buffer.from(commonName)))))
const time = (date: Date) => der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`))

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest.flatMap(base128)]
  return der(0x06, Buffer.from(bytes))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}
