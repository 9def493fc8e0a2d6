import { digest } from '../digest.ts'
import { optionError, TokenError } from '../errors.ts'
import type { ClientAuthentication, ClientSecret, TokenRequestDraft } from './client-authentication.ts'
import { askSupplier } from './supplier.ts'

/** Reads a client secret for each request, and keeps it out of what is shown. */
export class SecretReader {
  readonly #secret: ClientSecret
  readonly #leastBytes: number
  /** Digests of the secret as it is now. A fixed one cannot change, and has no `currentCredential`. */
  readonly about: Pick<ClientAuthentication, 'currentCredential' | 'secretDigest'>

  /**
   * @param leastBytes how long the secret must be for what is done with it
   * @throws TypeError if the secret is missing, empty, too short or has line breaks
   */
  constructor(secret: ClientSecret, option: string, leastBytes = 1) {
    this.#secret = secret
    this.#leastBytes = leastBytes
    if (typeof secret === 'function') {
      const current = async (client: string) => digest(await this.#ask(secret, client))
      this.about = { currentCredential: current, secretDigest: current }
      return
    }
    const problem = problemWith(secret, leastBytes)
    if (problem !== undefined) throw optionError(option, problem.text, problem.hint)
    this.about = { secretDigest: () => digest(secret) }
  }

  /** @throws TokenError `secret_unavailable` when the function that supplies the secret fails */
  async read(draft: TokenRequestDraft): Promise<string> {
    const secret = this.#secret
    const value = typeof secret === 'function' ? await this.#ask(secret, draft.client) : secret
    draft.hide(value)
    draft.credential = digest(value)
    draft.credentialDoubt = doubtAbout(value)
    return value
  }

  async #ask(supplier: () => string | Promise<string>, client: string): Promise<string> {
    const value: unknown = await askSupplier('The function given as `clientSecret`', client, supplier)
    const problem = problemWith(value, this.#leastBytes)
    if (problem === undefined) return value as string
    throw new TokenError({
      code: 'secret_unavailable',
      client,
      message: `The secret that the function given as \`clientSecret\` returned for client "${client}" ${problem.text}.`,
      hint: problem.hint,
    })
  }
}

function problemWith(secret: unknown, leastBytes: number): { text: string; hint: string } | undefined {
  if (typeof secret !== 'string') {
    return {
      text: `is ${secret === null ? 'null' : typeof secret}, not a string`,
      hint:
        typeof secret === 'object' && secret !== null
          ? 'Await it, decode it, or give a function that does.'
          : 'Is the environment variable set?',
    }
  }
  if (secret === 'undefined' || secret === 'null') {
    return { text: `is the text "${secret}"`, hint: 'Was an unset variable put into a template?' }
  }
  if (secret === '') return { text: 'is empty', hint: 'Is the environment variable set?' }
  if (isPlaceholder(secret)) {
    return { text: 'is a placeholder that nothing was put into', hint: 'Was the template or the .env file filled in?' }
  }
  if (/^\s*\{\s*"[\s\S]*\}\s*$/.test(secret)) {
    return { text: 'is a JSON document', hint: 'Secret stores give one: take the secret out of it.' }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(secret)) {
    return {
      text: 'has a line break or another control character',
      hint: 'Secrets read from files often end in a newline: trim it.',
    }
  }
  if (Buffer.byteLength(secret) >= leastBytes) return undefined
  return {
    text: `is shorter than the ${leastBytes} bytes that HS256 needs`,
    hint: 'Whoever sees one assertion could guess it. Have a longer one made, or use `client_secret_basic`.',
  }
}

// What is issued as a secret never looks like this, but what a template leaves behind does.
function isPlaceholder(secret: string): boolean {
  return /^(?:\$\{[^{}]*\}|\$\([^()]*\)|\{\{[^{}]*\}\}|<[\w .-]+>|%\w+%|your[-_]client[-_]secret)$/i.test(secret)
}

/** What looks like a mistake but may be none: told only when the server refuses the secret. */
function doubtAbout(secret: string): string | undefined {
  if (/^(["'`]).*\1$/.test(secret))
    return 'The secret begins and ends with a quotation mark: take it off, if it is that of a .env or YAML file.'
  if (secret.trim() !== secret) return 'The secret begins or ends with a space: was it copied along?'
  if (/^(?:basic|bearer) /i.test(secret)) return 'The secret begins with the name of a scheme: give the secret alone.'
  if (/%[\da-f]{2}/i.test(secret))
    return 'The secret has parts such as `%2B`: is it still URL-encoded? Give it as it was issued; evertoken encodes it.'
  if (/[^ -~]/.test(secret))
    return 'The secret has characters outside ASCII: was it copied from a document that changed them?'
  return undefined
}
