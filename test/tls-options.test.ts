import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { TokenManager } from '../src/index.ts'
import { TestAuthority } from '../src/testing/index.ts'
import { readTlsOptions } from '../src/tls-options.ts'

const [one, two] = [new TestAuthority().cert, new TestAuthority('Another').cert]
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
const damaged = `-----BEGIN CERTIFICATE-----\n${btoa('no certificate')}\n-----END CERTIFICATE-----\n`
const der = new X509Certificate(one).raw

describe('certificate authorities', () => {
  it.each<[string, unknown]>([
    ['one', one],
    ['one as bytes', Buffer.from(one)],
    ['one as a view of other bytes', new DataView(new TextEncoder().encode(one).buffer)],
    ['several in one text', one + two],
    ['several in a list', [one, Buffer.from(two)]],
    ['those with words around them', `# Ours\n${one}\n# Theirs\n${two}\n`],
    ['those with the line breaks of Windows', one.replaceAll('\n', '\r\n')],
    ['one beside its key', `${key}${one}`],
    ['those of Node', [...rootCertificates]],
  ])('are trusted: %s', (_, ca) => {
    expect(readTlsOptions({ ca } as never)).toBeDefined()
  })

  it.each<[string, unknown, string]>([
    ['a path', '/etc/ssl/ca.pem', 'must be PEM. Give the content of the file, not its path.'],
    ['an empty text, of a variable that is not set', '', 'must be PEM'],
    ['an empty list', [], 'must be PEM'],
    ['a list with nothing in it', [one, undefined], 'must be PEM'],
    ['no text', 5, 'must be PEM'],
    ['nothing at all', null, 'must be PEM'],
    ['DER', der, 'must be PEM. It is DER: `openssl x509 -inform der` makes PEM of it.'],
    ['a private key', key, 'holds PRIVATE KEY, and no certificate. Give the certificate of the authority.'],
    ['a key among certificates', [one, key], 'holds PRIVATE KEY, and no certificate'],
    [
      'a certificate that is cut off',
      one.slice(0, 300),
      'holds a certificate that cannot be read (1 of 1). Is it whole',
    ],
    ['a damaged one', damaged, 'holds a certificate that cannot be read (1 of 1)'],
    ['one that is damaged among others', one + damaged + two, 'holds a certificate that cannot be read (2 of 3)'],
    ['one that has lost its line breaks', one.replaceAll('\n', '\\n'), 'holds a certificate that cannot be read'],
  ])('are not passed over in silence, as Node does: %s', (_, ca, problem) => {
    const make = () =>
      new TokenManager({
        tokenEndpoint: 'https://auth.example.com/token',
        clientId: 'orders',
        clientSecret: 'a-secret',
        ca,
      } as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`option \`ca\` ${problem}`)
  })
})
