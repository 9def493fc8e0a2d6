import { shownUrl } from './endpoint-url.ts'
import { TokenError } from './errors.ts'
import {
  callHook,
  headerFault,
  hookFailure,
  type PartnerHooks,
  type TokenRequestChanges,
  type TokenRequestDescription,
} from './partner-hooks.ts'
import type { HttpRequest } from './transport.ts'

/**
 * The token request as the hook `buildRequest` wants it. Whatever the hook writes into it counts as secret.
 * @throws TokenError `hook_failed`, also for a URL on another origin than the token endpoint's
 */
export async function rebuiltRequest(
  build: NonNullable<PartnerHooks['buildRequest']>,
  request: HttpRequest,
  wanted: TokenRequestDescription,
): Promise<HttpRequest> {
  const { client, hide } = wanted
  const fail = (what: string) => new TokenError(hookFailure('buildRequest', client, what))
  const form = new URLSearchParams(request.body)
  const given = { method: request.method, url: request.url, headers: Object.freeze({ ...request.headers }), form }
  const changes = await callHook('buildRequest', client, request.secrets ?? [], () =>
    build(Object.freeze(given), wanted),
  )
  if (typeof changes !== 'object' || changes === null) throw fail('did not return an object')
  const { method = request.method, url = request.url, headers = {}, body = form.toString() } = changes
  if (method !== 'GET' && method !== 'POST') throw fail("returned a `method` other than 'GET' and 'POST'")
  if (typeof body !== 'string') throw fail('returned a `body` that is not text')
  if (!URL.canParse(url) || new URL(url).origin !== new URL(request.url).origin) {
    throw fail(`returned a \`url\` on another origin than ${shownUrl(request.url)}`)
  }
  // As it was understood: others may read white space and capitals in another way.
  const { href, searchParams, username, password } = new URL(url)
  if (username !== '' || password !== '') throw fail('returned a `url` with a user name or password')
  for (const [name, value] of Object.entries(headers)) {
    const fault = value === undefined ? undefined : headerFault(name, value)
    if (fault !== undefined) throw fail(fault)
  }
  for (const text of [...searchParams.values(), ...textsInHeaders(headers), ...textsInBody(body, request)]) hide(text)
  const changed = changedHeaders(request.headers, headers)
  return { ...request, method, url: href, headers: changed, body: method === 'GET' ? undefined : body }
}

function changedHeaders(
  present: HttpRequest['headers'],
  changes: TokenRequestChanges['headers'],
): HttpRequest['headers'] {
  const headers = new Map(Object.entries(present))
  for (const [name, value] of Object.entries(changes ?? {})) {
    if (value === undefined) headers.delete(name.toLowerCase())
    else headers.set(name.toLowerCase(), value)
  }
  return Object.fromEntries(headers)
}

// What a hook has written that the server may repeat: header values, the query, values of a form, texts in JSON.

function textsInHeaders(headers: NonNullable<TokenRequestChanges['headers']>): string[] {
  const written = Object.entries(headers).filter(([name]) => !/^(accept|content-type|user-agent)$/i.test(name))
  // With and without a scheme.
  return written.flatMap(([, value = '']) => [value, value.slice(value.indexOf(' ') + 1)])
}

function textsInBody(body: string, request: HttpRequest): string[] {
  const texts: string[] = []
  try {
    JSON.parse(body, (_, value) => {
      if (typeof value === 'string' || typeof value === 'number') texts.push(String(value))
    })
  } catch {
    const before = new Set(new URLSearchParams(request.body).values())
    return [...new URLSearchParams(body).values()].filter((value) => !before.has(value))
  }
  return texts
}
