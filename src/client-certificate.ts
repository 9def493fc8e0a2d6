import { readFile } from 'node:fs/promises'
import type { Agent, AgentOptions } from 'node:https'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import { inspect } from 'node:util'
import type { TokenBinding } from './access-token.ts'
import { CertificateAgent } from './certificate-agent.ts'
import { CertificateAndKey, type CertificatePair, PairProblem } from './certificate-and-key.ts'
import { optionError, TokenError } from './errors.ts'
import { ownOptions } from './option-values.ts'

/** Where the files of a client certificate are. */
export interface CertificateFiles {
  /** Path of the certificate, PEM; after it, those of intermediate authorities. */
  readonly cert: string | URL
  /** Path of its private key, PEM. */
  readonly key: string | URL
  /** What an encrypted key is encrypted with. */
  readonly passphrase?: string | undefined
}

/** Who reads the certificate, for messages, and when. @internal */
export interface CertificateReading {
  readonly client: string
  /** Epoch milliseconds; default: whether it has expired is not looked at. */
  readonly now?: number | undefined
  /** Told why the certificate could not be read again, when the last good one stays in use. */
  readonly onKept?: ((error: TokenError) => void) | undefined
}

/** A certificate as it was when it was read. Tokens are bound to one of these. */
export class ReadCertificate extends CertificateAndKey implements TokenBinding {
  readonly #order: number
  readonly #inUse: { readonly order: number }

  constructor(pair: CertificatePair, order: number, inUse: { readonly order: number }) {
    super(pair)
    this.#order = order
    this.#inUse = inUse
  }

  /** Whether a token has been received since with a certificate that was read later. */
  get isReplaced(): boolean {
    return this.#order < this.#inUse.order
  }

  /** @internal */
  static orderOf(certificate: ReadCertificate): number {
    return certificate.#order
  }
}

/**
 * What a client shows on TLS connections: a certificate and its key, read again for every token request.
 *
 * A new certificate comes into use with the first token that is received with it; from then on tokens bound to earlier
 * ones are not used any more, and {@link ClientCertificate.httpsAgent} shows the new one. A certificate that cannot be
 * read, or whose key is another's, leaves the last good one in use until that expires.
 *
 * Several clients may share one; it then changes for all of them at once. Printed or serialised it shows subject,
 * thumbprint and expiry.
 * @see RFC 8705
 */
export class ClientCertificate {
  readonly #supply: () => CertificatePair | Promise<CertificatePair>
  readonly #inUse: { order: number; certificate: ReadCertificate | undefined } = { order: 0, certificate: undefined }
  #latest: ReadCertificate | undefined
  #begun = 0
  #taken = 0

  /** @internal */
  constructor(supply: () => CertificatePair | Promise<CertificatePair>) {
    this.#supply = supply
  }

  /** @internal The certificate to show now. @throws TokenError `secret_unavailable` when there is none to show */
  async read({ client, now = Number.NEGATIVE_INFINITY, onKept }: CertificateReading): Promise<ReadCertificate> {
    this.#begun += 1
    const turn = this.#begun
    try {
      return this.#take(await this.#supply(), turn, now)
    } catch (thrown) {
      const error = unavailable(thrown, client)
      const last = [this.#inUse.certificate, this.#latest].find((one) => one !== undefined && one.expiresAt > now)
      if (last === undefined) throw error
      onKept?.(error)
      return last
    }
  }

  /** @internal Reads now what is known already. @throws PairProblem */
  readFixed(pair: CertificatePair): void {
    this.#take(pair, 0, Number.NEGATIVE_INFINITY)
  }

  /** @internal A token bound to this certificate was received. @returns whether it takes the place of another one */
  use(certificate: ReadCertificate): boolean {
    if (certificate.isReplaced || this.#inUse.certificate === certificate) return false
    const isFirst = this.#inUse.certificate === undefined
    this.#inUse.order = ReadCertificate.orderOf(certificate)
    this.#inUse.certificate = certificate
    return !isFirst
  }

  /** @internal What tokens are bound to, or else what was read last, if anything. */
  shown(): ReadCertificate | undefined {
    return this.#inUse.certificate ?? this.#latest
  }

  /**
   * An agent for requests to the API, `axios.create({ httpsAgent })`: its connections show the certificate that the
   * tokens in use are bound to. After a change, connections that show the earlier one finish what they are doing and
   * are not used again.
   * @param options of a `node:https` agent, such as `ca`, but neither `cert` nor `key`. Default: `keepAlive`
   * @throws TypeError for `cert`, `key`, `pfx`, `passphrase` or `secureContext` in the options
   */
  httpsAgent(options: AgentOptions = {}): Agent {
    return new CertificateAgent(this, options)
  }

  /**
   * For other makers of TLS connections, such as undici's `new Agent({ connect: { secureContext } })`: the certificate
   * that the tokens in use are bound to. Does not change; the event `certificateChanged` says when to make another.
   * @param options such as `ca`
   * @throws TokenError `secret_unavailable` when the certificate has not been read yet
   */
  secureContext(options: SecureContextOptions = {}): SecureContext {
    const certificate = this.shown()
    if (certificate !== undefined) return certificate.secureContext(options)
    throw new TokenError({
      code: 'secret_unavailable',
      message: 'The client certificate has not been read yet.',
      hint: 'It is read for the first token request: `await tokens.ready()`.',
    })
  }

  /** Subject, thumbprint and expiry of the certificate in use. */
  toJSON(): Record<string, unknown> {
    return this.shown()?.toJSON() ?? {}
  }

  /** @internal */
  [inspect.custom](): string {
    return `ClientCertificate ${inspect(this.toJSON())}`
  }

  #take(pair: CertificatePair, turn: number, now: number): ReadCertificate {
    // A slow reading must not bring back what a later one has found replaced.
    if (turn < this.#taken && this.#latest !== undefined) return this.#latest
    this.#taken = turn
    const known = [this.#inUse.certificate, this.#latest].find((one) => one?.isReplaced === false && one.isOf(pair))
    const read = known ?? new ReadCertificate(pair, turn, this.#inUse)
    if (read.expiresAt <= now) throw expired(read)
    this.#latest = read
    return read
  }
}

/**
 * A client certificate and its key, for the option `certificate`.
 * @param source the two as PEM, or a function that gives them and is called for every token request
 * @throws TypeError naming the part of a given pair that cannot be used
 * @see RFC 8705
 */
export function clientCertificate(
  source: CertificatePair | (() => CertificatePair | Promise<CertificatePair>),
): ClientCertificate {
  if (typeof source === 'function') return new ClientCertificate(source)
  const certificate = new ClientCertificate(() => source)
  try {
    certificate.readFixed(source)
  } catch (error) {
    if (error instanceof PairProblem) throw optionError(error.part, error.message, error.hint)
    throw error
  }
  return certificate
}

/**
 * A client certificate and its key in files, which are read for every token request: what replaces them, such as
 * cert-manager in Kubernetes, is seen by the next one.
 * @throws TypeError naming the path that is missing
 * @see RFC 8705
 */
export function clientCertificateFromFiles(files: CertificateFiles): ClientCertificate {
  const { cert, key, passphrase } = ownOptions<CertificateFiles>(files, '')
  for (const [option, path] of Object.entries({ cert, key })) {
    if (path instanceof URL || (typeof path === 'string' && path !== '' && !path.includes('-----BEGIN'))) continue
    throw optionError(option, 'must be the path of a file', 'For PEM text use `clientCertificate`.')
  }
  return new ClientCertificate(async () => {
    const [certText, keyText] = await Promise.all([readFile(cert, 'utf8'), readFile(key, 'utf8')])
    return { cert: certText, key: keyText, passphrase }
  })
}

function expired({ expiresAt }: CertificateAndKey): PairProblem {
  const hint = 'Renew it, and see why that did not happen; or is the clock of this machine wrong?'
  return new PairProblem('cert', `expired at ${new Date(expiresAt).toISOString()}`, hint)
}

function unavailable(thrown: unknown, client: string): TokenError {
  if (thrown instanceof PairProblem) {
    const { part, message, hint, retryable } = thrown
    const what = `The client certificate of client "${client}" cannot be used: its \`${part}\` ${message}.`
    return new TokenError({ code: 'secret_unavailable', client, message: what, hint, retryable })
  }
  return new TokenError({
    code: 'secret_unavailable',
    client,
    message: `The client certificate of client "${client}" could not be read.`,
    hint: 'Look at `cause`: are the files there, and may this process read them?',
    retryable: true,
    cause: thrown,
  })
}
