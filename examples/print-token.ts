import { TokenManager } from 'evertoken'

/** Asks an authorization server for an access token, prints it, and returns the exit code. */
export async function main(env: NodeJS.ProcessEnv, out: Pick<Console, 'log' | 'error'>): Promise<number> {
  try {
    const tokens = new TokenManager({
      tokenEndpoint: env.EVERTOKEN_TOKEN_ENDPOINT ?? 'https://api.example.com/oauth2/token',
      clientId: env.EVERTOKEN_CLIENT_ID ?? 'my_client_id_123',
      clientSecret: env.EVERTOKEN_CLIENT_SECRET ?? 'my_secret_456',
      clientAuthentication: env.EVERTOKEN_CLIENT_AUTHENTICATION as
        | 'client_secret_basic'
        | 'client_secret_post'
        | undefined,
      scope: env.EVERTOKEN_SCOPE,
    })
    out.log(await tokens.getAccessToken())
    return 0
  } catch (error) {
    out.error(error instanceof Error ? error.message : error)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main(process.env, console)
