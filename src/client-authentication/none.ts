import { type ClientAuthentication, clientAuthentication } from './client-authentication.ts'

/**
 * Sends the client's id and nothing that proves it: `none`, for public clients, or where something else, such as the
 * network or an assertion that is the grant, vouches for the client. Never chosen from metadata.
 * @see RFC 6749 §3.2.1, RFC 7591 §2
 */
export function none(): ClientAuthentication {
  return clientAuthentication('none', ({ body, clientId }) => {
    body.set('client_id', clientId)
  })
}
