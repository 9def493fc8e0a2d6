import { createServer } from 'node:net'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { sendJson, startServer } from '../support/http-server.ts'
import { TestAuthority } from '../support/tls.ts'
import { askAt, askServer, type Mistake, type Mistakes, managerWith, SECRET } from './mistake.ts'

const HTML = { headers: { 'content-type': 'text/html' }, body: '<html><title>Marker</title></html>' }
const HOUR_MS = 3_600_000

type Request = Parameters<TestAuthority['issue']>[0]

/** Asks a server whose certificate is wrong in one way. */
async function askTls(request: Request, isTrusted: boolean, host = 'localhost'): Promise<void> {
  const authority = new TestAuthority()
  await using server = await startServer((response) => sendJson(response, {}), authority.issue(request))
  const ca = isTrusted ? authority.cert : undefined
  await askAt({ tokenEndpoint: `https://${host}:${server.port}/token`, ca, proxy: false })
}

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function askThrough(refuse: number): Promise<void> {
  await using proxy = await startConnectProxy({ to: { port: 1 }, refuse })
  await askAt({ tokenEndpoint: 'https://auth.example.com/token', proxy: proxy.url })
}

const network = (mistake: string, error: string, says: string, make: () => unknown): Mistake => ({
  mistake,
  error,
  says,
  make,
})

export const NETWORK: Mistakes = {
  heading: 'Network, proxies and certificates',
  mistakes: [
    network('Nothing listens on that port, or the server is down', 'network', 'Nothing listens there', async () =>
      askAt({ tokenEndpoint: `http://127.0.0.1:${await closedPort()}/token` }),
    ),
    network(
      '`localhost` where the server listens on the other of ::1 and 127.0.0.1, or in another container',
      'network',
      '`localhost` may be ::1',
      async () => askAt({ tokenEndpoint: `http://localhost:${await closedPort()}/token` }),
    ),
    network('A firewall that drops the connection', 'timeout', 'does a firewall drop the connection', async () => {
      await using server = await startServer(() => {})
      await askAt({ tokenEndpoint: `${server.origin}/token`, timeoutMs: 300 })
    }),
    network('`https:` to a port that speaks plain http', 'tls', 'check scheme and port', async () => {
      await using server = await startServer((response) => sendJson(response, {}))
      await askAt({ tokenEndpoint: `https://127.0.0.1:${server.port}/token`, proxy: false })
    }),
    network('`http:` to a port that speaks TLS', 'network', 'does that port speak TLS?', async () => {
      await using server = await startServer((response) => sendJson(response, {}), new TestAuthority().issue())
      await askAt({ tokenEndpoint: `http://127.0.0.1:${server.port}/token` })
    }),
    network('The certificate of a private authority, or of a proxy that inspects TLS', 'tls', 'as `ca`', () =>
      askTls({}, false),
    ),
    network('A certificate that has expired', 'tls', 'has expired', () =>
      askTls({ notAfter: new Date(Date.now() - HOUR_MS / 2) }, true),
    ),
    network('A certificate that is not valid yet, or a clock that is late', 'tls', 'not valid yet', () =>
      askTls({ notBefore: new Date(Date.now() + HOUR_MS / 2) }, true),
    ),
    network('A certificate for another host name', 'tls', 'for another host name', () =>
      askTls({ names: ['auth.example.com'] }, true),
    ),
    network(
      "The path of the authority's certificate as `ca`",
      'TypeError',
      'the content of the file, not its path',
      () => managerWith({ ca: '/etc/ssl/ca.pem' }),
    ),
    network('A proxy that wants other credentials', 'network', 'http://user:password@host:port', () => askThrough(407)),
    network('A proxy that does not let through to this host', 'network', 'Does it allow connections', () =>
      askThrough(403),
    ),
    network('A proxy that is not there', 'network', 'Check `proxy` or HTTPS_PROXY', async () =>
      askAt({ tokenEndpoint: 'https://auth.example.com/token', proxy: `http://127.0.0.1:${await closedPort()}` }),
    ),
    network("A proxy without scheme: `proxy: 'proxy.example.com:3128'`", 'TypeError', 'For example http://proxy', () =>
      managerWith({ proxy: 'proxy.example.com:3128' }),
    ),
    network(
      'A login page of the network, or a gateway, answers in place of the server',
      'invalid_response',
      'login page, a proxy or a gateway',
      () => askServer({ ...HTML, status: 200 }),
    ),
    network('A gateway whose server is down', 'server_unavailable', 'try again later', () =>
      askServer({ ...HTML, status: 502 }),
    ),
    network(
      'A gateway that refuses the network address',
      'invalid_response',
      'may refuse this client or its network address',
      () => askServer({ ...HTML, status: 403 }),
    ),
    network(
      'A manager in every request: too many token requests',
      'server_unavailable',
      'share one manager per process',
      () => askServer({ status: 429 }),
    ),
    network('A token that has been damaged on the way', 'invalid_response', 'has damaged the token', () =>
      askServer({ status: 200, body: { access_token: `${SECRET}\n`, token_type: 'Bearer' } }),
    ),
  ],
}
