import type { TokenRequestDraft } from '../client-authentication/client-authentication.ts'
import type { TokenParameters } from '../token-key.ts'

/** Adds to a token request what says by which right the token is asked for. Runs for every attempt. */
export interface Grant {
  (draft: TokenRequestDraft, parameters: TokenParameters): void | Promise<void>
  /** The value of `grant_type`. @see RFC 6749 §4 */
  readonly type: string
}

/** Gives a grant function its name. */
export function grant(
  type: string,
  fill: (draft: TokenRequestDraft, parameters: TokenParameters) => void | Promise<void>,
): Grant {
  return Object.assign((draft: TokenRequestDraft, parameters: TokenParameters) => fill(draft, parameters), { type })
}

/**
 * Writes a grant and its parameters into the form of a token request.
 * @see RFC 6749 §4.4.2, RFC 8707 §2
 */
export async function fillGrant(grant: Grant, draft: TokenRequestDraft, parameters: TokenParameters): Promise<void> {
  const { body } = draft
  body.set('grant_type', grant.type)
  if (parameters.scope.length > 0) body.set('scope', parameters.scope.join(' '))
  for (const uri of parameters.resource) body.append('resource', uri)
  for (const name of parameters.audience) body.append('audience', name)
  for (const [name, value] of Object.entries(parameters.parameters)) body.append(name, value)
  await grant(draft, parameters)
}
