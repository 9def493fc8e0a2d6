import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** A TCP proxy in front of Redis that keeps every byte; `await using` closes it. */
export interface RedisProxy extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Every byte of either direction, as Latin-1. */
  readonly seen: string
  /** The commands that clients sent, in order: their words. */
  readonly commands: readonly (readonly string[])[]
  /** How long an answer takes, in milliseconds. */
  delayMs: number
  /** Answers every command itself, as a server does that is still loading its data. */
  loading: boolean
}

/** Starts a proxy on 127.0.0.1. */
export async function startRedisProxy(to: { readonly host: string; readonly port: number }): Promise<RedisProxy> {
  const sockets = new Set<Socket>()
  const commands: (readonly string[])[] = []
  let seen = ''
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (bytes) => {
      seen += bytes.toString('latin1')
    })
  }
  const server = createServer((client) => {
    const upstream = connect(to.port, to.host)
    const parse = commandParser()
    let underWay: Promise<void> | undefined
    keep(client)
    keep(upstream)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.on('data', (bytes) => {
      const sent = parse(bytes.toString('latin1'))
      commands.push(...sent)
      if (!proxy.loading) upstream.write(bytes)
      else for (const _ of sent) client.write('-LOADING Redis is loading the dataset in memory\r\n')
    })
    upstream.on('data', (bytes) => {
      if (proxy.delayMs === 0 && underWay === undefined) {
        client.write(bytes)
        return
      }
      // After those before it: clients go by the order of answers.
      const delayed = Promise.all([underWay, wait(proxy.delayMs)]).then(() => {
        client.write(bytes)
        if (underWay === delayed) underWay = undefined
      })
      underWay = delayed
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const proxy: RedisProxy = {
    port,
    url: `redis://127.0.0.1:${port}`,
    get seen() {
      return seen
    },
    commands,
    delayMs: 0,
    loading: false,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}

/** Takes what a client sends, piece by piece, and returns the commands that are complete. */
function commandParser(): (piece: string) => string[][] {
  let rest = ''
  const takeCommand = (): string[] | undefined => {
    const [head, count] = rest.match(/^\*(\d+)\r\n/) ?? []
    if (head === undefined) return undefined
    const words: string[] = []
    let at = head.length
    for (let i = 0; i < Number(count); i++) {
      const [line = '', length] = rest.slice(at).match(/^\$(\d+)\r\n/) ?? []
      const end = at + line.length + Number(length)
      if (line === '' || rest.length < end + 2) return undefined
      words.push(rest.slice(at + line.length, end))
      at = end + 2
    }
    rest = rest.slice(at)
    return words
  }
  return (piece) => {
    rest += piece
    const commands: string[][] = []
    for (let command = takeCommand(); command !== undefined; command = takeCommand()) commands.push(command)
    return commands
  }
}
