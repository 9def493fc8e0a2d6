import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What a raw socket saw of one exchange. */
export interface Seen {
  /** Everything that came, status line and headers included. */
  readonly text: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** How it ended: closed by the server, reset, or complete with the connection still open. */
  readonly end: 'closed' | 'reset' | 'open'
  /** In how many pieces the body came. */
  readonly pieces: number
}

/** Sends a request byte by byte as it is written here, and looks at what comes back until it is complete or cut off. */
export function exchange(
  origin: string,
  request: {
    readonly path?: string
    readonly headers?: Record<string, string>
    readonly form?: Record<string, string>
  },
  ca?: string,
): Promise<Seen> {
  const { hostname, port, protocol } = new URL(origin)
  const { path = '/token', headers = {}, form } = request
  const body = form === undefined ? '' : new URLSearchParams(form).toString()
  const all = {
    host: `${hostname}:${port}`,
    ...(form && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const options = { host: hostname, port: Number(port) }
  const socket = protocol === 'https:' ? connectTls({ ...options, ca: ca as string }) : connect(options)
  return new Promise((resolve) => {
    let text = ''
    let pieces = 0
    const finish = (end: Seen['end']) => {
      socket.destroy()
      resolve({ text, ...parse(text), end, pieces })
    }
    socket.on('data', (chunk) => {
      text += chunk.toString()
      if (text.includes('\r\n\r\n')) pieces += 1
      const { headers: got, body: sent } = parse(text)
      if (got['content-length'] !== undefined && sent.length >= Number(got['content-length'])) finish('open')
    })
    socket.on('end', () => finish('closed'))
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code === 'ECONNRESET' ? 'reset' : 'closed'))
    socket.write(`${form ? 'POST' : 'GET'} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  })
}

function parse(text: string): Pick<Seen, 'status' | 'headers' | 'body'> {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
  const byName = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers: byName, body: rest.join('\r\n\r\n') }
}
