import type { CredentialExpiry, TokenRequestDraft } from './client-authentication/client-authentication.ts'
import type { ReadCertificate } from './client-certificate.ts'
import type { ClientSettings } from './client-options.ts'
import type { ServerMetadata } from './discovery.ts'
import type { Dpop } from './dpop.ts'
import { TokenError } from './errors.ts'
import { spellings } from './redaction.ts'
import { abortable } from './single-flight.ts'
import type { HttpRequest } from './transport.ts'

/** What is to be sent to the authorization server as a client. */
export interface RequestPlan {
  readonly url: string
  readonly metadata: ServerMetadata | undefined
  /** What the connection shows. */
  readonly certificate: ReadCertificate | undefined
  /** Wall-clock time, epoch milliseconds. */
  readonly now: number
  /** Ends the building of the request, and then the request. */
  readonly signal: AbortSignal
  /** Writes the form. */
  readonly fill: (draft: TokenRequestDraft) => void | Promise<void>
  /** Adds a proof. Default: the request has none. */
  readonly dpop?: Dpop | undefined
  /** What the token is wanted for; changes the request at last. */
  readonly rebuild?: ((request: HttpRequest, hide: (secret: string) => void) => Promise<HttpRequest>) | undefined
}

/** A request that authenticates the client. */
export interface AuthenticatedRequest {
  readonly request: HttpRequest
  /** What must not be shown. */
  readonly secrets: readonly string[]
  /** How the client authenticated. */
  readonly method: string
  /** A digest of the credential, where the method can tell whether it changes. */
  readonly credential: string | undefined
  /** What looks like a mistake in the credential, for the hint of an error. */
  readonly credentialDoubt: string | undefined
  /** When the credential expires, where the method knows. */
  readonly expiry: CredentialExpiry | undefined
  /** The methods that the server's metadata lists. */
  readonly supportedMethods: readonly string[] | undefined
}

/**
 * Makes the request that sends a form to an endpoint of the server as this client.
 * @throws TokenError `secret_unavailable`, or what the method of authentication throws
 * @see RFC 6749 §2.3
 */
export async function authenticatedRequest(settings: ClientSettings, plan: RequestPlan): Promise<AuthenticatedRequest> {
  const { name: client, clientId, issuer, expectedIssuer, authentication } = settings
  const { url, metadata, certificate, now, signal, fill, dpop, rebuild = async (request) => request } = plan
  // The client's id too: not secret, but a server's error is no place to publish it.
  const secrets = spellings(clientId)
  const hide = (secret: string) => {
    secrets.push(...spellings(secret))
  }
  const draft: TokenRequestDraft = {
    client,
    clientId,
    tokenEndpoint: url,
    issuer: expectedIssuer ?? issuer,
    now,
    body: new URLSearchParams(),
    supportedMethods: metadata?.tokenEndpointAuthMethods,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    hide,
  }
  try {
    await abortable(signal, async () => {
      await fill(draft)
      await authentication(draft)
    })
  } catch (cause) {
    throw cause instanceof TokenError ? cause : authenticationError(client, cause, secrets)
  }
  secrets.push(...privateValues(draft).flatMap(spellings))
  const { headers, body, credential, credentialDoubt, credentialExpiry: expiry, supportedMethods } = draft
  const method = authentication.method ?? methodOf(draft)
  const request: HttpRequest = { method: 'POST', url, headers, body: body.toString(), signal, secrets, certificate }
  const rebuilt = await abortable(signal, () => rebuild(request, hide))
  // At last: it names the method and the URL.
  const proof = dpop?.proof(rebuilt, now)
  if (proof !== undefined) hide(proof)
  const final = proof === undefined ? rebuilt : { ...rebuilt, headers: { ...rebuilt.headers, dpop: proof } }
  return { request: final, secrets, method, credential, credentialDoubt, expiry, supportedMethods }
}

// Of the methods that are chosen by metadata.
function methodOf({ headers, body }: TokenRequestDraft): string {
  if (headers.authorization !== undefined) return 'client_secret_basic'
  return body.has('client_assertion') ? 'client_secret_jwt' : 'client_secret_post'
}

const PUBLIC = new Set([
  ...['grant_type', 'scope', 'resource', 'audience', 'client_assertion_type', 'token_type_hint'],
  ...['subject_token_type', 'actor_token_type', 'requested_token_type'],
])

// Whatever a method of authentication or a parameter put into the request may be private, and must not show in an error.
function privateValues({ body, headers }: TokenRequestDraft): string[] {
  const values = [...body].filter(([name]) => !PUBLIC.has(name)).map(([, value]) => value)
  const { authorization = '' } = headers
  return [...values, authorization, authorization.slice(authorization.indexOf(' ') + 1)].filter((value) => value !== '')
}

function authenticationError(client: string, cause: unknown, secrets: Iterable<string>): TokenError {
  return new TokenError({
    code: 'secret_unavailable',
    client,
    message: `The function given as \`clientAuthentication\` failed for client "${client}".`,
    hint: 'Look at `cause`.',
    retryable: true,
    cause,
    secrets,
  })
}
