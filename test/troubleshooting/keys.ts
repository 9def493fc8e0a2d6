import { generateKeyPairSync } from 'node:crypto'
import {
  clientCertificate,
  clientCertificateFromFiles,
  clientSecretJwt,
  type PrivateKeyJwtOptions,
  privateKeyJwt,
  systemClock,
  tlsClientAuth,
} from 'evertoken'
import { TestAuthority } from '../support/tls.ts'
import { askServer, type Mistake, type Mistakes, managerWith } from './mistake.ts'
import { checkingAssertion } from './strict-server.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const ENCRYPTED = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a' }) as string
const PUBLIC = publicKey.export({ type: 'spki', format: 'pem' }) as string
const JWKS = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'orders-1', alg: 'ES256' }] }
const AUDIENCE = 'https://auth.example.com'

const key = (mistake: string, options: Partial<PrivateKeyJwtOptions>, says: string): Mistake => ({
  ...{ mistake, says, error: 'TypeError' },
  make: () => privateKeyJwt(options as PrivateKeyJwtOptions),
})

const wrong = (mistake: string, says: string, make: () => unknown): Mistake => ({
  mistake,
  says,
  error: 'TypeError',
  make,
})

const refused = (mistake: string, options: Partial<PrivateKeyJwtOptions>, says: string, offsetMs = 0): Mistake => ({
  ...{ mistake, says, error: 'request_denied' },
  make: async () => {
    const by = privateKeyJwt({ key: PEM, keyId: 'orders-1', audience: AUDIENCE, ...options } as PrivateKeyJwtOptions)
    const clock = { ...systemClock, now: () => Date.now() + offsetMs }
    const given = { clientSecret: undefined, clientAuthentication: by, clock }
    await askServer(checkingAssertion(JWKS, AUDIENCE), given as object)
  },
})

const pairOf = () => new TestAuthority().issue()

export const KEYS: Mistakes = {
  heading: 'Keys, assertions and client certificates',
  mistakes: [
    key('The environment variable of the key is not set', { key: undefined }, 'Is the environment variable set?'),
    key('The path of the file for its content', { key: '/run/secrets/key.pem' }, 'Give the content of the file'),
    key('`\\n` as two characters where lines should end', { key: PEM.replaceAll('\n', '\\n') }, 'replaceAll'),
    key('All in one line, the line breaks lost', { key: PEM.replaceAll('\n', ' ') }, 'line breaks lost'),
    key('PEM that is in Base64 once more', { key: Buffer.from(PEM).toString('base64') }, 'PEM in Base64'),
    key('The public key for the private one', { key: PUBLIC }, 'To sign takes the private key'),
    key('A certificate for the private key', { key: pairOf().cert }, 'To sign takes the private key'),
    key('A key that is encrypted', { key: ENCRYPTED }, 'Decrypt it'),
    key('A JWK as text', { key: JSON.stringify(privateKey.export({ format: 'jwk' })) }, '`JSON.parse`'),
    key('The public half of a JWK', { key: publicKey.export({ format: 'jwk' }) }, 'has no `d`'),
    key('An algorithm that the key is not for', { key: PEM, algorithm: 'RS256' }, 'It can sign by ES256'),
    key('An algorithm that there is not', { key: PEM, algorithm: 'HS256' as never }, 'must be one of'),
    key('The certificate of another key', { key: PEM, certificate: pairOf().cert }, 'Was only one of the two renewed?'),
    wrong('`clientSecretJwt` with a secret that is too short', 'Have a longer one made', () =>
      clientSecretJwt('short'),
    ),
    refused('No `keyId`, or one that the server does not know', { keyId: 'orders-2' }, 'by this `keyId`'),
    refused(
      'A key that the server does not know',
      { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
      'Check that the server knows the key',
    ),
    refused(
      'An assertion that is addressed to somebody else',
      { audience: 'https://other.example.com' },
      'another `audience`',
    ),
    refused('A clock that is an hour fast', {}, '60 minutes ahead of', 3_600_000),
    refused('A clock that is an hour slow', {}, '60 minutes behind', -3_600_000),
    wrong('The path of the certificate for its content', 'Give the content of the file', () =>
      clientCertificate({ cert: '/etc/tls/tls.crt', key: '/etc/tls/tls.key' }),
    ),
    wrong('The content of the certificate for its path', 'use `clientCertificate`', () =>
      clientCertificateFromFiles(pairOf()),
    ),
    wrong('The certificate and the key of two pairs', 'same renewal', () =>
      clientCertificate({ cert: pairOf().cert, key: pairOf().key }),
    ),
    wrong('`certificate` as an object of texts', 'clientCertificate({ cert, key })', () =>
      managerWith({ certificate: pairOf() }),
    ),
    wrong('`tlsClientAuth()` without `certificate`', 'is missing: it is how', () =>
      managerWith({ clientSecret: undefined, clientAuthentication: tlsClientAuth() }),
    ),
    {
      mistake: 'The files of the certificate are not there',
      error: 'secret_unavailable',
      says: 'are the files there',
      make: () =>
        managerWith({
          maxAttempts: 1,
          certificate: clientCertificateFromFiles({ cert: '/nowhere/tls.crt', key: '/nowhere/tls.key' }),
        }).getToken(),
    },
  ],
}
