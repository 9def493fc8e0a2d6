import { shownUrl } from './endpoint-url.ts'
import { TokenError } from './errors.ts'
import {
  callHook,
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
  const { method = request.method, url = request.url, body = form.toString() } = changes
  for (const text of textsIn(changes)) hide(text)
  if (method !== 'GET' && method !== 'POST') throw fail("returned a `method` other than 'GET' and 'POST'")
  if (typeof body !== 'string') throw fail('returned a `body` that is not text')
  if (!URL.canParse(url) || new URL(url).origin !== new URL(request.url).origin) {
    throw fail(`returned a \`url\` on another origin than ${shownUrl(request.url)}`)
  }
  const headers = changedHeaders(request.headers, changes.headers)
  return { ...request, method, url, headers, body: method === 'GET' ? undefined : body }
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

/** What a hook has written that the server may repeat: header values, the query, form values, texts in JSON. */
function textsIn({ url, headers = {}, body }: TokenRequestChanges): string[] {
  const query = url !== undefined && URL.canParse(url) ? [...new URL(url).searchParams.values()] : []
  const written = Object.entries(headers).filter(([name]) => !/^(accept|content-type|user-agent)$/i.test(name))
  return [...query, ...written.map(([, value]) => value), ...textsInBody(body)].filter((text) => text !== undefined)
}

function textsInBody(body: string | undefined): string[] {
  if (typeof body !== 'string') return []
  const texts: string[] = []
  try {
    JSON.parse(body, (_, value) => {
      if (typeof value === 'string') texts.push(value)
    })
  } catch {
    return [...new URLSearchParams(body).values()]
  }
  return texts
}
