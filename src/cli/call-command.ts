import http, { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import https, { Agent as HttpsAgent } from 'node:https'
import { Readable } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { ClientOptions } from '../client-options.ts'
// biome-ignore lint/style/noRestrictedImports: the command uses the library as anybody does.
import { createTokenFetch } from '../http/fetch.ts'
import type { TokenLogger } from '../logger.ts'
import { proxyChooser } from '../proxy.ts'
import { ProxyTunnel } from '../proxy-tunnel.ts'
import { readTlsOptions } from '../tls-options.ts'
import type { ApiRequest } from './call-request.ts'
import { openManager } from './client.ts'
import { CommandError, EXIT } from './command-error.ts'
import { Silence } from './silence.ts'
import { note, withProgress } from './terminal.ts'
import type { GetTokenFlags } from './token-command.ts'

const SLICE = 64 * 1024

/** How a request to an API is made. */
export interface CallOptions extends GetTokenFlags {
  /** Whether the connection shows the client's certificate, which tokens may be bound to. @see RFC 8705 §3 */
  readonly showsCertificate: boolean
  /** How long the API may take nothing of the body and say nothing, at the start and in the midst of its answer. */
  readonly timeoutMs: number
}

/** An API's answer, whose body is still to be read. */
export interface ApiAnswer {
  readonly status: number
  /** Status and headers, as they came. */
  readonly head: string
  readonly contentType: string
  /** @throws CommandError when the rest does not come */
  readonly body: AsyncIterable<Buffer>
}

/**
 * Sends a request to an API with a token; once more with another one if the API rejects it. Redirects are not followed:
 * the token is for this URL's origin alone. The proxy is that of the environment, as for token requests.
 * @throws CommandError when there is no answer; TokenError when there is no token
 */
export async function callApi(
  client: ClientOptions,
  { url, method, headers, body }: ApiRequest,
  { cache, fresh, showsCertificate, timeoutMs }: CallOptions,
  logger: TokenLogger | undefined,
): Promise<ApiAnswer> {
  if (showsCertificate && client.certificate === undefined) {
    throw new CommandError('There is no certificate to show.', 'Give --certificate-file and --certificate-key-file.')
  }
  const manager = await openManager(client, { cache, logger })
  const silence = new Silence(url.host, timeoutMs)
  try {
    await withProgress('Getting a token', manager.getToken({ forceRefresh: fresh }))
    const tls = tlsOf(client, showsCertificate)
    const fetch = (to: string, sent: Sent) => send(to, sent, tls, silence)
    const tokenFetch = createTokenFetch(manager, { origins: [url.origin], fetch: fetch as never })
    const init = { method, headers, body, redirect: 'manual', signal: silence.signal } as object
    const sent = silence.during(tokenFetch(url, init), `${url.host} did not answer.`)
    const answer = (await withProgress(`Waiting for ${url.host}`, sent)) as unknown as Received
    const { status, head, contentType } = answer
    return { status, head, contentType, body: pieces(answer, silence) }
  } finally {
    // Until the cache has the token.
    await manager.close()
  }
}

/** An answer as createTokenFetch wants it, and as it is shown. */
interface Received {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly head: string
  readonly contentType: string
  readonly body: IncomingMessage
  readonly request: ClientRequest
}

interface Sent {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly signal: AbortSignal
}

// Not Node's own fetch, which takes neither a proxy nor certificates.
async function send(url: string, sent: Sent, tls: ConnectionOptions, silence: Silence): Promise<Received> {
  const { method, headers, body, signal } = sent
  const isPlain = url.startsWith('http:')
  const proxy = isPlain ? undefined : proxyChooser(undefined)(url)
  // Agents of its own: Node's global ones take a proxy by rules of theirs.
  const agent = proxy ? new ProxyTunnel(proxy, tls, { signal }) : isPlain ? new HttpAgent() : new HttpsAgent(tls)
  const request = (isPlain ? http : https).request(url, { method, headers, signal, agent })
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject)
    // Without a listener there would be no answer, and no error either.
    request.on('upgrade', (answer, socket) => {
      socket.destroy()
      resolve(answer)
    })
    // An API that takes a long body is not silent.
    const inSlices = Readable.from(slices(body)).on('data', () => silence.broken())
    inSlices.pipe(request)
  })
  if (answer.statusCode === 101) {
    answer.destroy()
    const { host } = new URL(url)
    throw new CommandError(`${host} did not answer, but wants to speak another protocol.`, undefined, EXIT.serverError)
  }
  return received(answer, request)
}

function* slices(body: Buffer | undefined): Generator<Buffer> {
  for (let at = 0; body !== undefined && at < body.length; at += SLICE) yield body.subarray(at, at + SLICE)
}

/** What the connection trusts, and shows. */
function tlsOf({ ca, certificate }: ClientOptions, showsCertificate: boolean): ConnectionOptions {
  const shown = showsCertificate ? certificate?.secureContext({ ca }) : undefined
  const secureContext = shown ?? readTlsOptions({ ca })
  return secureContext === undefined ? {} : { secureContext }
}

function received(answer: IncomingMessage, request: ClientRequest): Received {
  const { statusCode: status = 0, statusMessage = '', rawHeaders, headers } = answer
  const lines = [`HTTP ${status} ${statusMessage}`.trimEnd()]
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  const get = (name: string) => headers[name.toLowerCase()]?.toString() ?? null
  const contentType = get('content-type') ?? ''
  return { status, headers: { get }, head: lines.join('\n'), contentType, body: answer, request }
}

async function* pieces({ body, request }: Received, silence: Silence): AsyncGenerator<Buffer> {
  const reader = body[Symbol.asyncIterator]()
  for (;;) {
    // While the reader of stdout takes its time, the API has no reason to speak.
    const { value, done } = await silence.during(reader.next(), 'The rest of the answer did not come.')
    if (done) break
    yield value
  }
  if (!request.writableFinished) note('The API answered before it had taken the whole body, and does not get the rest.')
  // Node would wait until it takes that.
  request.destroy()
}
