/** Why there is no connection, or no answer over it, whoever puts it into words. */
export type ConnectionTrouble =
  | 'refused'
  | 'unknown host'
  | 'no route'
  | 'closed'
  | 'timeout'
  | 'self-signed'
  | 'private authority'
  | 'unknown authority'
  | 'another name'
  | 'expired'
  | 'not valid yet'
  | 'old TLS'
  | 'handshake refused'
  | 'no TLS'
  | 'no HTTP'

// Of the system, OpenSSL, Node and undici. The first that matches counts.
const TROUBLES: readonly (readonly [code: RegExp, trouble: ConnectionTrouble])[] = [
  [/^ECONNREFUSED$/, 'refused'],
  [/^(ENOTFOUND|EAI_\w+)$/, 'unknown host'],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, 'no route'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'closed'],
  [/^(ETIMEDOUT|ECONNABORTED|UND_ERR_\w*TIMEOUT)$/, 'timeout'],
  [/^DEPTH_ZERO_/, 'self-signed'],
  [/^SELF_SIGNED_/, 'private authority'],
  [/^(UNABLE_TO_(GET|VERIFY)|CERT_(SIGNATURE_FAILURE|UNTRUSTED))/, 'unknown authority'],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, 'another name'],
  [/^CERT_HAS_EXPIRED$/, 'expired'],
  [/^CERT_NOT_YET_VALID$/, 'not valid yet'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL$|[\w/]*ALERT_PROTOCOL_VERSION)/, 'old TLS'],
  [/^ERR_SSL_[\w/]*ALERT/, 'handshake refused'],
  [/^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/, 'no TLS'],
  [/^HPE_/, 'no HTTP'],
]

const TLS =
  /^(CERT_|CRL_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|EPROTO$)/

/** What the code of a connection's error means, if that is known. */
export function troubleOf(code: string): ConnectionTrouble | undefined {
  return TROUBLES.find(([known]) => known.test(code))?.[1]
}

/** Whether it is about TLS, which does not come right by itself. */
export function isOfTls(code: string): boolean {
  return TLS.test(code)
}
