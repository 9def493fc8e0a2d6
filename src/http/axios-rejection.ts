import type { AxiosError, AxiosInstance, AxiosResponse } from 'axios'
import type { AccessToken } from '../access-token.ts'
import type { TokenEventEmitter } from '../events.ts'
import type { TokenSource } from '../token-source.ts'
import { discard, type PreparedAxios } from './axios-dispatch.ts'
import { hideToken } from './axios-error.ts'
import { carryToken, PASSAGE, type Passage, type PassageConfig } from './axios-passage.ts'
import { waitForToken } from './axios-wait.ts'
import { tokenVerdict } from './challenge.ts'
import { canSendTwice, mayReplay, type ReplayMode } from './replay.ts'

/** How an attachment deals with answers that reject the token. */
export interface RejectionOptions {
  readonly replay: ReplayMode
  readonly isTokenRejected: ((response: AxiosResponse) => boolean) | undefined
  readonly prepared: PreparedAxios
  readonly events: TokenEventEmitter
}

interface Rejection {
  readonly passage: Passage
  readonly source: TokenSource
  readonly token: AccessToken
}

/**
 * Listens to the answers of an instance: reports rejected tokens, sends the request once more with another, and makes
 * errors safe to log. Returns the function that ends it.
 */
export function answerRejections(instance: AxiosInstance, options: RejectionOptions): () => void {
  const id = instance.interceptors.response.use(
    (answer) => replayIfRejected(answer, options),
    async (error: AxiosError | undefined) => {
      const answer = error?.response
      const settled = answer && (await replayIfRejected(answer, options))
      if (settled !== answer && settled !== undefined) return settled
      throw hideToken(error)
    },
  )
  return () => instance.interceptors.response.eject(id)
}

/** The answer to a second sending with another token, if it was the token and there is another; else this answer. */
function replayIfRejected(answer: AxiosResponse, options: RejectionOptions): AxiosResponse | Promise<AxiosResponse> {
  const rejection = report(answer, options)
  return rejection !== undefined && mayBeSentAgain(answer, rejection, options)
    ? replay(answer, rejection, options)
    : answer
}

function mayBeSentAgain(answer: AxiosResponse, { passage }: Rejection, options: RejectionOptions): boolean {
  const config = answer.config as PassageConfig
  // Not what was sent a second time already, and not what others have changed since it was approved.
  if (passage.decision() === 'replay' || !passage.stillHolds(config)) return false
  return mayReplay(options.replay, config.method) && canSendTwice(config.data)
}

async function replay(answer: AxiosResponse, rejection: Rejection, options: RejectionOptions): Promise<AxiosResponse> {
  const { passage, source, token } = rejection
  const config = answer.config as PassageConfig
  const another = await waitForToken(source, config).catch((error: { __CANCEL__?: boolean }) => {
    // No token is no reason to keep the API's answer from the caller; the next request will say why there is none.
    if (!error.__CANCEL__) return token
    discard(answer)
    throw error
  })
  if (another.reveal() === token.reveal()) return answer
  discard(answer)
  carryToken(config, 'replay', source, another, passage.origin())
  options.events.emit('requestReplayed', () => ({ client: source.client, origin: passage.origin() }))
  try {
    const second = await options.prepared.sendAgain(config)
    report(second, options)
    return second
  } catch (error) {
    report((error as AxiosError).response, options)
    throw hideToken(error)
  }
}

/** Tells the token's source if the answer says that the token is not accepted. */
function report(answer: AxiosResponse | undefined, options: RejectionOptions): Rejection | undefined {
  const passage = (answer?.config as PassageConfig | undefined)?.[PASSAGE]
  const source = passage?.source()
  const token = passage?.token()
  // Interceptors that ran before may have made anything of the answer: it need not have a config.
  if (answer === undefined || passage === undefined || source === undefined || token === undefined) return undefined
  if (!isRejected(answer, passage, options)) return undefined
  source.invalidate(token)
  return { passage, source, token }
}

function isRejected(answer: AxiosResponse, passage: Passage, { isTokenRejected }: RejectionOptions): boolean {
  if (answer.status !== 401 && isTokenRejected === undefined) return false
  if (!cameFromReceiver(answer, passage)) return false
  const verdict = answer.status === 401 ? tokenVerdict(answer.headers['www-authenticate']) : undefined
  if (verdict === 'rejected') return true
  // What an API says of the proof is not about the token, whatever `isTokenRejected` makes of it.
  if (verdict === 'nonce' && passage.hasProof()) return false
  try {
    return isTokenRejected?.(answer) === true
  } catch (error) {
    discard(answer)
    throw error
  }
}

// After a redirect the answer may come from a server that never saw the token. The fetch adapter does not let us know.
function cameFromReceiver(answer: AxiosResponse, passage: Passage): boolean {
  const request = answer.request as { getHeader?: (name: string) => unknown } | undefined
  if (typeof request?.getHeader !== 'function') return true
  return passage.headers().every(([name, value]) => request.getHeader?.(name) === value)
}
