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
    return { text: `is the text "${secret}"`, hint: 'Was a variable that is not set put into a template?' }
  }
  if (secret === '') return { text: 'is empty', hint: 'Is the environment variable set?' }
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
