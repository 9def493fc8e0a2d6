import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An http server on this machine. */
export interface LoopbackServer {
  readonly origin: string
  /** Cuts every connection, the open ones and those that come, until {@link comeBack}. */
  goDown(): void
  comeBack(): void
  /** For good. */
  stop(): Promise<void>
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startLoopbackServer(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener)
  // It keeps its port meanwhile: another program would get it.
  let isDown = false
  server.on('connection', (socket) => void (isDown && socket.destroy()))
  // How long a connection is idle depends on the machine, and a request may come just then.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    goDown() {
      isDown = true
      server.closeAllConnections()
    },
    comeBack() {
      isDown = false
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
