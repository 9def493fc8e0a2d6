import { withoutHeaders } from './fetch-headers.ts'
import { again, follows, type Outgoing } from './fetch-request.ts'

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type']
const ORIGIN_HEADERS = ['authorization', 'cookie', 'host', 'proxy-authorization']

/** How many redirects of one request are followed. */
export const MOST_REDIRECTS = 20

/** Where the answer to a request redirects to, if that is followed here; else `undefined`. */
export function redirectOf(request: Outgoing, answer: Response): string | undefined {
  if (!REDIRECTS.has(answer.status) || !follows(request)) return undefined
  return answer.headers.get('location') ?? undefined
}

/**
 * The request that a redirect leads to.
 * @throws TypeError as fetch does, when the redirect can't be followed
 * @see Fetch Standard, HTTP-redirect fetch
 */
export async function redirected(request: Outgoing, { status }: Response, location: string): Promise<Outgoing> {
  const { url, init, record } = request
  const { method: sent = 'GET' } = init
  const target = locate(location, url)
  const method = sent.toUpperCase()
  const becomesGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : method === 'POST' && status <= 302
  const hasBody = record !== undefined || (init.body ?? null) !== null
  const resent = hasBody && status !== 303 ? await again(request) : request
  if (resent === undefined) throw failure('The request’s body can be sent once only')
  let { headers } = request
  if (becomesGet) headers = withoutHeaders(headers, BODY_HEADERS)
  if (new URL(url).origin !== target.origin) headers = withoutHeaders(headers, ORIGIN_HEADERS)
  return {
    input: target.href,
    url: target.href,
    headers,
    init: {
      ...resent.init,
      method: becomesGet ? 'GET' : sent,
      body: becomesGet ? null : (resent.init.body ?? null),
    },
    record: undefined,
  }
}

/** Says of the answer to a redirected request that it is one. */
export function markRedirected(answer: Response): Response {
  const clone = () => markRedirected(Object.getPrototypeOf(answer).clone.call(answer))
  return Object.defineProperties(answer, { redirected: { value: true }, clone: { value: clone } })
}

/** The error of a request whose redirects do not end. */
export function tooManyRedirects(): TypeError {
  return failure('redirect count exceeded')
}

function locate(location: string, url: string): URL {
  // Bytes of UTF-8 arrive as one character each.
  const text = Buffer.from(location, 'latin1').toString()
  if (!URL.canParse(text, url)) throw failure('The address in `Location` is not a URL')
  const target = new URL(text, url)
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw failure('URL scheme must be a HTTP(S) scheme')
  if (target.username !== '' || target.password !== '') throw failure('The address in `Location` holds credentials')
  return target
}

function failure(why: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(why) })
}
