import { askSupplier } from '../client-authentication/supplier.ts'
import { digest } from '../digest.ts'
import { optionError, TokenError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import { type Grant, grant, TOKEN_EXCHANGE } from './grant.ts'
import { subjectTokenMissing } from './subject-token.ts'

/** What a token exchange says beside the user's token. */
export interface TokenExchangeOptions {
  /** What the `subjectToken` of the calls is. Default `urn:ietf:params:oauth:token-type:access_token`. @see RFC 8693 §3 */
  readonly subjectTokenType?: string | undefined
  /** What kind of token is wanted. Default: none is sent and the server decides. It must be usable as an access token. */
  readonly requestedTokenType?: string | undefined
  /**
   * A token of whoever acts for the user, most often this service's own; a function is asked for every request. Default:
   * none is sent. @see RFC 8693 §1.1
   */
  readonly actorToken?: string | (() => string | Promise<string>) | undefined
  /** What the `actorToken` is. Default `urn:ietf:params:oauth:token-type:access_token`. */
  readonly actorTokenType?: string | undefined
}

const OPTION_NAMES = ['subjectTokenType', 'requestedTokenType', 'actorToken', 'actorTokenType']
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/**
 * The client exchanges the token of a user, given with each call as `subjectToken`, for one with which it calls another
 * API on that user's behalf.
 * @throws TypeError naming the option
 * @see RFC 8693 §2.1
 */
export function tokenExchange(options: TokenExchangeOptions = {}): Grant {
  const own = ownOptions<TokenExchangeOptions>(options, '', OPTION_NAMES)
  const { actorToken } = own
  const subjectTokenType = tokenType(own.subjectTokenType, 'subjectTokenType') ?? ACCESS_TOKEN
  const requestedTokenType = tokenType(own.requestedTokenType, 'requestedTokenType')
  const actorTokenType = tokenType(own.actorTokenType, 'actorTokenType')
  if (actorToken === undefined && actorTokenType !== undefined) {
    throw optionError('actorTokenType', 'has no effect without `actorToken`')
  }
  if (actorToken !== undefined && typeof actorToken !== 'function' && !isToken(actorToken)) {
    throw optionError('actorToken', 'must be a non-empty string or a function that gives one', 'Is the variable set?')
  }
  const fixedActor = typeof actorToken === 'string' ? digest(actorToken) : undefined
  return grant(
    TOKEN_EXCHANGE,
    async ({ client, body, hide }, { subject }) => {
      if (subject === undefined) throw subjectTokenMissing(client)
      hide(subject.reveal())
      body.set('subject_token', subject.reveal())
      body.set('subject_token_type', subjectTokenType)
      if (requestedTokenType !== undefined) body.set('requested_token_type', requestedTokenType)
      if (actorToken === undefined) return
      const actor = await readActorToken(actorToken, client)
      hide(actor)
      body.set('actor_token', actor)
      body.set('actor_token_type', actorTokenType ?? ACCESS_TOKEN)
    },
    {
      takesSubjectToken: true,
      keyPart: JSON.stringify([subjectTokenType, requestedTokenType, fixedActor, actorTokenType]),
    },
  )
}

function tokenType(value: unknown, option: string): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^[!-~]+$/.test(value) && URL.canParse(value)) return value
  throw optionError(option, 'must be a URI', `Such as ${ACCESS_TOKEN}; RFC 8693 §3 lists them.`)
}

async function readActorToken(given: NonNullable<TokenExchangeOptions['actorToken']>, client: string): Promise<string> {
  if (typeof given === 'string') return given
  const what = 'The function given as `actorToken`'
  const token = await askSupplier(what, client, given)
  if (isToken(token)) return token
  throw new TokenError({
    code: 'secret_unavailable',
    client,
    message: `${what} for client "${client}" returned no token.`,
    hint: 'It must return a non-empty string, or a promise of one.',
  })
}

const isToken = (value: unknown): value is string => typeof value === 'string' && /^[!-~]+$/.test(value)
