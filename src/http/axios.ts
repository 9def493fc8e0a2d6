import type { AxiosInstance, AxiosResponse } from 'axios'
import { optionError } from '../errors.ts'
import type { TokenManager } from '../token-manager.ts'
import { type ApiRequestOptions, readApiRequestOptions } from './api-request-options.ts'
import { AxiosAttachment } from './axios-attachment.ts'
import type { RequestToken } from './axios-request-token.cts'
import { checkManager, isManager } from './requested-token.ts'

export type { RequestToken } from './axios-request-token.cts'

declare module 'axios' {
  // Without the type parameters that axios's own declaration has, whose number depends on its version: TypeScript
  // merges the two all the same, because every one of them has a default.
  interface AxiosRequestConfig {
    /** Which token this request carries. Default: what the attachment says. */
    token?: RequestToken | undefined
  }
}

/** An axios instance, of whichever copy of axios and by whichever of its two sets of declarations. */
export interface AttachableAxios {
  readonly defaults: object
  readonly interceptors: {
    readonly request: { use(...handlers: never[]): number }
    readonly response: { use(...handlers: never[]): number }
  }
  request(...config: never[]): Promise<unknown>
}

/** How a manager is attached to an axios instance: which token by default, and where it may go. */
export type AttachOptions<Name extends string = string> = ApiRequestOptions<Name, AxiosResponse>

/** An attachment of a manager to an axios instance. */
export interface Attachment {
  /** Takes the interceptors off again. Requests under way are finished as they began. */
  detach(): void
}

const attachments = new WeakMap<AttachableAxios, { attachment: AxiosAttachment; options: object }>()

/**
 * Makes every request of an axios instance carry a valid access token.
 *
 * Sets `Authorization: Bearer …` on requests to the instance's own origin or to those in `origins`, and `DPoP` beside a
 * token that is bound to a key, with which redirects are not followed. When the API answers 401 because of the token,
 * gets another and sends the request once more, unless its body was a stream. A request's own `Authorization` header is
 * left alone. Its `signal`, `cancelToken` and `timeout` bound the wait for a token too.
 *
 * Requests fail with a `TokenError` when no token can be had, or when the token must not go where they go
 * (`origin_refused`, `insecure_url`, `authorization_conflict`), or their `timeout` has passed (`wait_timeout`), and with a
 * `TypeError` when their `token` is wrong; they are then not sent. Errors of the API are stripped of the token.
 *
 * Attach before adding interceptors of your own: response interceptors added earlier see the answer that rejects a
 * token, and its header. Attaching the same manager again, with the same options or none, does nothing.
 *
 * @throws TypeError naming a wrong option, or when another manager is attached, or with other options
 * @throws TokenError `unknown_client` if there is no client of that name
 * @see RFC 6750 §2.1
 */
export function attachTokenManager<Name extends string = never>(
  instance: AttachableAxios,
  manager: TokenManager<Name>,
  options: AttachOptions<NoInfer<Name>> = {},
): Attachment {
  checkInstance(instance)
  checkManager(manager, options)
  const settings = readApiRequestOptions<AxiosResponse>(options)
  const known = attachments.get(instance)
  if (known?.attachment.isInPlace() === false) known.attachment.detach()
  const present = known?.attachment.isInPlace() ? known : undefined
  if (present !== undefined && present.attachment.manager !== (manager as unknown)) {
    throw optionError('manager', 'differs from the one attached to this instance', 'Detach that first.')
  }
  if (present !== undefined && !saysTheSame(options, present.options)) {
    const hint = 'Detach it first; or give one request another token by its own option `token`.'
    throw new TypeError(`evertoken: this instance is attached with other options already. ${hint}`)
  }
  const attachment =
    present?.attachment ??
    new AxiosAttachment(instance as AxiosInstance, manager as unknown as TokenManager<string>, settings)
  if (present === undefined) attachments.set(instance, { attachment, options: { ...options } })
  return {
    detach: () => {
      attachment.detach()
      if (attachments.get(instance)?.attachment === attachment) attachments.delete(instance)
    },
  }
}

function checkInstance(given: AttachableAxios): void {
  if (typeof given?.interceptors?.request?.use === 'function' && 'create' in given) return
  const { default: inModule } = Object(given) as { readonly default?: Partial<AxiosInstance> }
  const hint = isManager(given)
    ? 'It comes before the manager: `attachTokenManager(api, tokens)`.'
    : typeof inModule?.create === 'function'
      ? "That is the module: `import axios from 'axios'`."
      : 'Such as `axios.create({ baseURL })`.'
  throw optionError('instance', 'must be an axios instance', hint)
}

// An attachment that is asked for without options is content with the one there is.
function saysTheSame(options: object, present: object): boolean {
  const known = new Map(Object.entries(present))
  const isSame = (a: unknown, b: unknown) =>
    a === b || (typeof a !== 'function' && JSON.stringify(a) === JSON.stringify(b))
  const given = Object.entries(options)
  return (
    given.length === 0 ||
    (given.length === known.size && given.every(([name, value]) => isSame(value, known.get(name))))
  )
}
