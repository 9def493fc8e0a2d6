import { optionError, TokenError } from '../errors.ts'
import { redactText } from '../redaction.ts'
import {
  type ClientAuthentication,
  type ClientSecret,
  clientAuthentication,
  type TokenRequestDraft,
} from './client-authentication.ts'
import { canSignBySecret, clientSecretJwtOf } from './client-secret-jwt.ts'
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
export function clientSecretBasic(secret: ClientSecret, encoding?: BasicEncoding): ClientAuthentication {
  return clientSecretBy('client_secret_basic', secret, encoding)
}

/**
 * Sends id and secret as form parameters.
 * @param secret the client secret, or a function that gives it
 * @throws TypeError if the secret is empty or has line breaks
 * @see RFC 6749 §2.3.1
 */
export function clientSecretPost(secret: ClientSecret): ClientAuthentication {
  return clientSecretBy('client_secret_post', secret)
}

/** A method that takes nothing but a secret. */
export type ClientSecretMethod = 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt'

/** All {@link ClientSecretMethod}s, in the order in which they are chosen. */
export const CLIENT_SECRET_METHODS: readonly ClientSecretMethod[] = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
]

/**
 * Uses the secret by this method, or by the first of {@link CLIENT_SECRET_METHODS} that the server's metadata lists.
 * Without metadata, or if it does not say, by Basic, which every server must support. Never by trial: a failed guess is
 * a failed login.
 * @param at the options' place, for messages: `''` or `clients.orders.`
 * @throws TypeError naming the option
 * @see RFC 8414 §2
 */
export function clientSecretBy(
  method: ClientSecretMethod | undefined,
  secret: ClientSecret,
  encoding: BasicEncoding = 'form',
  at = '',
): ClientAuthentication {
  if (encoding !== 'form' && encoding !== 'raw') throw optionError(`${at}basicEncoding`, "must be 'form' or 'raw'")
  const option = `${at}clientSecret`
  if (method === 'client_secret_jwt') return clientSecretJwtOf(secret, {}, option)
  const reader = new SecretReader(secret, option)
  const byJwt = canSignBySecret(secret) ? clientSecretJwtOf(secret, {}, option) : undefined
  const usable = CLIENT_SECRET_METHODS.filter((each) => each !== 'client_secret_jwt' || byJwt !== undefined)
  const authenticate = async (draft: TokenRequestDraft) => {
    const chosen = method ?? listedMethod(usable, draft)
    if (chosen === 'client_secret_jwt') return byJwt?.(draft)
    const send = chosen === 'client_secret_basic' ? basic : post
    send(draft, await reader.read(draft), encoding)
  }
  return clientAuthentication(method, authenticate, reader.about)
}

function listedMethod(usable: readonly ClientSecretMethod[], draft: TokenRequestDraft): ClientSecretMethod {
  const { client, supportedMethods = ['client_secret_basic'] } = draft
  const method = usable.find((each) => supportedMethods.includes(each))
  if (method !== undefined) return method
  const listed = redactText(supportedMethods.join(', '), [], 200) || 'no method'
  throw new TokenError({
    code: 'unsupported_client_authentication',
    client,
    message: `The authorization server does not accept a secret from client "${client}": its metadata lists ${listed}.`,
    hint: 'Set `clientAuthentication` to the method that this client is registered for.',
  })
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
