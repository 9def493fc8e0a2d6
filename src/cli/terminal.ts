import { createInterface } from 'node:readline/promises'
import { type Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { CommandError, EXIT } from './command-error.ts'

const SLOW_MS = 1000
const LONG_MS = 60_000

/** Says on the terminal what is waited for, once that has taken a second, and takes it back when it is done. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  const told = tellWhenSlow(what, done.signal)
  // Else the process would end when only a timer is left that does not keep it alive, as that of AbortSignal.timeout().
  const alive = setInterval(() => {}, LONG_MS)
  try {
    return await work
  } finally {
    clearInterval(alive)
    done.abort()
    await told
  }
}

async function tellWhenSlow(what: string, signal: AbortSignal): Promise<void> {
  try {
    await sleep(SLOW_MS, undefined, { signal, ref: false })
  } catch {
    return
  }
  const { stderr } = process
  stderr.write(stderr.isTTY ? `${what} …` : `${what} …\n`)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  if (stderr.isTTY) stderr.write('\r\u001b[2K')
}

/** Asks for a secret, without showing what is typed. @throws CommandError where there is nobody to ask */
export async function askSecret(question: string): Promise<string> {
  // Nothing can be typed any more after a body that was.
  if (!process.stdin.isTTY || !process.stdin.readable) {
    throw new CommandError(
      "The client's secret is missing.",
      'Set EVERTOKEN_CLIENT_SECRET, or name a file: --client-secret-file.',
    )
  }
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  const left = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new CommandError('No secret was given.', undefined, EXIT.interrupted)))
  })
  try {
    const secret = await Promise.race([lines.question(''), left])
    if (secret === '') throw new CommandError('No secret was given.')
    return secret
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

/** A text of others without what a terminal would obey: control characters other than line breaks and tabs. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\r(?!\n)/g, '\ufffd')
}

/** A value as JSON, in which nothing stands that a terminal would obey. */
export function printableJson(value: unknown, indent = 2): string {
  const escaped = (letter: string) => `\\u00${letter.charCodeAt(0).toString(16)}`
  // The others JSON itself writes so.
  return JSON.stringify(value, undefined, indent).replace(/[\u007f-\u009f]/g, escaped)
}

/** How a line of a report begins. */
export type Mark = 'ok' | 'wrong' | 'note'

const MARKS = { ok: ['green', '✔'], wrong: ['red', '✘'], note: ['yellow', '•'] } as const

/** The sign of a mark, in colour where the stream is a terminal that wants it. */
export function sign(mark: Mark, stream: NodeJS.WriteStream): string {
  const [colour, symbol] = MARKS[mark]
  return styleText(colour, symbol, { stream })
}

/** Says something on stderr that is worth knowing, while the command goes on. */
export function note(text: string): void {
  process.stderr.write(`${sign('note', process.stderr)} ${printable(text)}\n`)
}

/** A text in bold, where the stream shows that. */
export function bold(text: string, stream: NodeJS.WriteStream): string {
  return styleText('bold', text, { stream })
}

/** Everything that a stream has; `undefined` if that is more than so many bytes. */
export async function readAll(stream: Readable, mostBytes: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of stream) {
    size += part.length
    if (size > mostBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}
