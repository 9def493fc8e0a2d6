import type { AxiosError } from 'axios'
import { type HeaderRecord, removeAuthorization } from './authorization-header.ts'
import { PASSAGE, type PassageConfig } from './axios-passage.ts'

/**
 * Makes an API's error safe to log: the header that we wrote is taken off its config, and the request objects, which
 * hold the header as it was sent, no longer show when the error is printed. Everything else stays, so that
 * retrying and the caller's own code go on working. Errors that did not pass us are left alone.
 */
export function hideToken(error: unknown): unknown {
  const { config, response } = error as AxiosError
  const passage = (config as PassageConfig | undefined)?.[PASSAGE]
  if (passage === undefined) return error
  for (const { headers } of [config, response?.config].filter((one) => one !== undefined)) {
    removeAuthorization(headers as HeaderRecord, passage.authorization())
  }
  for (const holder of [error, response]) {
    if (typeof holder === 'object' && holder !== null && 'request' in holder) {
      Object.defineProperty(holder, 'request', { enumerable: false })
    }
  }
  return error
}
