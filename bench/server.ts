import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Surroundings } from './harness.ts'
import { tokenAnswer } from './tokens.ts'

/**
 * Starts an API and a token endpoint in a process of their own. `GET /orders/…` gives a small JSON document;
 * `POST /token?lifetime=3600&delay=20` a new token of 1 KB, so many seconds long, after so many milliseconds.
 */
export async function startServer(): Promise<Surroundings> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url))
  const [url] = (await once(child, 'message')) as [string]
  return { given: { url }, close: () => child.disconnect() }
}

if (import.meta.main) {
  const order = JSON.stringify({ id: 17, lines: [{ article: 'tea', count: 2 }] })
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': order.length }).end(order)
      return
    }
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const lifetimeS = Number(searchParams.get('lifetime') ?? 3600)
    const answer = () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(tokenAnswer(lifetimeS))
    }
    request.resume().once('end', () => void sleep(Number(searchParams.get('delay') ?? 0)).then(answer))
  })
  // A connection that is dropped between two slices would be counted against whoever has the next.
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  process.once('disconnect', () => process.exit())
}
