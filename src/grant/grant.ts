import type { ClientAuthentication, TokenRequestDraft } from '../client-authentication/client-authentication.ts'
import { optionError } from '../errors.ts'
import type { SigningAlgorithm } from '../jws.ts'
import type { TokenParameters } from '../token-key.ts'

/** Exchanges one token for another. @see RFC 8693 §2.1 */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Adds to a token request what says by which right the token is asked for. Runs for every attempt. */
export interface Grant {
  (draft: TokenRequestDraft, parameters: TokenParameters): void | Promise<void>
  /** The value of `grant_type`. @see RFC 6749 §4 */
  readonly type: string
  /** Whether tokens are for users, so that every request says by `subjectToken` for whom. */
  readonly takesSubjectToken: boolean
  /** What of its options makes a token another one. Part of the key; holds no secret. */
  readonly keyPart: string
  /** A digest of the private key that signs it, as {@link ClientAuthentication.secretDigest}. */
  readonly secretDigest?: ClientAuthentication['secretDigest']
  /** How the client signs the assertion that is the grant, if it does; an algorithm that is not fixed is `undefined`. */
  readonly assertion?: { readonly algorithm: SigningAlgorithm | undefined } | undefined
}

/** What grants differ in beside their type. */
export type GrantTraits = Partial<Pick<Grant, 'takesSubjectToken' | 'keyPart' | 'assertion' | 'secretDigest'>>

/** Gives a grant function its properties. */
export function grant(
  type: string,
  fill: (draft: TokenRequestDraft, parameters: TokenParameters) => void | Promise<void>,
  { takesSubjectToken = false, keyPart = '', assertion, secretDigest }: GrantTraits = {},
): Grant {
  return Object.assign((draft: TokenRequestDraft, parameters: TokenParameters) => fill(draft, parameters), {
    ...{ type, takesSubjectToken, keyPart, assertion, secretDigest },
  })
}

/** @throws TypeError naming the option, for what no factory has made */
export function readGrant(given: unknown, option: string): Grant {
  const { type, takesSubjectToken, keyPart } = (given ?? {}) as Partial<Grant>
  if (typeof given === 'function' && [type, keyPart].every((text) => typeof text === 'string')) {
    if (typeof takesSubjectToken === 'boolean') return given as Grant
  }
  const isFactory = typeof given === 'function' && type === undefined
  const hint = isFactory ? 'Call the factory.' : 'Write `grant: tokenExchange()` or `grant: jwtBearer({ key })`.'
  throw optionError(option, 'must be what `tokenExchange`, `jwtBearer` or `clientCredentials` returned', hint)
}

/**
 * Writes a grant and its parameters into the form of a token request.
 * @see RFC 6749 §4.4.2, RFC 8707 §2, RFC 9396 §6
 */
export async function fillGrant(grant: Grant, draft: TokenRequestDraft, parameters: TokenParameters): Promise<void> {
  const { body } = draft
  const { scope, resource, audience, authorizationDetails = '' } = parameters
  body.set('grant_type', grant.type)
  if (scope.length > 0) body.set('scope', scope.join(' '))
  for (const uri of resource) body.append('resource', uri)
  for (const name of audience) body.append('audience', name)
  if (authorizationDetails !== '') body.set('authorization_details', authorizationDetails)
  for (const [name, value] of Object.entries(parameters.parameters)) body.append(name, value)
  await grant(draft, parameters)
}
