import type { AuthorizationServer } from './authorization-server.ts'
import { shownUrl } from './endpoint-url.ts'
import { TokenError, TokenResponseError } from './errors.ts'
import { isTransientStatus } from './retry-after.ts'

/**
 * Revokes a token, in one attempt.
 * @throws TokenError `revocation_unavailable` when it is not known where; TokenResponseError, TokenTransportError
 * @see RFC 7009 §2
 */
export async function revokeToken(server: AuthorizationServer, token: string): Promise<void> {
  const { name, issuer = '', revocationEndpoint, certificate } = server.settings
  const { signal } = new AbortController()
  const metadata = await server.inTime(issuer, { signal }, (deadline) => server.metadata({ signal: deadline }))
  const alias = certificate && metadata?.mtlsRevocationEndpoint
  const url = revocationEndpoint ?? alias ?? metadata?.revocationEndpoint
  if (url === undefined) throw revocationUnavailable(name)
  const { status } = await server.inTime(url, { signal }, async (deadline) => {
    const { request } = await server.build({
      url,
      metadata,
      signal: deadline,
      fill: ({ body }) => {
        body.set('token', token)
        body.set('token_type_hint', 'access_token')
      },
    })
    return await server.send(request)
  })
  // 200 even for a token the server does not know.
  if (status >= 300) throw revocationError(name, url, status)
}

function revocationUnavailable(client: string): TokenError {
  return new TokenError({
    code: 'revocation_unavailable',
    client,
    message: `It is not known where tokens of client "${client}" are revoked; they stay valid until they expire.`,
    hint: 'Set `revocationEndpoint`, or an `issuer` whose metadata names it.',
  })
}

// The server's own words are left out: they may repeat the token.
function revocationError(client: string, url: string, status: number): TokenResponseError {
  const isTransient = isTransientStatus(status)
  return new TokenResponseError({
    code: isTransient ? 'server_unavailable' : 'request_denied',
    client,
    status,
    retryable: isTransient,
    message: `Revoking a token of client "${client}" at ${shownUrl(url)} failed with HTTP ${status}; it stays valid until it expires.`,
  })
}
