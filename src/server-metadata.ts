import { isLoopback } from './endpoint-url.ts'
import { TokenError } from './errors.ts'
import { redactText } from './redaction.ts'

/**
 * What an authorization server says about itself, as far as it is used.
 * @see RFC 8414 §2
 */
export interface ServerMetadata {
  /** Identical to what was configured as `expectedIssuer` or `issuer`. */
  readonly issuer: string
  readonly tokenEndpoint: string
  /** The client authentication methods it accepts, never `none`; `undefined` when it does not say. */
  readonly tokenEndpointAuthMethods: readonly string[] | undefined
  /**
   * The token endpoint for clients with a certificate, if it is another one. @see RFC 8705 §5
   * @throws TokenError `discovery_failed` when it must not be used
   */
  readonly mtlsTokenEndpoint: string | undefined
  /** Where clients with a certificate revoke tokens, if that is elsewhere. @throws like {@link ServerMetadata.mtlsTokenEndpoint} */
  readonly mtlsRevocationEndpoint: string | undefined
  /**
   * Where tokens are revoked. @see RFC 7009
   * @throws TokenError `discovery_failed` when it must not be used
   */
  readonly revocationEndpoint: string | undefined
}

/** What metadata is checked against. */
export interface MetadataExpectations {
  /** The client's name, for messages. */
  readonly client: string
  /** The issuer as configured; its origin is where endpoints may be. */
  readonly issuer: string
  /** What the document must name as its issuer, character by character. Default: `issuer`. */
  readonly expectedIssuer?: string | undefined
  /** Other origins where endpoints may be, such as `https://tokens.example.com`. */
  readonly endpointOrigins: readonly string[]
  /** Whether endpoints may be plain http on this machine. */
  readonly allowInsecureLoopback: boolean
}

/**
 * Reads a metadata document; `undefined` for text that is none, such as a web page.
 * @throws TokenError `issuer_mismatch` when it is another issuer's
 * @throws TokenError `discovery_failed` when it has no token endpoint that may be used
 * @see RFC 8414 §3.3
 */
export function readServerMetadata(text: string, expected: MetadataExpectations): ServerMetadata | undefined {
  const document = parseObject(text)
  const issuer = document?.issuer
  if (document === undefined || typeof issuer !== 'string') return undefined
  const expectedIssuer = expected.expectedIssuer ?? expected.issuer
  if (issuer !== expectedIssuer) throw issuerMismatch(issuer, expectedIssuer, expected.client)
  const tokenEndpoint = endpoint('token_endpoint', document.token_endpoint, expected)
  if (tokenEndpoint === undefined) {
    throw unusable('names no `token_endpoint`', 'Give `tokenEndpoint` instead of `issuer`.', expected)
  }
  const aliases = isObject(document.mtls_endpoint_aliases) ? document.mtls_endpoint_aliases : {}
  const alias = (name: string) => endpoint(`mtls_endpoint_aliases.${name}`, ownMember(aliases, name), expected)
  return {
    issuer,
    tokenEndpoint,
    tokenEndpointAuthMethods: authMethods(document.token_endpoint_auth_methods_supported),
    // Checked when they are asked for: a mistake in one is nothing to clients that do without it.
    get mtlsTokenEndpoint() {
      return alias('token_endpoint')
    },
    get mtlsRevocationEndpoint() {
      return alias('revocation_endpoint')
    },
    get revocationEndpoint() {
      return endpoint('revocation_endpoint', document.revocation_endpoint, expected)
    },
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const document: unknown = JSON.parse(text)
    // Without a prototype, so that a member can only be one that the document has.
    return isObject(document) ? Object.assign(Object.create(null), document) : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function ownMember(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function authMethods(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.filter((method): method is string => typeof method === 'string' && method !== 'none')
}

function endpoint(member: string, value: unknown, expected: MetadataExpectations): string | undefined {
  if (value === undefined || value === null) return undefined
  // Printable ASCII only: the URL parser drops line breaks, and then what is shown is not what is used.
  if (typeof value !== 'string' || !/^[!-~]+$/.test(value) || !URL.canParse(value)) {
    throw unusable(`has a \`${member}\` that is not a URL`, undefined, expected)
  }
  const url = new URL(value)
  // A document may be large, and so may all that is in it.
  const origin = redactText(url.origin, [])
  const shown = `\`${member}\` ${origin}${redactText(url.pathname, [])}`
  const secure =
    url.protocol === 'https:' || (url.protocol === 'http:' && expected.allowInsecureLoopback && isLoopback(url))
  if (!secure) throw unusable(`has the ${shown}, which is not https`, undefined, expected)
  if (url.username !== '' || url.password !== '' || value.includes('#')) {
    throw unusable(`has the ${shown} with a user name or a fragment`, undefined, expected)
  }
  if (url.origin === new URL(expected.issuer).origin || expected.endpointOrigins.includes(url.origin)) return value
  throw unusable(
    `has the ${shown}, on another origin than the issuer`,
    `If that is right, set \`endpointOrigins: ['${origin}']\`: credentials are sent there.`,
    expected,
  )
}

function unusable(problem: string, hint: string | undefined, { client, issuer }: MetadataExpectations): TokenError {
  const message = `The metadata of issuer ${issuer} for client "${client}" ${problem}.`
  return new TokenError({ code: 'discovery_failed', client, message, hint })
}

function issuerMismatch(named: string, expected: string, client: string): TokenError {
  const bySlash = named.replace(/\/$/, '') === expected.replace(/\/$/, '')
  return new TokenError({
    code: 'issuer_mismatch',
    client,
    message: `The metadata for client "${client}" names the issuer "${redactText(named, [])}", expected was "${expected}".`,
    hint: bySlash
      ? 'They differ by the slash at the end: write `issuer` as the server does.'
      : 'Is it the right tenant, realm and host? If the server is known to name itself so, pin that name as `expectedIssuer`.',
  })
}
