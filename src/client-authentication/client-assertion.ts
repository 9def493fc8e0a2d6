import { optionError } from '../errors.ts'
import { encodeSegment, newTokenId } from '../jws.ts'
import { flag, text } from '../option-values.ts'
import type { TokenRequestDraft } from './client-authentication.ts'

/** What an assertion says beside who the client is. */
export interface AssertionOptions {
  /**
   * The `aud` of the assertion. Default: the issuer, as RFC 7523 is being revised to demand and FAPI 2.0 does; where
   * only `tokenEndpoint` is configured, that URL, which is what servers took before. The latter is safe, because the
   * assertion then goes nowhere else; set `issuer` beside `tokenEndpoint` if the server wants it.
   */
  readonly audience?: string | undefined
  /** The `typ` of the assertion. `JWT` is for servers that refuse the newer one. Default `client-authentication+jwt`. */
  readonly type?: 'client-authentication+jwt' | 'JWT' | undefined
  /** Sends `client_id` beside the assertion, for servers that want it, such as Microsoft Entra. Default `false`. */
  readonly sendClientId?: boolean | undefined
}

/** The names of {@link AssertionOptions}. */
export const ASSERTION_OPTIONS: readonly (keyof AssertionOptions)[] = ['audience', 'type', 'sendClientId']

const LIFETIME_S = 60

/** {@link AssertionOptions}, checked and with the defaults filled in. */
export interface AssertionSettings {
  readonly audience: string | undefined
  readonly type: string
  readonly sendClientId: boolean
}

/** @throws TypeError naming the option */
export function readAssertionOptions(options: AssertionOptions): AssertionSettings {
  const { audience, type = 'client-authentication+jwt', sendClientId } = options
  if (type !== 'client-authentication+jwt' && type !== 'JWT') {
    throw optionError('type', "must be 'client-authentication+jwt' or 'JWT'")
  }
  return {
    audience: audience === undefined ? undefined : text(audience, 'audience'),
    type,
    sendClientId: flag(sendClientId, 'sendClientId'),
  }
}

/**
 * The signing input of a new assertion, valid for a minute, with a `jti` that was never used before. There is no `nbf`: a server whose clock
 * is a little behind would refuse it.
 * @param header encoded
 * @see RFC 7523 §3
 */
export function assertionInput(header: string, draft: TokenRequestDraft, settings: AssertionSettings): string {
  const { clientId, issuer, tokenEndpoint } = draft
  const issuedAt = Math.floor(draft.now / 1000)
  const claims = encodeSegment({
    iss: clientId,
    sub: clientId,
    aud: settings.audience ?? issuer ?? tokenEndpoint,
    jti: newTokenId(),
    iat: issuedAt,
    exp: issuedAt + LIFETIME_S,
  })
  return `${header}.${claims}`
}

/** Puts an assertion into the request. @see RFC 7521 §4.2 */
export function sendAssertion(
  { body, clientId, hide }: TokenRequestDraft,
  assertion: string,
  sendClientId: boolean,
): void {
  hide(assertion)
  if (sendClientId) body.set('client_id', clientId)
  body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  body.set('client_assertion', assertion)
}
