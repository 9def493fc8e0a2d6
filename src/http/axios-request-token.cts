import type {} from 'axios'
import type { TokenSelection, TokenSource } from '../index.ts' with { 'resolution-mode': 'import' }

/**
 * Which token a request carries: scope, resource, audience or client in place of the attachment's; a handle from
 * `manager.source()`; `false` for none.
 */
export type RequestToken = TokenSelection | TokenSource | false

// axios declares its types twice, for ES modules, which axios.ts extends, and for CommonJS.
declare module 'axios' {
  interface AxiosRequestConfig {
    /** Which token this request carries. Default: what the attachment says. */
    token?: RequestToken | undefined
  }
}
