import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import type { AxiosRequestConfig } from 'axios'
import { type AxiosLike, type AxiosRoute, type OwnRouteOptions, ownRoutes, routeOf } from './axios-route.ts'
import type { ReadCertificate } from './client-certificate.ts'
import { shownUrl } from './endpoint-url.ts'
import { optionError, TokenError } from './errors.ts'
import { readText } from './http-body.ts'
import { ProxyTunnel } from './proxy-tunnel.ts'
import { abortable } from './single-flight.ts'
import { transportFailure } from './transport-failure.ts'

/** One request to the authorization server. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** Absolute; its query is sent, a fragment is not. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** What the request holds that must not be shown, in every spelling. */
  readonly secrets?: readonly string[] | undefined
  /** What the connection shows to the server. Not for a transport that is given. */
  readonly certificate?: ReadCertificate | undefined
  /** Whether nobody waits for the answer: then the request alone does not keep the process alive. Not for a transport that is given. */
  readonly background?: boolean | undefined
  /** Ends the request, the reading of the answer's body included; the request then rejects with its reason. */
  readonly signal: AbortSignal
}

/** The answer, whatever its status. */
export interface HttpResponse {
  readonly status: number
  /** A header by its name in any letter case; several of one name are joined by commas. */
  header(name: string): string | undefined
  /** Decompressed, decoded as UTF-8, otherwise as it came; at most 256 KiB. */
  readonly body: string
}

/**
 * Sends one request and reads the whole answer. Never follows a redirect.
 * @throws TokenTransportError `network`, `tls` or `timeout` when there was no answer
 * @throws TokenError `invalid_response` when the answer is too large; `unexpected` when a `transport` gives no response
 */
export type Send = (request: HttpRequest) => Promise<HttpResponse>

/** As much of the standard `fetch` as is used; `globalThis.fetch` and undici's have this type. */
export type FetchLike = (
  url: string,
  init: {
    method: string
    headers: Record<string, string>
    body: string | null
    signal: AbortSignal
    redirect: 'manual'
    credentials: 'omit'
  },
) => Promise<{
  readonly status: number
  readonly headers: { forEach(each: (value: string, name: string) => void): void }
  readonly body: { getReader(): unknown } | null
}>

/** How the requests of one client are sent. */
export interface TransportOptions extends OwnRouteOptions {
  /** The client's name, for messages. */
  client: string
  /**
   * An axios instance, or a function like `fetch`. It brings its own proxy and TLS settings; redirects, base URL,
   * `auth`, parameters and transforms of an axios instance do not apply. Default: an axios that nobody else configures.
   */
  transport?: AxiosLike | FetchLike | undefined
  /** Whether an axios instance gets its tokens from the manager that this transport serves: that would go round in circles. */
  isAttached?: ((instance: AxiosLike) => boolean) | undefined
}

const LARGEST_BODY = 256 * 1024

// Beats the defaults of any instance: `null` where axios takes `undefined` for "as the instance says".
const SAFE_CONFIG = {
  token: false,
  allowAbsoluteUrls: true,
  auth: null,
  params: null,
  proxy: false,
  maxRedirects: 0,
  // What `maxRedirects` is to the fetch adapter of older versions.
  fetchOptions: { redirect: 'manual' },
  responseType: 'stream',
  decompress: true,
  maxContentLength: -1,
  validateStatus: () => true,
  transformRequest: [],
  transformResponse: [],
} as unknown as AxiosRequestConfig

/**
 * Makes the function that sends one client's requests. Connections are opened, and axios is loaded, at the first
 * request; idle connections do not keep the process alive.
 *
 * An https request goes through a proxy by CONNECT or not at all; an http request never does.
 * @throws TypeError naming the option that is wrong; also from the returned function, when `transport` has been
 * attached to the manager since
 */
export function createTransport(options: TransportOptions): Send {
  const { transport } = options
  const refuseAttached = () => {
    if (!isAxios(transport) || options.isAttached?.(transport) !== true) return
    throw optionError(
      'transport',
      'must not be an axios instance that this manager gives tokens to',
      'Use `axios.create()`.',
    )
  }
  refuseAttached()
  const exchange = exchangeBy(options)
  return async (request) => {
    refuseAttached()
    const { signal } = request
    signal.throwIfAborted()
    return await abortable(signal, () => exchange(request))
  }
}

type Exchange = (request: HttpRequest) => Promise<HttpResponse>

function exchangeBy(options: TransportOptions): Exchange {
  const { client, transport } = options
  if (transport === undefined) {
    const routeFor = ownRoutes(options)
    return (request) => exchangeByAxios(() => routeFor(request.certificate), request, client, ownConfig(request))
  }
  for (const name of ['proxy', 'ca'] as const) {
    if (options[name] === undefined) continue
    throw optionError(name, 'has no effect beside `transport`', 'Configure the transport itself, or leave it out.')
  }
  if (isAxios(transport)) return (request) => exchangeByAxios(() => routeOf(transport), request, client)
  if (typeof transport === 'function') return (request) => exchangeByFetch(transport, request, client)
  throw optionError('transport', 'must be an axios instance or a function like `fetch`')
}

function isAxios(transport: unknown): transport is AxiosLike {
  return typeof (transport as AxiosLike | undefined)?.interceptors?.request?.use === 'function'
}

// What axios calls instead of http.request() or https.request().
function ownConfig({ background, url }: HttpRequest): AxiosRequestConfig {
  const { request } = new URL(url).protocol === 'https:' ? https : http
  const send = (options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ClientRequest => {
    const sent = request(options, onAnswer)
    // Node takes it for no answer when the server changes to another protocol, which nobody asked for.
    sent.once('upgrade', (answer, socket) => {
      socket.destroy()
      onAnswer(answer)
    })
    // The agent refs a connection again that it keeps.
    return background ? sent.once('socket', (socket) => socket.unref()) : sent
  }
  return { transport: { request: send } }
}

async function exchangeByAxios(
  route: () => AxiosRoute | Promise<AxiosRoute>,
  request: HttpRequest,
  client: string,
  config: AxiosRequestConfig = {},
): Promise<HttpResponse> {
  const { method, url, headers, body, signal } = request
  try {
    const { instance, choose, tls } = await route()
    const proxy = new URL(url).protocol === 'https:' ? choose(url) : undefined
    const response = await instance.request({
      ...SAFE_CONFIG,
      ...config,
      method,
      url,
      data: body,
      signal,
      headers: hasAuthorization(headers) ? { ...headers } : { ...headers, authorization: false },
      ...(proxy && { httpsAgent: new ProxyTunnel(proxy, tls, request) }),
    })
    const received = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const)
    return await readResponse(response.status, received, response.data, request, client)
  } catch (error) {
    throw error instanceof TokenError ? error : transportFailure(error, { ...request, client })
  }
}

// Without one, axios is told to send none: a default of the instance would be a second way to authenticate.
function hasAuthorization(headers: HttpRequest['headers']): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')
}

async function exchangeByFetch(fetch: FetchLike, request: HttpRequest, client: string): Promise<HttpResponse> {
  const { url, method, headers, body = null, signal } = request
  try {
    const init = { method, headers: { ...headers }, body, signal, redirect: 'manual', credentials: 'omit' } as const
    const response = await fetch(url, init)
    if (typeof response?.status !== 'number' || typeof response.headers?.forEach !== 'function') {
      throw unlikeFetch(client)
    }
    const received: [string, string][] = []
    response.headers.forEach((value, name) => {
      received.push([name, value])
    })
    return await readResponse(response.status, received, response.body, request, client)
  } catch (error) {
    throw error instanceof TokenError ? error : transportFailure(error, { ...request, client })
  }
}

async function readResponse(
  status: number,
  headers: readonly (readonly [name: string, value: string])[],
  data: unknown,
  { url, signal }: HttpRequest,
  client: string,
): Promise<HttpResponse> {
  const body = await readText(data, LARGEST_BODY, signal)
  if (body !== undefined) {
    const byName = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]))
    return { status, header: (name) => byName.get(name.toLowerCase()), body }
  }
  throw new TokenError({
    code: 'invalid_response',
    client,
    message: `The answer of ${shownUrl(url)} to client "${client}" (status ${status}) is larger than 256 KiB.`,
    hint: 'Is this the URL of an OAuth endpoint? Their answers take a few kilobytes.',
  })
}

function unlikeFetch(client: string): TokenError {
  return new TokenError({
    code: 'unexpected',
    client,
    message: `The function given as \`transport\` for client "${client}" did not return a response like those of \`fetch\`.`,
    hint: 'Give `fetch`, a function with its signature, or an axios instance.',
  })
}
