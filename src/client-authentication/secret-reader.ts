import { digest } from '../digest.ts'
import { optionError, TokenError } from '../errors.ts'
import type { ClientSecret, TokenRequestDraft } from './client-authentication.ts'

/** Reads a client secret for each request, and keeps it out of what is shown. */
export class SecretReader {
  readonly #secret: ClientSecret
  /** A digest of the secret as it is now; `undefined` for a fixed one, which cannot change. */
  readonly current: ((client: string) => Promise<string>) | undefined

  /** @throws TypeError if the secret is missing, empty or has line breaks */
  constructor(secret: ClientSecret, option: string) {
    this.#secret = secret
    if (typeof secret === 'function') {
      this.current = async (client) => digest(await askSupplier(secret, client))
      return
    }
    const problem = problemWith(secret)
    if (problem !== undefined) throw optionError(option, problem.text, problem.hint)
  }

  /** @throws TokenError `secret_unavailable` when the function that supplies the secret fails */
  async read(draft: TokenRequestDraft): Promise<string> {
    const secret = this.#secret
    const value = typeof secret === 'function' ? await askSupplier(secret, draft.client) : secret
    draft.hide(value)
    draft.credential = digest(value)
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
  return undefined
}
