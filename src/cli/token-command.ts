import type { AccessToken } from '../access-token.ts'
import type { TokenLogger } from '../logger.ts'
import { clientOptions, openManager } from './client.ts'
import type { Configuration } from './configuration.ts'
import { printableJson, withProgress } from './terminal.ts'

/** The flags that commands which get a token share. */
export interface GetTokenFlags {
  /** Whether a token is taken from the cache, and kept there. */
  readonly cache: boolean
  /** Whether a new token is requested though one is at hand. */
  readonly fresh?: boolean | undefined
}

/** What `evertoken token` prints. */
export interface TokenOutput {
  readonly header?: boolean | undefined
  readonly output: 'text' | 'json'
}

/** A token of the client that is configured, from the cache of earlier calls or the authorization server. */
export async function obtainToken(
  configuration: Configuration,
  { cache, fresh }: GetTokenFlags,
  logger: TokenLogger | undefined,
): Promise<AccessToken> {
  const manager = await openManager(await clientOptions(configuration), { cache, logger })
  try {
    return await withProgress('Getting a token', manager.getToken({ forceRefresh: fresh }))
  } finally {
    // Until the cache has it.
    await manager.close()
  }
}

/** What `evertoken token` prints: the token, a header with it, or all that is known of it. */
export function describeToken(token: AccessToken, { header, output }: TokenOutput): string {
  if (output === 'json') {
    const { tokenType, scope, lifetimeMs, expiresAt } = token
    const about = {
      scope: scope.join(' '),
      expires_at: new Date(expiresAt).toISOString(),
      lifetime_s: lifetimeMs / 1000,
    }
    return printableJson({ access_token: token.reveal(), token_type: tokenType, ...about })
  }
  return header ? `Authorization: ${token.tokenType} ${token.reveal()}` : token.reveal()
}
