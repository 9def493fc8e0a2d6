import { TokenError } from '../errors.ts'
import {
  type ClientAuthentication,
  type ClientSecret,
  clientAuthentication,
  type TokenRequestDraft,
} from './client-authentication.ts'
import { SecretReader } from './secret-reader.ts'

/**
 * How id and secret are written before Base64: `form` as RFC 6749 demands, `raw` for servers that do not decode.
 * The two differ only for characters other than letters, digits and `-._*`.
 */
export type BasicEncoding = 'form' | 'raw'

/**
 * Sends id and secret in the `Authorization` header.
 * @param secret the client secret, or a function that gives it
 * @param encoding default `form`
 * @throws TypeError if the secret is empty or has line breaks
 * @see RFC 6749 §2.3.1
 */
export function clientSecretBasic(secret: ClientSecret, encoding: BasicEncoding = 'form'): ClientAuthentication {
  const reader = new SecretReader(secret)
  return clientAuthentication('client_secret_basic', async (draft) => basic(draft, await reader.read(draft), encoding), reader.current)
}

/**
 * Sends id and secret as form parameters.
 * @param secret the client secret, or a function that gives it
 * @throws TypeError if the secret is empty or has line breaks
 * @see RFC 6749 §2.3.1
 */
export function clientSecretPost(secret: ClientSecret): ClientAuthentication {
  const reader = new SecretReader(secret)
  return clientAuthentication('client_secret_post', async (draft) => post(draft, await reader.read(draft)), reader.current)
}

/**
 * Sends the secret the way the server's metadata names first of the two above; without metadata, or if it does not
 * say, by Basic, which every server must support. Never by trial: a failed guess is a failed login.
 * @see RFC 8414 §2
 */
export function clientSecretByMetadata(secret: ClientSecret, encoding: BasicEncoding): ClientAuthentication {
  const reader = new SecretReader(secret)
  const authenticate = async (draft: TokenRequestDraft) => {
    const methods = draft.supportedMethods ?? ['client_secret_basic']
    if (methods.includes('client_secret_basic')) return basic(draft, await reader.read(draft), encoding)
    if (methods.includes('client_secret_post')) return post(draft, await reader.read(draft))
    throw new TokenError({
      code: 'unsupported_client_authentication',
      client: draft.client,
      message: `The authorization server does not accept a client secret: its metadata lists ${methods.join(', ') || 'no method'}.`,
      hint: 'Set `clientAuthentication` to the method that this client is registered for.',
    })
  }
  return clientAuthentication(undefined, authenticate, reader.current)
}

function basic(draft: TokenRequestDraft, secret: string, encoding: BasicEncoding): void {
  const encode = encoding === 'form' ? formEncoded : (text: string) => text
  const credentials = Buffer.from(`${encode(draft.clientId)}:${encode(secret)}`).toString('base64')
  draft.hide(credentials)
  draft.headers.authorization = `Basic ${credentials}`
}

function post(draft: TokenRequestDraft, secret: string): void {
  draft.body.set('client_id', draft.clientId)
  draft.body.set('client_secret', secret)
}

// The serialiser leaves -._* bare, which servers that do not decode need, and RFC 6749 appendix B allows.
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
