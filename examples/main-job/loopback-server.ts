import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An http server on this machine that can go away and come back at the same address. */
export interface LoopbackServer {
  readonly origin: string
  /** Refuses connections from now on and cuts the open ones. Idempotent. */
  stop(): Promise<void>
  /** Listens again where it did before. */
  restart(): Promise<void>
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startLoopbackServer(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener)
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    restart: () => listen(port),
    async stop() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
