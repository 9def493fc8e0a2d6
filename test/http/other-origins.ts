import { type Respond, startServer, type TestServer } from '../support/http-server.ts'
import { TestAuthority } from '../support/tls.ts'

/** The servers a way may lead to. */
interface Places {
  /** `http://127.0.0.1:…`, the only origin that may receive the token. */
  readonly api: TestServer
  /** Another port of the same host. */
  readonly foreign: TestServer
  /** https on this machine. */
  readonly secure: TestServer
}

/** One way by which a request, or a redirect, leads away from the API: a title, and the URL to ask for. */
export type WayElsewhere = readonly [title: string, url: (places: Places) => string]

/** URLs that are not the API's, however they look; some are meant to be put after the API's origin. */
export const FOREIGN_URLS: readonly WayElsewhere[] = [
  ['another port', ({ foreign }) => `${foreign.origin}/x`],
  ['another host', ({ api }) => `http://localhost:${api.port}/x`],
  ['another host and port', ({ foreign }) => `http://localhost:${foreign.port}/x`],
  ['another scheme', ({ api }) => `https://127.0.0.1:${api.port}/x`],
  ['another scheme and port', ({ secure }) => `${secure.origin}/x`],
  ['no scheme', ({ foreign }) => `//127.0.0.1:${foreign.port}/x`],
  ['upper case', ({ foreign }) => `HTTP://LOCALHOST:${foreign.port}/x`],
  ['a trailing dot', ({ foreign }) => `http://localhost.:${foreign.port}/x`],

  ['letters that a domain name maps to others', ({ foreign }) => `http://ｌｏｃａｌｈｏｓｔ:${foreign.port}/x`],
  ['the address as one number', ({ foreign }) => `http://2130706433:${foreign.port}/x`],
  ['userinfo that looks like the API', ({ foreign }) => `http://127.0.0.1:1@localhost:${foreign.port}/x`],
  ['userinfo in front of the API', ({ api }) => `http://user:pass@127.0.0.1:${api.port}/x`],
  ['backslashes', ({ foreign }) => `\\\\localhost:${foreign.port}\\x`],
  ['a slash and a backslash', ({ foreign }) => `/\\localhost:${foreign.port}/x`],
  ['a scheme and backslashes', ({ foreign }) => `http:\\\\localhost:${foreign.port}\\x`],
  ['a scheme and one slash', ({ foreign }) => `http:/localhost:${foreign.port}/x`],
  ['a tab before the second slash', ({ foreign }) => `/\t/localhost:${foreign.port}/x`],
  ['a line break in the host', ({ foreign }) => `http://local\nhost:${foreign.port}/x`],
  ['a space at the start', ({ foreign }) => ` ${foreign.origin}/x`],
  ['an `@` that makes the base userinfo', ({ foreign }) => `@localhost:${foreign.port}/x`],
  ['the API’s origin in the path', ({ api, foreign }) => `${foreign.origin}/${api.origin}/x`],
]

const STATUSES = [301, 302, 303, 307, 308] as const

/** The URL of a server that answers with a redirect to `target`. */
function redirectingUrl(via: TestServer, target: string, status = 307): string {
  return `${via.origin}/to?${new URLSearchParams({ status: String(status), url: target })}`
}

const redirects = (title: string, target: (places: Places) => string): WayElsewhere[] =>
  STATUSES.map((status) => [`${status} to ${title}`, (all) => redirectingUrl(all.api, target(all), status)])

/** URLs of the API that redirect away from it; a client that follows redirects arrives elsewhere. */
export const FOREIGN_REDIRECTS: readonly WayElsewhere[] = [
  ...redirects('another port', ({ foreign }) => `${foreign.origin}/x`),
  ...redirects('another host', ({ api }) => `http://localhost:${api.port}/x`),
  ...redirects('another scheme and port', ({ secure }) => `${secure.origin}/x`),
  ...redirects('another port without a scheme', ({ foreign }) => `//127.0.0.1:${foreign.port}/x`),
  ...redirects('another port and back', ({ api, foreign }) => redirectingUrl(foreign, `${api.origin}/back`)),
  ['another port, later', ({ api, foreign }) => redirectingUrl(api, redirectingUrl(api, `${foreign.origin}/x`))],
]

/** A request as it came over the wire. */
interface WireRequest {
  readonly method: string
  readonly url: string
  /** `name: value`, names in lower case, in the order of arrival. */
  readonly headers: readonly string[]
}

/** What arrived where. */
export interface Arrivals {
  /** At the API, by its own name. */
  readonly api: readonly WireRequest[]
  /** Anywhere else, the API's address by another name included, and at `/back` after a visit elsewhere. */
  readonly elsewhere: readonly WireRequest[]
}

/** What a client is made for: the API's origin, and the certificate authority of the https server. */
export interface ApiAddress {
  readonly origin: string
  readonly ca: string
}

const authority = new TestAuthority()

/**
 * Lets a client go one way three times, before and after a request to the API's `/orders`, and tells what arrived.
 * Failures of requests are as good as any answer.
 * @param connect makes the client, and gives the function that sends a request
 */
export async function goElsewhere(
  [, url]: WayElsewhere,
  connect: (api: ApiAddress) => (url: string) => Promise<unknown>,
): Promise<Arrivals> {
  const arrivals = { api: [] as WireRequest[], elsewhere: [] as WireRequest[] }
  let host = ''
  const respond: Respond = (response, { method, url }, { rawHeaders }) => {
    const headers = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`] : [],
    )
    const isApi = headers.includes(`host: ${host}`) && url !== '/back'
    arrivals[isApi ? 'api' : 'elsewhere'].push({ method, url, headers })
    const query = new URL(url, 'http://unused').searchParams
    const location = query.get('url')
    if (location === null) response.end('{}')
    else response.writeHead(Number(query.get('status')), { location }).end()
  }
  await using api = await startServer(respond)
  await using foreign = await startServer(respond)
  await using secure = await startServer(respond, authority.issue())
  host = `127.0.0.1:${api.port}`
  const target = url({ api, foreign, secure })
  const send = connect({ origin: api.origin, ca: authority.cert })
  for (const one of [target, `${api.origin}/orders`, target, target]) await send(one).catch(() => {})
  return arrivals
}

/** The header lines, among those of requests that arrived elsewhere, that carry a token or belong to one. */
export function leakedTo({ elsewhere }: Arrivals): string[] {
  return elsewhere.flatMap(({ headers }) => headers.filter((line) => /^(?:authorization|dpop)\b|token-\d/.test(line)))
}
