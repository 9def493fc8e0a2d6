/**
 * One challenge of a `WWW-Authenticate` header: how the server wants to be addressed, and what was wrong.
 * @see RFC 9110 §11.3
 */
export interface Challenge {
  /** The authentication scheme in lower case, such as `bearer`. */
  readonly scheme: string
  /** The bare credentials-like value some schemes use instead of parameters, such as `Negotiate abc==`. */
  readonly token68?: string
  /** Parameter values by lower-case name; of a repeated parameter the first value. */
  readonly parameters: ReadonlyMap<string, string>
}

/** A `WWW-Authenticate` header as HTTP clients hand it out: one line, several, or none. */
export type ChallengeHeader = string | readonly string[] | null | undefined

// Node refuses header sections above 16 KiB by default; whatever is longer came from somewhere else.
const MAX_LENGTH = 16 * 1024

/**
 * Reads every challenge of a `WWW-Authenticate` header, in order.
 *
 * Lenient where deployed servers deviate: stray or missing commas, whitespace around `=`, unquoted values
 * with any characters, quotes that never close. A parameter belongs to the scheme before it, so that
 * `Bearer, error="invalid_token"` is one challenge. Never throws, looks at each character a bounded number
 * of times, and ignores what lies beyond 16 KiB in all.
 *
 * @see RFC 9110 §11.6.1
 */
export function parseChallenges(header: ChallengeHeader): Challenge[] {
  const challenges: Challenge[] = []
  let budget = MAX_LENGTH
  for (const line of Array.isArray(header) ? header : [header]) {
    if (typeof line !== 'string') continue
    const text = line.slice(0, budget)
    budget -= text.length
    challenges.push(...parseLine(text))
  }
  return challenges
}

/**
 * What a 401 says about the access token that was sent.
 *
 * - `rejected`: the token is not accepted, a new one may be: `invalid_token`, or no error at all.
 * - `insufficient`: a new token of the same kind would fare no better: `insufficient_scope`, `invalid_request`,
 *   or any other error of the Bearer or DPoP scheme.
 * - `nonce`: the token may be good; the DPoP proof has to carry the server's nonce (RFC 9449 §9).
 *
 * Errors under other schemes are not about an access token and don't count. When challenges disagree, `nonce` wins
 * over `rejected`, because it costs no token request, and `rejected` over `insufficient`.
 *
 * @see RFC 6750 §3.1
 */
export function tokenVerdict(header: ChallengeHeader): 'rejected' | 'insufficient' | 'nonce' {
  const errors = new Set<string>()
  for (const { scheme, parameters } of parseChallenges(header)) {
    const error = parameters.get('error')?.toLowerCase()
    if (!error || (scheme !== 'bearer' && scheme !== 'dpop')) continue
    if (scheme === 'dpop' && error === 'use_dpop_nonce') return 'nonce'
    errors.add(error)
  }
  return errors.size === 0 || errors.has('invalid_token') ? 'rejected' : 'insufficient'
}

interface OpenChallenge {
  readonly scheme: string
  token68?: string
  readonly parameters: Map<string, string>
}

function parseLine(text: string): Challenge[] {
  const challenges: OpenChallenge[] = []
  const scan = new Scanner(text)
  for (scan.skipSeparators(); !scan.atEnd; scan.skipSeparators()) {
    const word = scan.word()
    if (scan.skipEqualsSign()) {
      const value = scan.value()
      const name = word.toLowerCase()
      const open = challenges.at(-1)
      if (open !== undefined && name !== '' && !open.parameters.has(name)) open.parameters.set(name, value)
    } else if (word !== '') {
      const open: OpenChallenge = { scheme: word.toLowerCase(), parameters: new Map() }
      const token68 = scan.token68()
      if (token68 !== undefined) open.token68 = token68
      challenges.push(open)
    } else {
      scan.value()
    }
  }
  return challenges
}

const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const BACKSLASH = 0x5c

/** Reads forward over one header line; every method but {@link Scanner.token68} only ever advances. */
class Scanner {
  private readonly text: string
  private position = 0

  constructor(text: string) {
    this.text = text
  }

  get atEnd(): boolean {
    return this.position >= this.text.length
  }

  skipSeparators(): void {
    this.advanceWhile(isDelimiter)
  }

  /** A scheme or parameter name: everything up to whitespace, a comma, an equals sign or a quote. */
  word(): string {
    return this.advanceWhile((code) => !isDelimiter(code) && code !== EQUALS && code !== QUOTE)
  }

  /** Moves past `=` and the whitespace around it; otherwise stays. */
  skipEqualsSign(): boolean {
    const start = this.position
    this.skipSpace()
    if (this.code() !== EQUALS) {
      this.position = start
      return false
    }
    this.position += 1
    this.skipSpace()
    return true
  }

  /** A parameter value, quoted or not; an unclosed quote reaches to the end. */
  value(): string {
    if (this.code() !== QUOTE) return this.advanceWhile((code) => !isDelimiter(code))
    let value = ''
    this.position += 1
    while (!this.atEnd && this.code() !== QUOTE) {
      if (this.code() === BACKSLASH) this.position += 1
      value += this.text.charAt(this.position)
      this.position += 1
    }
    this.position += 1
    return value
  }

  /** A value that stands alone between a scheme and the next comma; otherwise stays. */
  token68(): string | undefined {
    const start = this.position
    this.skipSpace()
    const word = this.word()
    const padding = this.advanceWhile((code) => code === EQUALS)
    this.skipSpace()
    if (word !== '' && (this.atEnd || this.code() === COMMA)) return word + padding
    this.position = start
    return undefined
  }

  private code(): number {
    return this.text.charCodeAt(this.position)
  }

  private skipSpace(): void {
    this.advanceWhile((code) => code <= SPACE)
  }

  private advanceWhile(accepts: (code: number) => boolean): string {
    const start = this.position
    while (!this.atEnd && accepts(this.code())) this.position += 1
    return this.text.slice(start, this.position)
  }
}

function isDelimiter(code: number): boolean {
  return code <= SPACE || code === COMMA
}
