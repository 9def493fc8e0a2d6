import { once } from 'node:events'
import { TextDecoder } from 'node:util'
import type { ApiAnswer } from './call-command.ts'
import { printable } from './terminal.ts'

// Beyond that nobody reads it on a terminal, and it would have to be kept.
const MOST_INDENTED = 1024 * 1024
const MOST_DEPTH = 50

/** Prints a body as it comes: to a terminal as text, JSON indented, with nothing that it would obey; else its very bytes. */
export async function printBody({ body, contentType }: ApiAnswer, stdout: NodeJS.WriteStream): Promise<void> {
  const pieces = stdout.isTTY ? shown(body, contentType) : body
  for await (const piece of pieces) if (!stdout.write(piece)) await once(stdout, 'drain')
}

async function* shown(body: AsyncIterable<Buffer>, contentType: string): AsyncGenerator<string> {
  const decoder = decoderOf(contentType)
  let isJson = /[/+]json\b/i.test(contentType)
  // JSON until it is whole, and otherwise half a line break.
  let held = ''
  for await (const piece of body) {
    held += decoder.decode(piece, { stream: true })
    isJson &&= held.length <= MOST_INDENTED
    if (isJson) continue
    const end = held.endsWith('\r') ? held.length - 1 : held.length
    yield printable(held.slice(0, end))
    held = held.slice(end)
  }
  held += decoder.decode()
  yield printable(isJson ? indented(held) : held)
}

function decoderOf(contentType: string): TextDecoder {
  const [, charset = 'utf-8'] = contentType.match(/charset="?([\w-]+)/i) ?? []
  try {
    return new TextDecoder(charset)
  } catch {
    return new TextDecoder()
  }
}

/** JSON with line breaks; anything else as it is. By its text, since numbers may be longer than JavaScript's. */
function indented(text: string): string {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  let depth = 0
  const line = (change: number) => {
    depth += change
    return depth > MOST_DEPTH ? '' : `\n${'  '.repeat(depth)}`
  }
  const lines = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|[[{]\s*[\]}]|[[\]{},:]|\s+/g, (part) => {
    if (part.length > 1) return part.startsWith('"') ? part : part.replace(/\s+/, '')
    if (part === '[' || part === '{') return part + line(1)
    if (part === ']' || part === '}') return line(-1) + part
    return part === ',' ? part + line(0) : part === ':' ? ': ' : ''
  })
  return `${lines}\n`
}
