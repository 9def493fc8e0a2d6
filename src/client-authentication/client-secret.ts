import { TokenError, optionError } from '../errors.ts'
import { spellings } from '../redaction.ts'
import {
  type ClientAuthentication,
  type ClientSecret,
  clientAuthentication,
  type TokenRequestDraft,
} from './client-authentication.ts'

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
  const read = secretReader(secret)
  return clientAuthentication('client_secret_basic', async (draft) => basic(draft, await read(draft), encoding))
}

/**
 * Sends id and secret as form parameters.
 * @param secret the client secret, or a function that gives it
 * @throws TypeError if the secret is empty or has line breaks
 * @see RFC 6749 §2.3.1
 */
export function clientSecretPost(secret: ClientSecret): ClientAuthentication {
  const read = secretReader(secret)
  return clientAuthentication('client_secret_post', async (draft) => post(draft, await read(draft)))
}

/**
 * Sends the secret the way the server's metadata names first of the two above; without metadata, or if it does not
 * say, by Basic, which every server must support. Never by trial: a failed guess is a failed login.
 * @see RFC 8414 §2
 */
export function clientSecretByMetadata(secret: ClientSecret, encoding: BasicEncoding): ClientAuthentication {
  const read = secretReader(secret)
  return clientAuthentication(undefined, async (draft) => {
    const methods = draft.supportedMethods ?? ['client_secret_basic']
    if (methods.includes('client_secret_basic')) return basic(draft, await read(draft), encoding)
    if (methods.includes('client_secret_post')) return post(draft, await read(draft))
    throw new TokenError({
      code: 'unsupported_client_authentication',
      client: draft.client,
      message: `The authorization server does not accept a client secret: its metadata lists ${methods.join(', ') || 'no method'}.`,
      hint: 'Set `clientAuthentication` to the method that this client is registered for.',
    })
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

function secretReader(secret: ClientSecret): (draft: TokenRequestDraft) => Promise<string> {
  if (typeof secret !== 'function') {
    const problem = problemWith(secret)
    if (problem !== undefined) throw optionError('clientSecret', problem.text, problem.hint)
  }
  return async (draft) => {
    const value = typeof secret === 'function' ? await askSupplier(secret, draft.client) : secret
    for (const spelling of spellings(value)) draft.hide(spelling)
    return value
  }
}

async function askSupplier(supplier: () => string | Promise<string>, client: string): Promise<string> {
  let value: unknown
  try {
    value = await supplier()
  } catch (cause) {
    throw new TokenError({
      code: 'secret_unavailable',
      client,
      message: `The function given as \`clientSecret\` failed for client "${client}".`,
      hint: 'Look at `cause`; the secret store may be unreachable.',
      retryable: true,
      cause,
    })
  }
  const problem = problemWith(value)
  if (problem === undefined) return value as string
  throw new TokenError({
    code: 'secret_unavailable',
    client,
    message: `The secret that the function given as \`clientSecret\` returned for client "${client}" ${problem.text}.`,
    hint: problem.hint,
  })
}

function problemWith(secret: unknown): { text: string; hint: string } | undefined {
  if (typeof secret !== 'string') {
    return { text: `is ${secret === null ? 'null' : typeof secret}, not a string`, hint: 'Is the environment variable set?' }
  }
  if (secret === '') return { text: 'is empty', hint: 'Is the environment variable set?' }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(secret)) {
    return { text: 'has a line break or another control character', hint: 'Secrets read from files often end in a newline: trim it.' }
  }
  return undefined
}
