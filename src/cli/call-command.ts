import { readFile } from 'node:fs/promises'
import type { AccessToken } from '../access-token.ts'
import { isLoopback } from '../endpoint-url.ts'
import { CommandError, EXIT } from './command-error.ts'
import { codeOf } from './private-files.ts'
import { readInput, withProgress } from './terminal.ts'

/** What `evertoken call` is told beside the URL. */
export interface CallFlags {
  readonly request?: string | undefined
  readonly data?: string | undefined
  readonly header?: readonly string[] | undefined
  readonly include?: boolean | undefined
  readonly allowInsecureLoopback?: boolean | undefined
}

/** An API's answer, ready to print, and the exit code for its status. */
export interface CallAnswer {
  readonly head: string
  readonly body: Uint8Array
  readonly contentType: string
  readonly exitCode: number
}

/** The URL of an API, if it may have a token. @throws CommandError for one that is not https, or has a user name */
export function apiUrl(given: string, allowInsecureLoopback: boolean): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined)
    throw new CommandError(`${given} is not a URL.`, 'Write it whole: https://api.example.com/orders.')
  if (url.username !== '' || url.password !== '')
    throw new CommandError('The URL must not hold a user name or password.')
  if (url.protocol === 'https:' || (url.protocol === 'http:' && allowInsecureLoopback && isLoopback(url))) return url
  throw new CommandError(
    'The token would cross the network in the clear: the URL must be https.',
    isLoopback(url) ? 'For this machine give --allow-insecure-loopback.' : undefined,
  )
}

/**
 * Sends one request to an API with a token. Redirects are not followed: the token is for this URL's origin alone.
 * @throws CommandError when there is no answer
 */
export async function callApi(url: URL, token: AccessToken, flags: CallFlags): Promise<CallAnswer> {
  const body = await bodyOf(flags.data)
  const headers = new Headers((flags.header ?? []).map(nameAndValue))
  const method = methodOf(flags.request ?? (body === undefined ? 'GET' : 'POST'), body !== undefined)
  headers.set('authorization', `${token.tokenType} ${token.reveal()}`)
  if (body !== undefined && !headers.has('content-type')) headers.set('content-type', contentTypeOf(body))
  const init: RequestInit = { method, headers, body: body ?? null, redirect: 'manual' }
  const { response, received } = await withProgress(`Waiting for ${url.host}`, sent(url, init))
  const lines = [`HTTP ${response.status} ${response.statusText}`.trimEnd()]
  for (const [name, value] of response.headers) lines.push(`${name}: ${value}`)
  return {
    head: lines.join('\n'),
    body: received,
    contentType: response.headers.get('content-type') ?? '',
    exitCode: response.status < 400 ? 0 : response.status < 500 ? EXIT.clientError : EXIT.serverError,
  }
}

async function sent(url: URL, init: RequestInit): Promise<{ response: Response; received: Uint8Array }> {
  try {
    const response = await fetch(url, init)
    return { response, received: new Uint8Array(await response.arrayBuffer()) }
  } catch (error) {
    const reason = codeOf((error as Error).cause) ?? (error as Error).message
    const hint = isProxyLeftOut(process.env)
      ? 'Node sends this request past the proxy of HTTPS_PROXY: set NODE_USE_ENV_PROXY=1.'
      : 'Is the URL right, and the API up?'
    throw new CommandError(`${url.host} did not answer: ${reason}.`, hint, EXIT.serverError)
  }
}

function isProxyLeftOut({ HTTPS_PROXY, https_proxy: other, NODE_USE_ENV_PROXY }: NodeJS.ProcessEnv): boolean {
  return Boolean(HTTPS_PROXY || other) && NODE_USE_ENV_PROXY !== '1'
}

function methodOf(given: string, hasBody: boolean): string {
  const method = given.toUpperCase()
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(method)) throw new CommandError('That is not a method.', 'Such as -X PUT.')
  if (['CONNECT', 'TRACE', 'TRACK'].includes(method)) throw new CommandError(`${method} is no method for an API.`)
  if (hasBody && ['GET', 'HEAD'].includes(method)) throw new CommandError(`A ${method} request has no body.`)
  return method
}

function nameAndValue(line: string): [string, string] {
  // Not shown: it may be a key.
  const [, name, value] = line.match(/^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\xa0-\xff]*)$/) ?? []
  if (name === undefined || value === undefined)
    throw new CommandError('What -H gives is not a header.', 'Write `name: value`, in Latin letters.')
  if (name.toLowerCase() === 'authorization')
    throw new CommandError('The Authorization header is what the command adds.')
  return [name, value]
}

async function bodyOf(data: string | undefined): Promise<string | Buffer<ArrayBuffer> | undefined> {
  if (data === '@-') return await readInput()
  if (!data?.startsWith('@')) return data
  try {
    return await readFile(data.slice(1))
  } catch (error) {
    throw new CommandError(`${data.slice(1)} cannot be read: ${codeOf(error) ?? 'unknown error'}.`)
  }
}

function contentTypeOf(body: string | Buffer): string {
  return /^\s*[[{]/.test(body.toString()) ? 'application/json' : 'application/x-www-form-urlencoded'
}

/** A body as it is shown: JSON indented for people, anything else as it came. */
export function shownBody({ body, contentType }: CallAnswer, isTerminal: boolean): Uint8Array | string {
  if (!isTerminal || !/[/+]json\b/.test(contentType)) return body
  try {
    return `${JSON.stringify(JSON.parse(Buffer.from(body).toString('utf8')), undefined, 2)}\n`
  } catch {
    return body
  }
}
