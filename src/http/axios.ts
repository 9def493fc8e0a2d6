import type { AxiosInstance } from 'axios'
import { optionError } from '../errors.ts'
import type { TokenManager, TokenRequest } from '../token-manager.ts'
import type { TokenSource } from '../token-source.ts'
import { AxiosAttachment } from './axios-attachment.ts'
import type { AttachOptions } from './axios-options.ts'

export type { AttachOptions } from './axios-options.ts'

declare module 'axios' {
  // biome-ignore lint/suspicious/noExplicitAny: a merged interface has to repeat axios's own parameters.
  // biome-ignore lint/correctness/noUnusedVariables: likewise.
  interface AxiosRequestConfig<D = any, P = any> {
    /**
     * Which token this request carries: scope, resource, audience or client in place of the attachment's, or a handle
     * from `manager.source()`; `false` for none.
     */
    token?: TokenRequest | TokenSource | false | undefined
  }
}

/** An attachment of a manager to an axios instance. */
export interface Attachment {
  /** Takes the interceptors off again. Requests under way are finished as they began. */
  detach(): void
}

const attachments = new WeakMap<AxiosInstance, AxiosAttachment>()

/**
 * Makes every request of an axios instance carry a valid access token.
 *
 * Sets `Authorization: Bearer …` on requests to the instance's own origin or to those in `origins`; when the API
 * answers 401 because of the token, gets another and sends the request once more. Attach before other response
 * interceptors are added: those added earlier see the first answer. Attaching the same manager again does nothing.
 *
 * Requests fail with a `TokenError` when no token can be had, or when the token must not go where they go, and are
 * then not sent.
 *
 * @throws TypeError naming a wrong option, or when another manager is attached
 * @throws TokenError `unknown_client` if there is no client of that name
 * @see RFC 6750 §2.1
 */
export function attachTokenManager<Name extends string = never>(
  instance: AxiosInstance,
  manager: TokenManager<Name>,
  options: AttachOptions<Name> = {},
): Attachment {
  if (typeof instance?.interceptors?.request?.use !== 'function') {
    throw optionError('instance', 'must be an axios instance', 'Such as `axios.create({ baseURL })`.')
  }
  const present = attachments.get(instance)
  if (present !== undefined && present.manager !== (manager as unknown)) {
    throw optionError('manager', 'differs from the one attached to this instance', 'Detach that first.')
  }
  const attachment = present ?? new AxiosAttachment(instance, manager as unknown as TokenManager<string>, options)
  attachments.set(instance, attachment)
  return {
    detach: () => {
      attachment.detach()
      if (attachments.get(instance) === attachment) attachments.delete(instance)
    },
  }
}
