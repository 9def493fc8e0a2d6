import { canonicalJson, frozenJson } from '../authorization-details.ts'
import { assertionSigners, SIGNING_OPTIONS, type SigningOptions } from '../client-authentication/assertion-signer.ts'
import type { TokenRequestDraft } from '../client-authentication/client-authentication.ts'
import { askSupplier } from '../client-authentication/supplier.ts'
import { optionError, TokenError } from '../errors.ts'
import { encodeSegment, newTokenId } from '../jws.ts'
import { duration, flag, ownOptions, text } from '../option-values.ts'
import type { TokenParameters } from '../token-key.ts'
import { type Grant, type GrantTraits, grant } from './grant.ts'
import { subjectTokenMissing } from './subject-token.ts'

/** What an assertion that is signed here says. */
export interface JwtBearerClaims {
  /** Who vouches: `iss`. Default: the client's id. */
  readonly issuer?: string | undefined
  /** For whom the token is: `sub`. Default: the `issuer`; `null` sends none, as Google wants it of a service account. */
  readonly subject?: string | null | undefined
  /** Who is to accept it: `aud`. Default: the authorization server's issuer; where only `tokenEndpoint` is configured, that. */
  readonly audience?: string | undefined
  /** More claims: plain data. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** Sends the scopes as a claim, in place of the parameter of the request, as Google wants it. Default `false`. */
  readonly scopeInClaims?: boolean | undefined
  /** How long the assertion is valid, in milliseconds, from 1 second to 1 hour. Default 60 seconds. */
  readonly lifetimeMs?: number | undefined
}

/** Where the assertion comes from: signed here, from a function, or, with neither, the `subjectToken` of each call. */
export interface JwtBearerOptions extends SigningOptions, JwtBearerClaims {
  /** Gives an assertion that is made elsewhere; asked for every token request. */
  readonly assertion?: (() => string | Promise<string>) | undefined
}

const CLAIM_OPTIONS = ['issuer', 'subject', 'audience', 'claims', 'scopeInClaims', 'lifetimeMs'] as const
const OWN_CLAIMS: ReadonlyMap<string, string> = new Map([
  ['iss', 'Use the option `issuer`.'],
  ['sub', 'Use the option `subject`.'],
  ['aud', 'Use the option `audience`.'],
  ['exp', 'Use the option `lifetimeMs`.'],
  ['iat', 'It is when the request is made.'],
  ['jti', 'Every request has one of its own.'],
  ['scope', 'Use the option `scopeInClaims`.'],
])

/**
 * The client presents an assertion, a JWT that the server trusts whoever issued it for.
 *
 * - With `key`, or `sign` and `algorithm`, the client issues it itself, anew for every attempt: a service account.
 * - With `assertion` a function gives it.
 * - With neither it is the `subjectToken` of each call: on behalf of a user, as Microsoft Entra has it.
 * @throws TypeError naming the option
 * @see RFC 7523 §2.1, RFC 7521 §4.1
 */
export function jwtBearer(options: JwtBearerOptions = {}): Grant {
  const names = [...SIGNING_OPTIONS, ...CLAIM_OPTIONS, 'assertion']
  const { assertion, ...own } = ownOptions<JwtBearerOptions>(options, '', names)
  const given = [...SIGNING_OPTIONS, ...CLAIM_OPTIONS].filter((name) => own[name] !== undefined)
  // An option that is there and undefined is a variable that is not set, and not a wish for the users' tokens.
  const unset = (['key', 'sign', 'assertion'] as const).find((name) => Object.hasOwn(options, name) && !options[name])
  if (assertion === undefined && given.length === 0) {
    if (unset !== undefined) throw optionError(unset, 'is undefined', 'Is the environment variable set?')
    return jwtBearerGrant(ofSubject, { takesSubjectToken: true })
  }
  if (assertion === undefined) return signedJwtBearer(own)
  if (typeof assertion !== 'function') throw optionError('assertion', 'must be a function', 'Assertions soon expire.')
  if (given[0] !== undefined) throw optionError(given[0], 'has no effect beside `assertion`', 'Give one of the two.')
  return jwtBearerGrant(async ({ client }) => await readAssertion(assertion, client))
}

function jwtBearerGrant(
  assertionOf: (draft: TokenRequestDraft, parameters: TokenParameters) => string | Promise<string>,
  traits?: GrantTraits,
): Grant {
  return grant(
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    async (draft, parameters) => {
      const assertion = await assertionOf(draft, parameters)
      draft.hide(assertion)
      draft.body.set('assertion', assertion)
    },
    traits,
  )
}

function ofSubject({ client }: TokenRequestDraft, { subject }: TokenParameters): string {
  if (subject === undefined) throw subjectTokenMissing(client)
  return subject.reveal()
}

function signedJwtBearer(options: JwtBearerOptions): Grant {
  const { issuer, subject, audience } = options
  const signers = assertionSigners(options, 'JWT')
  for (const name of ['issuer', 'subject', 'audience'] as const) {
    if (options[name] !== undefined && !(name === 'subject' && subject === null)) text(options[name], name)
  }
  // The times in it are whole seconds.
  const lifetimeMs = duration(options.lifetimeMs, 'lifetimeMs', 60_000, { leastMs: 1000, mostMs: 60 * 60_000 })
  const scopeInClaims = flag(options.scopeInClaims, 'scopeInClaims')
  const claims = readClaims(options.claims)
  const assertionOf = async (draft: TokenRequestDraft, { scope }: TokenParameters): Promise<string> => {
    const { client, clientId, tokenEndpoint, body } = draft
    const { header, sign, expiry } = await signers.of(client)
    draft.credentialExpiry = expiry
    const issuedAt = Math.floor(draft.now / 1000)
    if (scopeInClaims) body.delete('scope')
    const payload = encodeSegment({
      ...claims,
      iss: issuer ?? clientId,
      ...(subject !== null && { sub: subject ?? issuer ?? clientId }),
      aud: audience ?? draft.issuer ?? tokenEndpoint,
      ...(scopeInClaims && scope.length > 0 && { scope: scope.join(' ') }),
      jti: newTokenId(),
      iat: issuedAt,
      exp: issuedAt + Math.floor(lifetimeMs / 1000),
    })
    const input = `${header}.${payload}`
    return `${input}.${await sign(input, client)}`
  }
  const keyPart = JSON.stringify({ issuer, subject, audience, claims })
  const { algorithm, secretDigest } = signers
  return jwtBearerGrant(assertionOf, { keyPart, secretDigest, assertion: { algorithm } })
}

function readClaims(given: unknown): Readonly<Record<string, unknown>> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw optionError('claims', 'must be an object')
  }
  const claims = frozenJson<Readonly<Record<string, unknown>>>(canonicalJson(given, 'claims'))
  const own = Object.keys(claims).find((name) => OWN_CLAIMS.has(name))
  if (own !== undefined) throw optionError(`claims.${own}`, 'is set by evertoken', OWN_CLAIMS.get(own))
  return claims
}

async function readAssertion(supplier: () => string | Promise<string>, client: string): Promise<string> {
  const what = 'The function given as `assertion`'
  const assertion: unknown = await askSupplier(what, client, supplier)
  if (typeof assertion === 'string' && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(assertion)) return assertion
  throw new TokenError({
    code: 'secret_unavailable',
    client,
    message: `${what} returned no JWT for client "${client}".`,
    hint: 'A JWT has three parts with dots between them.',
  })
}
