import type { ClientAuthentication, TokenRequestDraft } from '../../src/client-authentication/client-authentication.ts'
import { TokenError } from '../../src/errors.ts'

/** When requests of {@link tokenRequestDraft} are made, epoch milliseconds: not at a full second. */
export const NOW: number = Date.UTC(2026, 0, 1) + 789

export interface TestDraft extends TokenRequestDraft {
  /** What was registered as a secret. */
  readonly hidden: string[]
}

/** A token request that waits to be authenticated. */
export function tokenRequestDraft(init: Partial<TokenRequestDraft> = {}): TestDraft {
  const hidden: string[] = []
  return {
    client: 'orders',
    clientId: 'orders-service',
    tokenEndpoint: 'https://as.example/token',
    issuer: 'https://as.example',
    now: NOW,
    supportedMethods: undefined,
    headers: {},
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    hidden,
    hide: (secret) => hidden.push(secret),
    ...init,
  }
}

/** A token request after it was authenticated. */
export async function authenticated(
  authenticate: ClientAuthentication,
  init: Partial<TokenRequestDraft> = {},
): Promise<TestDraft> {
  const draft = tokenRequestDraft(init)
  await authenticate(draft)
  return draft
}

/** The error by which authentication fails. */
export async function authenticationFailure(
  authenticate: ClientAuthentication,
  init: Partial<TokenRequestDraft> = {},
): Promise<TokenError> {
  try {
    await authenticate(tokenRequestDraft(init))
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  throw new Error('the request was authenticated')
}
