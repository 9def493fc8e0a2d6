import type { ClientOptions, ClientSettings } from './client-options.ts'
import { optionError } from './errors.ts'
import type { SigningAlgorithm } from './jws.ts'

const ALGORITHMS: readonly (SigningAlgorithm | undefined)[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519']
const METHODS: readonly (string | undefined)[] = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']

// What a client of this profile does not decide by itself, or what takes it out of sight.
const FORBIDDEN: ReadonlyMap<keyof ClientOptions, string> = new Map([
  ['tokenEndpoint', 'Endpoints come from the metadata of `issuer`.'],
  ['revocationEndpoint', 'Endpoints come from the metadata of `issuer`.'],
  ['expectedIssuer', 'The issuer must be named as it is configured.'],
  ['allowInsecureLoopback', 'Every connection is by TLS.'],
  ['buildRequest', 'It could undo what the profile demands.'],
  ['applyToken', 'The token goes in `Authorization`.'],
  ['requestToken', 'Tokens come from the token endpoint.'],
])

/**
 * Refuses what FAPI 2.0 forbids a client: secrets, weak algorithms, tokens that anyone may use who has them, endpoints that
 * no metadata names. A function of your own that authenticates is believed what it says of itself.
 * @param at the options' place, for messages
 * @throws TypeError naming the option
 * @see FAPI 2.0 Security Profile §5.3.3.1 and §5.4
 */
export function checkFapi2(given: ClientOptions, settings: ClientSettings, at: string): void {
  const refuse = (option: string, problem: string, hint: string) =>
    optionError(`${at}${option}`, `${problem} with \`profile: 'fapi2'\``, hint)
  for (const [option, why] of FORBIDDEN) {
    if (given[option] !== undefined && given[option] !== false) throw refuse(option, 'is not allowed', why)
  }
  const { authentication, grant, certificate, dpop } = settings
  const { method, assertion } = authentication
  if (!METHODS.includes(method)) {
    const hint = 'Give `privateKeyJwt`, `tlsClientAuth` or `selfSignedTlsClientAuth`.'
    throw refuse('clientAuthentication', 'must be by a private key or a certificate', hint)
  }
  if (method === 'private_key_jwt' && !ALGORITHMS.includes(assertion?.algorithm)) {
    const hint = 'Name it to `privateKeyJwt` as `algorithm`: PS256, ES256 or EdDSA.'
    throw refuse('clientAuthentication', 'must sign by an algorithm that is known and allowed', hint)
  }
  if (assertion?.audience !== undefined) {
    throw refuse('clientAuthentication', 'must address its assertions to the issuer', 'Leave out `audience`.')
  }
  if (grant.assertion !== undefined && !ALGORITHMS.includes(grant.assertion.algorithm)) {
    const hint = 'Name it to `jwtBearer` as `algorithm`: PS256, ES256 or EdDSA.'
    throw refuse('grant', 'must sign by an algorithm that is known and allowed', hint)
  }
  if (certificate === undefined && dpop === undefined) {
    throw refuse('dpop', 'or `certificate` must be given', 'Tokens have to be bound to the client: `dpop: true`.')
  }
  if (dpop !== undefined && !ALGORITHMS.includes(dpop.algorithm)) {
    throw refuse('dpop', 'must sign by PS256, ES256 or EdDSA', '`dpop: true` uses ES256.')
  }
}
