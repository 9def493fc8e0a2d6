import { type ClientAuthentication, clientAuthentication } from './client-authentication.ts'

/**
 * Authenticates by the client certificate of the TLS connection, which an authority the server trusts has issued:
 * `tls_client_auth`. Takes the option `certificate`.
 * @see RFC 8705 §2.1
 */
export function tlsClientAuth(): ClientAuthentication {
  return byCertificate('tls_client_auth')
}

/**
 * Authenticates by the client certificate of the TLS connection, which is known to the server itself:
 * `self_signed_tls_client_auth`. Takes the option `certificate`.
 * @see RFC 8705 §2.2
 */
export function selfSignedTlsClientAuth(): ClientAuthentication {
  return byCertificate('self_signed_tls_client_auth')
}

/** Whether a method of this name does nothing without a client certificate. */
export function needsCertificate(method: string | undefined): boolean {
  return method === 'tls_client_auth' || method === 'self_signed_tls_client_auth'
}

function byCertificate(method: string): ClientAuthentication {
  return clientAuthentication(method, ({ body, clientId }) => {
    body.set('client_id', clientId)
  })
}
