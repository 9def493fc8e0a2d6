import { ownOptions } from '../option-values.ts'
import { assertionSigners, SIGNING_OPTIONS, type SigningOptions } from './assertion-signer.ts'
import {
  ASSERTION_OPTIONS,
  type AssertionOptions,
  assertionInput,
  readAssertionOptions,
  sendAssertion,
} from './client-assertion.ts'
import { type ClientAuthentication, clientAuthentication } from './client-authentication.ts'

/** How assertions are signed, and what they say. */
export interface PrivateKeyJwtOptions extends SigningOptions, AssertionOptions {}

/**
 * Authenticates by an assertion that is signed with a private key, new for every attempt; the server knows the public
 * half. What FAPI 2.0 and RFC 9700 recommend.
 *
 * A `key`, `certificate` or `sign` that is a function and fails, or gives what cannot be used, fails the request with
 * `secret_unavailable`; a token that is still valid stays in use.
 * @throws TypeError naming the option that is wrong
 * @see RFC 7523 §2.2, RFC 7521 §4.2
 */
export function privateKeyJwt(options: PrivateKeyJwtOptions): ClientAuthentication {
  const given = ownOptions<PrivateKeyJwtOptions>(options, '', [...SIGNING_OPTIONS, ...ASSERTION_OPTIONS])
  const settings = readAssertionOptions(given)
  const signers = assertionSigners(given, settings.type)
  return clientAuthentication(
    'private_key_jwt',
    async (draft) => {
      const { header, sign, credential, expiry } = await signers.of(draft.client)
      draft.credential = credential
      if (expiry !== undefined) draft.credentialExpiry = expiry
      const input = assertionInput(header, draft, settings)
      sendAssertion(draft, `${input}.${await sign(input, draft.client)}`, settings.sendClientId)
    },
    {
      currentCredential: signers.changes ? async (client) => (await signers.of(client)).credential : undefined,
      secretDigest: signers.secretDigest,
      assertion: { algorithm: signers.algorithm, audience: settings.audience },
    },
  )
}
