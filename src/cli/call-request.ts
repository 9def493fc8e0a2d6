import { createReadStream } from 'node:fs'
import { isLoopback } from '../endpoint-url.ts'
import { CommandError } from './command-error.ts'
import { codeOf } from './private-files.ts'
import { readAll } from './terminal.ts'

/** What `evertoken call` sends, as it is given. */
export interface RequestFlags {
  readonly request?: string | undefined
  readonly data?: string | undefined
  readonly header?: readonly string[] | undefined
}

/** A request to an API, but for its token. */
export interface ApiRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

// It may have to be sent twice, so it is kept.
const LARGEST_BODY = 256 * 1024 * 1024

/**
 * Reads a request from the command line, its body included.
 * @throws CommandError for what cannot be sent, or would show the token to others
 */
export async function readRequest(
  given: string,
  flags: RequestFlags,
  allowInsecureLoopback: boolean,
): Promise<ApiRequest> {
  const url = apiUrl(given, allowInsecureLoopback)
  const headers = new Headers({ accept: '*/*', 'user-agent': 'evertoken' })
  const own = new Headers((flags.header ?? []).map(nameAndValue))
  for (const [name, value] of own) headers.set(name, value)
  const method = methodOf(flags.request ?? (flags.data === undefined ? 'GET' : 'POST'), flags.data !== undefined)
  const body = flags.data === undefined ? undefined : await bodyOf(flags.data)
  if (body !== undefined) {
    if (!headers.has('content-type')) headers.set('content-type', contentTypeOf(body))
    // Node leaves it out of a DELETE.
    headers.set('content-length', String(body.byteLength))
  }
  return { url, method, headers: Object.fromEntries(headers), body }
}

function apiUrl(given: string, allowInsecureLoopback: boolean): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined
  // Not shown: it may hold a password.
  if (url === undefined) throw new CommandError('That is no URL.', 'Write it whole: https://api.example.com/orders.')
  if (url.username !== '' || url.password !== '')
    throw new CommandError('The URL must not hold a user name or password.')
  if (url.protocol === 'https:' || (url.protocol === 'http:' && allowInsecureLoopback && isLoopback(url))) return url
  throw new CommandError(
    'The token would cross the network in the clear: the URL must be https.',
    isLoopback(url) ? 'For this machine give --allow-insecure-loopback.' : undefined,
  )
}

function methodOf(given: string, hasBody: boolean): string {
  const method = given.toUpperCase()
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(method)) throw new CommandError('That is not a method.', 'Such as -X PUT.')
  if (['CONNECT', 'TRACE', 'TRACK'].includes(method)) throw new CommandError(`${method} is no method for an API.`)
  if (hasBody && ['GET', 'HEAD'].includes(method)) throw new CommandError(`A ${method} request has no body.`)
  return method
}

const OF_THE_COMMAND =
  /^(?:authorization|proxy-authorization|dpop|host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect)$/i

function nameAndValue(line: string): [string, string] {
  // Not shown: it may be a key.
  const [, name, value] = line.match(/^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\xa0-\xff]*)$/) ?? []
  if (name === undefined || value === undefined)
    throw new CommandError('What -H gives is not a header.', 'Write `name: value`, in Latin letters.')
  if (OF_THE_COMMAND.test(name)) throw new CommandError(`The header ${name} is for the command to set.`)
  return [name, value]
}

async function bodyOf(data: string): Promise<Buffer> {
  if (!data.startsWith('@')) return Buffer.from(data)
  const path = data.slice(1)
  try {
    const body = await readAll(path === '-' ? process.stdin : createReadStream(path), LARGEST_BODY)
    if (body !== undefined) return body
  } catch (error) {
    throw new CommandError(`-d ${data} cannot be read: ${codeOf(error) ?? 'unknown error'}.`)
  }
  throw new CommandError('The body is larger than 256 MiB.', 'It is kept in memory, to be sent again with a new token.')
}

function contentTypeOf(body: Buffer): string {
  const start = body.subarray(0, 100).toString('latin1')
  return /^\s*[[{]/.test(start) ? 'application/json' : 'application/x-www-form-urlencoded'
}
