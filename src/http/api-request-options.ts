import { optionError } from '../errors.ts'
import { ownOptions } from '../option-values.ts'
import type { TokenSelection } from '../token-manager.ts'
import { TOKEN_PARAMETER_NAMES, type TokenParameterOptions } from '../token-parameters.ts'
import type { ReplayMode } from './replay.ts'

/** How requests to an API get their tokens: which token by default, where it may go, and what if it is rejected. */
export interface ApiRequestOptions<Name extends string, Answer> extends TokenParameterOptions {
  /** The client whose tokens requests carry unless they say otherwise. Needed when the manager has several. */
  readonly client?: Name | undefined
  /**
   * The origins that may receive the token, such as `https://api.example.com`, or `https://*.example.com` for one label.
   * Default for axios: the origin of the instance's `baseURL`.
   */
  readonly origins?: readonly string[] | undefined
  /** What becomes of a request to any other origin: it fails, or goes out without the token. Default `refuse`. */
  readonly onOtherOrigin?: 'refuse' | 'omit' | undefined
  /**
   * Which requests are sent once more when the API rejects their token. Default `all`: an API that answers 401 has
   * not done what was asked. @see RFC 9110 §15.5.2
   */
  readonly replay?: ReplayMode | undefined
  /**
   * Recognises answers that reject the token in another way than by a 401 with `invalid_token` or without a challenge.
   * Called for every other answer that came from a server that got the token.
   */
  readonly isTokenRejected?: ((response: Answer) => boolean) | undefined
}

/** {@link ApiRequestOptions}, checked and with the defaults filled in. */
export interface ApiRequestSettings<Answer> {
  /** Which token a request carries that does not say. */
  readonly byDefault: TokenSelection
  readonly origins: readonly string[] | undefined
  readonly onOtherOrigin: 'refuse' | 'omit'
  readonly replay: ReplayMode
  readonly isTokenRejected: ((response: Answer) => boolean) | undefined
}

/** The names of {@link ApiRequestOptions}. */
export const API_REQUEST_OPTION_NAMES: readonly string[] = [
  ...TOKEN_PARAMETER_NAMES,
  ...['client', 'origins', 'onOtherOrigin', 'replay', 'isTokenRejected'],
]

/** Reads the options, each once. @throws TypeError naming the option */
export function readApiRequestOptions<Answer>(given: ApiRequestOptions<string, Answer>): ApiRequestSettings<Answer> {
  const options = ownOptions<ApiRequestOptions<string, Answer>>(given, '', API_REQUEST_OPTION_NAMES)
  const { origins, onOtherOrigin = 'refuse', replay = 'all', isTokenRejected, ...byDefault } = options
  if (!['refuse', 'omit'].includes(onOtherOrigin)) throw optionError('onOtherOrigin', "must be 'refuse' or 'omit'")
  if (!['all', 'idempotent', 'none'].includes(replay)) {
    throw optionError('replay', "must be 'all', 'idempotent' or 'none'")
  }
  if (isTokenRejected !== undefined && typeof isTokenRejected !== 'function') {
    throw optionError('isTokenRejected', 'must be a function of the response')
  }
  return { byDefault, origins, onOtherOrigin, replay, isTokenRejected }
}
