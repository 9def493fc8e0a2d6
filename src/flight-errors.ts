import { TokenError } from './errors.ts'

/** The error of a request for a client that was removed. */
export function removedError(client: string): TokenError {
  return new TokenError({
    code: 'unknown_client',
    client,
    message: `The client "${client}" was removed.`,
    hint: 'Ask the manager for a new source.',
  })
}

const OURS = 'evertoken: '

// A wrong option that could not be seen before holds no secret, and says what is wrong.
function isOurs(cause: unknown): cause is TypeError {
  return cause instanceof TypeError && cause.message.startsWith(OURS)
}

/** The error of a request that failed in a way it must not. */
export function unexpectedError(client: string, cause: unknown): TokenError {
  return new TokenError({
    code: 'unexpected',
    client,
    message: `The token request for client "${client}" failed${isOurs(cause) ? '' : ': look at `cause`'}.`,
    hint: isOurs(cause)
      ? `The ${cause.message.slice(OURS.length).replace(/\.$/, '')}.`
      : 'A `transport`, `clock` or other function that evertoken was given may be at fault.',
    cause,
  })
}
