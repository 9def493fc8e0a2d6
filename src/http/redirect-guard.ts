import type { InternalAxiosRequestConfig } from 'axios'
import { type HeaderRecord, removeHeader } from './authorization-header.ts'

type BeforeRedirect = NonNullable<InternalAxiosRequestConfig['beforeRedirect']>

// Our functions, each with the caller's that it runs after it.
const guards = new WeakMap<BeforeRedirect, BeforeRedirect | undefined>()
let last: { readonly origin: string; readonly names: readonly string[]; readonly guard: BeforeRedirect } | undefined

/**
 * Takes the headers of these names off a request that is redirected to another origin than this, a subdomain included;
 * a `beforeRedirect` of the caller's runs after that. axios's `fetch` adapter asks nobody before it follows a redirect,
 * and takes `Authorization` off only: with other names it follows none.
 * @param names in lower case
 * @see RFC 9110 §15.4
 */
export function guardRedirects(config: InternalAxiosRequestConfig, origin: string, names: readonly string[]): void {
  const present = config.beforeRedirect
  // A config that comes back from a retry has a guard already, perhaps for another origin.
  const callers = present !== undefined && guards.has(present) ? guards.get(present) : present
  const guard = guardOf(origin, names)
  config.beforeRedirect = callers === undefined ? guard : chained(guard, callers)
  if (names.some((name) => name !== 'authorization')) {
    const given: RequestInit | undefined = config.fetchOptions
    config.fetchOptions = { ...given, redirect: given?.redirect === 'error' ? 'error' : 'manual' }
  }
}

// One function for all requests to an origin: this is on the way of every request.
function guardOf(origin: string, names: readonly string[]): BeforeRedirect {
  if (last?.origin === origin && last.names === names) return last.guard
  const guard: BeforeRedirect = (options) => {
    const href: unknown = options.href
    const target = typeof href === 'string' && URL.canParse(href) ? new URL(href).origin : undefined
    if (target === origin) return
    for (const name of names) removeHeader((options.headers ?? {}) as HeaderRecord, name)
  }
  guards.set(guard, undefined)
  last = { origin, names, guard }
  return guard
}

function chained(guard: BeforeRedirect, callers: BeforeRedirect): BeforeRedirect {
  const both: BeforeRedirect = (...details) => {
    guard(...details)
    callers(...details)
  }
  guards.set(both, callers)
  return both
}
