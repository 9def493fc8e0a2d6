import { type ClientAuthentication, clientAuthentication } from './client-authentication/client-authentication.ts'
import { CLIENT_SECRET_METHODS, clientSecretBy } from './client-authentication/client-secret.ts'
import { needsCertificate } from './client-authentication/tls-client-auth.ts'
import { ClientCertificate } from './client-certificate.ts'
import type { ClientOptions } from './client-options.ts'
import { type Dpop, readDpop } from './dpop.ts'
import { optionError } from './errors.ts'

const FACTORIES: ReadonlyMap<unknown, string> = new Map([
  ['private_key_jwt', 'privateKeyJwt({ key })'],
  ['tls_client_auth', 'tlsClientAuth()'],
  ['self_signed_tls_client_auth', 'selfSignedTlsClientAuth()'],
  ['none', 'none()'],
])

/** How the client authenticates. @throws TypeError naming the option that is wrong, missing or not used */
export function readAuthentication(o: ClientOptions, at: string): ClientAuthentication {
  if (o.requestToken !== undefined) return byHook(o, at)
  const { clientAuthentication: method, clientSecret, basicEncoding } = o
  if (typeof method === 'function') {
    if (!Object.hasOwn(method, 'method')) {
      const hint = 'Call the factory: `none()`. A function of your own has the property `method`.'
      throw optionError(`${at}clientAuthentication`, 'must be what a factory returned', hint)
    }
    const unused = (['clientSecret', 'basicEncoding'] as const).find((option) => o[option] !== undefined)
    if (unused === undefined) return method
    throw optionError(`${at}${unused}`, 'is not used with a `clientAuthentication` function', 'Give it to the factory.')
  }
  if (method !== undefined && !CLIENT_SECRET_METHODS.includes(method)) {
    const names = CLIENT_SECRET_METHODS.map((name) => `'${name}'`).join(', ')
    const factory = FACTORIES.get(method)
    const word = typeof method === 'string' ? `_${(method as string).toLowerCase()}` : undefined
    const meant = word && CLIENT_SECRET_METHODS.find((name) => name.endsWith(word))
    const hint = (factory && `For this method give \`${factory}\`.`) ?? (meant && `Did you mean '${meant}'?`)
    throw optionError(`${at}clientAuthentication`, `must be ${names} or what a factory returned`, hint)
  }
  if (clientSecret === undefined) {
    throw optionError(
      `${at}clientSecret`,
      'is missing',
      'Is the environment variable set? Without a secret, give a `clientAuthentication`.',
    )
  }
  return clientSecretBy(method, clientSecret, basicEncoding, at)
}

/** The client certificate, if there is one. @throws TypeError naming the option that is wrong, missing or has no effect */
export function readCertificate(o: ClientOptions, at: string): ClientCertificate | undefined {
  const { certificate: given, clientAuthentication: method, transport } = o
  if (given === undefined) {
    if (typeof method !== 'function' || !needsCertificate(method.method)) return undefined
    const hint = 'Give what `clientCertificate` or `clientCertificateFromFiles` returned.'
    throw optionError(`${at}certificate`, `is missing: it is how \`${method.method}\` authenticates`, hint)
  }
  if (!(given instanceof ClientCertificate)) {
    throw optionError(
      `${at}certificate`,
      'must be what `clientCertificate` or `clientCertificateFromFiles` returned',
      'Write `certificate: clientCertificate({ cert, key })`.',
    )
  }
  if (transport === undefined) return given
  throw optionError(
    `${at}certificate`,
    'has no effect beside `transport`',
    'Configure the transport itself, or leave it out.',
  )
}

/** The key that tokens are bound to, if they are. @throws TypeError naming the option that is wrong or cannot be kept */
export function readProofs({ dpop, parseResponse }: ClientOptions, at: string): Dpop | undefined {
  if (dpop !== undefined && typeof dpop !== 'boolean' && (typeof dpop !== 'object' || dpop === null)) {
    const hint = typeof dpop === 'string' ? "For an algorithm write `dpop: { algorithm: 'ES256' }`." : undefined
    throw optionError(`${at}dpop`, 'must be true, false or an object of options', hint)
  }
  const read = readDpop(dpop, `${at}dpop`)
  if (read === undefined || parseResponse === undefined) return read
  const hint = 'What it returns has no `token_type`, which says whether the token is bound to the key.'
  throw optionError(`${at}parseResponse`, 'cannot be used beside `dpop`', hint)
}

// A token that a function gets needs none of what is for a token endpoint.
function byHook(o: ClientOptions, at: string): ClientAuthentication {
  const unused = (
    [
      'tokenEndpoint',
      'issuer',
      'clientSecret',
      'clientAuthentication',
      'grant',
      'transport',
      'certificate',
      'dpop',
      'buildRequest',
      'parseResponse',
    ] as const
  ).find((option) => o[option] !== undefined)
  if (unused === undefined) return clientAuthentication('none', () => {})
  throw optionError(`${at}${unused}`, 'has no effect beside `requestToken`', 'Leave out one of the two.')
}
