import { type ConnectionTrouble, isOfTls, troubleOf } from './connection-trouble.ts'
import { shownUrl } from './endpoint-url.ts'
import { TokenTransportError } from './errors.ts'
import { ProxyError } from './proxy.ts'

const PRIVATE =
  'Its certificate was not issued by a known authority, but by a private one, or by a proxy that inspects TLS: give the certificate of that authority as `ca`, or in the file that NODE_EXTRA_CA_CERTS names.'

const HINTS: Readonly<Record<ConnectionTrouble, string>> = {
  refused: 'Nothing listens there: check host and port, and whether the authorization server runs.',
  'unknown host': 'The host name could not be resolved: check its spelling, and DNS.',
  'no route': 'There is no route to it: check the network, VPN and firewall.',
  closed:
    'The connection was closed before the answer was complete. Servers that reject a client certificate may do so.',
  timeout: 'Is the authorization server slow, or does a firewall drop the connection?',
  'self-signed': PRIVATE,
  'private authority': PRIVATE,
  'unknown authority': PRIVATE,
  'another name': 'Its certificate is for another host name: check the URL.',
  expired: 'Its certificate has expired and must be renewed, or the clock of this machine is wrong.',
  'not valid yet': 'Its certificate is not valid yet: is the clock of this machine right?',
  'old TLS': 'It speaks none of the versions of TLS that Node does: 1.2 and 1.3 are current.',
  'handshake refused':
    'It broke off the TLS handshake: does it want a client certificate (`certificate`), or another one?',
  'no TLS': 'What answers there does not speak TLS: check scheme and port.',
  'no HTTP': 'What answers there does not speak HTTP: check scheme and port.',
}

/** Whose request failed, and what must not show. */
export interface FailedRequest {
  readonly client: string
  readonly url: string
  readonly secrets?: readonly string[] | undefined
}

/**
 * What an HTTP client threw, as an error that holds nothing of the request: an AxiosError carries the whole
 * configuration, with the client's secret in it.
 */
export function transportFailure(thrown: unknown, request: FailedRequest): TokenTransportError {
  const { client, url } = request
  const chain = causes(thrown)
  const proxyError = chain.find((error) => error instanceof ProxyError)
  const cause = chain.findLast((error) => systemCodeOf(error) !== undefined)
  const systemCode = systemCodeOf(proxyError ?? cause)
  const what = proxyError?.message ?? systemCode ?? 'no answer'
  return new TokenTransportError({
    code: kindOf(systemCode),
    client,
    message: `Could not reach ${shownUrl(url)} for client "${client}": ${what}.`,
    hint: proxyError?.hint ?? hintFor(systemCode, url),
    retryable: kindOf(systemCode) !== 'tls' && (proxyError?.retryable ?? true),
    systemCode,
    cause: cause ?? chain.at(-1),
    secrets: request.secrets ?? [],
  })
}

function kindOf(systemCode: string | undefined): 'network' | 'tls' | 'timeout' {
  if (systemCode === undefined) return 'network'
  if (isOfTls(systemCode)) return 'tls'
  return troubleOf(systemCode) === 'timeout' ? 'timeout' : 'network'
}

function hintFor(systemCode: string | undefined, url: string): string | undefined {
  if (systemCode === undefined) return undefined
  const { protocol, hostname } = new URL(url)
  if (protocol === 'http:' && /^(?:ECONNRESET|UND_ERR_SOCKET)$/.test(systemCode)) return HINT_PLAIN
  if (systemCode.startsWith('Z_')) return 'The answer could not be decompressed.'
  if (systemCode === 'ERR_MODULE_NOT_FOUND') return 'Install axios, or pass `transport: fetch`.'
  const trouble = troubleOf(systemCode)
  const hint = trouble && HINTS[trouble]
  return trouble === 'refused' && hostname === 'localhost' ? `${hint} ${HINT_LOCALHOST}` : hint
}

const HINT_PLAIN =
  'The connection was closed without an answer: does that port speak TLS? Then the URL begins with `https:`.'
const HINT_LOCALHOST =
  '`localhost` may be ::1 as well as 127.0.0.1: write the one that the server listens on. In a container it is the container itself.'

/** The error and what caused it, outermost first. Several connection attempts count as the first of them. */
function causes(thrown: unknown): unknown[] {
  const chain = [thrown]
  for (let error = thrown; chain.length < 8 && error instanceof Error; chain.push(error)) {
    error = error instanceof AggregateError ? error.errors[0] : error.cause
    if (error === undefined) break
  }
  return chain
}

function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  // Axios's own words say less than the cause they stand for.
  const isSystemCode =
    typeof code === 'string' && /^[A-Z][A-Z0-9_/]{1,80}$/.test(code) && !/^ERR_(NETWORK|BAD_RESPONSE)$/.test(code)
  if (isSystemCode) return code
  // What undici throws where Node's own parser has a code of this family.
  return error.name === 'HTTPParserError' ? 'HPE_INVALID' : undefined
}
