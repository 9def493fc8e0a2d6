import { encodeSegment, hmacSha256 } from '../jws.ts'
import { ownOptions } from '../option-values.ts'
import {
  ASSERTION_OPTIONS,
  type AssertionOptions,
  assertionInput,
  readAssertionOptions,
  sendAssertion,
} from './client-assertion.ts'
import { type ClientAuthentication, type ClientSecret, clientAuthentication } from './client-authentication.ts'
import { SecretReader } from './secret-reader.ts'

/** As long as what SHA-256 gives: HS256 must not be used with less. @see RFC 7518 §3.2 */
const LEAST_BYTES = 32

/**
 * Proves that the client knows its secret without sending it, by an assertion that is signed with it: HS256, new for
 * every attempt.
 * @param secret the client secret, of 32 bytes or more, or a function that gives it
 * @throws TypeError if the secret is shorter, has line breaks, or an option is wrong
 * @see RFC 7523 §2.2, RFC 7518 §3.2
 */
export function clientSecretJwt(secret: ClientSecret, options: AssertionOptions = {}): ClientAuthentication {
  return clientSecretJwtOf(secret, options, 'clientSecret')
}

/** Whether a secret, as far as it is known yet, is long enough to sign with. */
export function canSignBySecret(secret: ClientSecret): boolean {
  return typeof secret === 'function' || Buffer.byteLength(secret) >= LEAST_BYTES
}

/** {@link clientSecretJwt} for an option of this name. */
export function clientSecretJwtOf(
  secret: ClientSecret,
  options: AssertionOptions,
  option: string,
): ClientAuthentication {
  const settings = readAssertionOptions(ownOptions<AssertionOptions>(options, '', ASSERTION_OPTIONS))
  const reader = new SecretReader(secret, option, LEAST_BYTES)
  const header = encodeSegment({ alg: 'HS256', typ: settings.type })
  return clientAuthentication(
    'client_secret_jwt',
    async (draft) => {
      const key = await reader.read(draft)
      const input = assertionInput(header, draft, settings)
      sendAssertion(draft, `${input}.${hmacSha256(key, input)}`, settings.sendClientId)
    },
    reader.about,
  )
}
