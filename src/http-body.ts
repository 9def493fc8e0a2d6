import { addAbortSignal, Readable } from 'node:stream'

/**
 * Reads a body as UTF-8 text, or gives up with `undefined` after `maxBytes`; what is left unread is cancelled.
 *
 * Takes what HTTP clients hand out: a Node stream, a web stream, bytes, text, or nothing. An object, as mocks
 * answer with, becomes JSON.
 */
export async function readText(body: unknown, maxBytes: number, signal: AbortSignal): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of chunksOf(body, signal)) {
    size += Buffer.byteLength(chunk)
    if (size > maxBytes) return undefined
    chunks.push(Buffer.from(chunk as Uint8Array))
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

type Chunk = string | Uint8Array | ArrayBuffer

function chunksOf(body: unknown, signal: AbortSignal): Iterable<Chunk> | AsyncIterable<Chunk> {
  if (body === undefined || body === null) return []
  if (body instanceof Readable) return addAbortSignal(signal, body)
  if (typeof body === 'string' || body instanceof Uint8Array || body instanceof ArrayBuffer) return [body]
  if (typeof body === 'object' && Symbol.asyncIterator in body) return body as AsyncIterable<Uint8Array>
  return [JSON.stringify(body)]
}
