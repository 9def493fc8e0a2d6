import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  startApi,
  startAuthorizationServer,
  type TestApi,
  TestAuthority,
  type TestAuthorizationServer,
} from '../../src/testing/index.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { type Respond, sendJson, startServer } from '../support/http-server.ts'
import { startMutualServers } from '../support/mutual-tls.ts'
import { evertoken } from './run-command.ts'

const SECRET = 'a-marker-secret-0123456789'
let server: TestAuthorizationServer
let api: TestApi
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'evertoken-home-'))
  server = await startAuthorizationServer({ clients: { orders: SECRET } })
  api = await startApi({ server })
})

afterAll(async () => {
  await api.close()
  await server.close()
  await rm(home, { recursive: true })
})

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  HOME: home,
  EVERTOKEN_CACHE_DIR: join(home, 'cache'),
  EVERTOKEN_ISSUER: server.issuer,
  EVERTOKEN_CLIENT_ID: 'orders',
  EVERTOKEN_CLIENT_SECRET: SECRET,
  EVERTOKEN_ALLOW_INSECURE_LOOPBACK: '1',
  ...more,
})

async function written(name: string, text: string): Promise<string> {
  const path = join(home, name)
  await writeFile(path, text, { mode: 0o600 })
  return path
}

const MEBIBYTE = 1024 * 1024

async function longFile(): Promise<string> {
  const path = await written('long', '')
  await truncate(path, 64 * MEBIBYTE)
  return path
}

/** Reads 4 MiB of a body at a time, and rests for 400 ms. */
async function readSlowly(body: Readable): Promise<string> {
  let size = 0
  for await (const piece of body) {
    if (Math.floor((size + piece.length) / (4 * MEBIBYTE)) > Math.floor(size / (4 * MEBIBYTE))) await sleep(400)
    size += piece.length
  }
  return `${size} bytes`
}

describe('evertoken call', () => {
  it('sends a request with the token, and prints the answer', async () => {
    const run = await evertoken(['call', `${api.origin}/orders`, '-d', '{"item":"book"}'], environment())
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(api.requests.at(-1)).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
  })

  it('sends what is piped in, and headers of the caller', async () => {
    const args = ['call', `${api.origin}/orders`, '-X', 'put', '-d', '@-', '-H', 'x-trace: 1', '-H', 'x-other: 2', '-i']
    const run = await evertoken(args, environment(), 'a=b')
    expect(run.stdout).toMatch(/^HTTP 200/)
    const { headers } = api.requests.at(-1) ?? {}
    expect(headers).toMatchObject({ 'x-trace': '1', 'x-other': '2', 'content-length': '3' })
  })

  it('sends the bytes of a file as they are', async () => {
    const path = join(home, 'image')
    await writeFile(path, Buffer.from([0, 255, 1, 254]))
    await evertoken(['call', `${api.origin}/images`, '-d', `@${path}`], environment())
    expect(api.requests.at(-1)?.headers).toMatchObject({ 'content-length': '4' })
  })

  it.each([
    ['a method that tells the token back', ['-X', 'TRACE'], 'no method for an API'],
    ['a method that is none', ['-X', 'GET /'], 'not a method'],
    ['a body that the method has not', ['-X', 'get', '-d', 'x'], 'has no body'],
    ['a header that begins another', ['-H', 'x: marker\r\nauthorization: y'], 'not a header'],
    ['a header that is none', ['-H', 'x-api-key marker'], 'not a header'],
    ['a header in letters that HTTP does not have', ['-H', 'x: marker →'], 'not a header'],
    ['a token of the caller', ['-H', 'Authorization: Bearer marker'], 'for the command to set'],
    ['another length than it has', ['-H', 'content-length: 7'], 'for the command to set'],
    ['to another host than it says', ['-H', 'host: other.example'], 'for the command to set'],
    ['a body that cannot be read', ['-d', '@/nonexistent'], 'ENOENT'],
    ['a body without end', ['-d', '@/dev/zero'], 'larger than 256 MiB'],
    ['with a certificate that it has not', ['--certificate-for-api'], 'no certificate to show'],
    ['without time', ['--timeout', '0'], 'number of seconds'],
  ])('does not send %s', async (_, args, said) => {
    const before = api.requests.length
    const run = await evertoken(['call', `${api.origin}/orders`, ...args], environment())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(said)
    expect(run.stderr).not.toContain('marker')
    expect(api.requests).toHaveLength(before)
  })

  it('says so when the answer breaks off', async () => {
    await using half = await startServer((response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('half', () => response.destroy())
    })
    const run = await evertoken(['call', half.origin], environment())
    expect(run).toMatchObject({ exitCode: 5 })
    expect(run.stderr).toContain('The rest of the answer did not come.')
    expect(run.stderr).not.toMatch(/^\s+at /m)
  })

  it('ends quietly when its reader has enough', async () => {
    await using large = await startServer((response) => response.end(Buffer.alloc(4 * 1024 * 1024)))
    const someOf = async (stream: Readable) => {
      for await (const part of stream) return String(part).slice(0, 1)
      return ''
    }
    const run = await evertoken(['call', large.origin], environment(), '', someOf)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it.each([
    [404, 4],
    [503, 5],
    [302, 0],
  ])('tells the class of the status %i by the exit code %i', async (status, exitCode) => {
    api.next({ kind: 'status', status })
    expect((await evertoken(['call', `${api.origin}/orders`], environment())).exitCode).toBe(exitCode)
  })

  it.each([
    ['http://api.example.com/orders', 'in the clear'],
    ['https://user:password@api.example.com/', 'user name'],
    ['/orders', 'Write it whole'],
    ['-x', 'Write it whole'],
  ])('does not send a token to %s', async (url, said) => {
    const run = await evertoken(['call', '--', url], environment())
    expect(run).toMatchObject({ exitCode: 2, stdout: '' })
    expect(run.stderr).toContain(said)
  })

  it('says so when nobody answers', async () => {
    const run = await evertoken(['call', 'http://127.0.0.1:1/'], environment())
    expect(run).toMatchObject({ exitCode: 5, stdout: '' })
    expect(run.stderr).toContain('did not answer. Nothing listens at 127.0.0.1:1 (ECONNREFUSED).')
  })

  it('sends a body with every method that has one', async () => {
    await evertoken(['call', `${api.origin}/orders/7`, '-X', 'delete', '-d', 'why'], environment())
    expect(api.requests.at(-1)).toMatchObject({ method: 'DELETE', headers: { 'content-length': '3' } })
  })

  it('sends the request again with another token, if the API rejects the one that was kept', async () => {
    const kept = (await evertoken(['token'], environment())).stdout.trim()
    server.revoke(kept)
    const run = await evertoken(['call', `${api.origin}/orders`, '-d', '{}'], environment())
    expect(run).toMatchObject({ exitCode: 0, stdout: '{"ok":true}' })
    expect((await evertoken(['token'], environment())).stdout.trim()).not.toBe(kept)
  })

  it('follows no redirect, and says where it leads', async () => {
    await using elsewhere = await startServer((response) => sendJson(response, {}))
    const move: Respond = (response) => response.writeHead(302, { location: elsewhere.origin }).end()
    await using moved = await startServer(move)
    const run = await evertoken(['call', moved.origin], environment())
    expect(run).toMatchObject({ exitCode: 0, stdout: '' })
    expect(run.stderr).toContain(`location: ${elsewhere.origin}`)
    expect(elsewhere.requests).toEqual([])
  })

  it.each([
    ['before it answers', '0.5', (() => {}) as Respond, 'did not answer. Nothing came for 0.5 s.', ''],
    [
      'in the midst of its answer',
      // Long enough for its head to come, on a busy machine too.
      '4',
      ((response) => response.writeHead(200).write('half')) as Respond,
      'The rest of the answer did not come. Nothing came for 4 s.',
      'half',
    ],
  ])('gives an API up that is silent for too long %s', async (_, timeout, respond, said, stdout) => {
    await using silent = await startServer(respond)
    const run = await evertoken(['call', silent.origin, '--timeout', timeout], environment())
    expect(run).toMatchObject({ exitCode: 5, stdout })
    expect(run.stderr).toContain(said)
  })

  it.each([
    ['with an upgrade', { connection: 'upgrade', upgrade: 'other' }],
    ['and says not to which', {}],
  ])('takes no other protocol for an answer: status 101 %s', async (_, headers) => {
    await using other = await startServer((response) => response.writeHead(101, headers).end())
    const run = await evertoken(['call', other.origin], environment())
    expect(run).toMatchObject({ exitCode: 5, stdout: '' })
    expect(run.stderr).toBe(`✘ 127.0.0.1:${other.port} did not answer, but wants to speak another protocol.\n`)
  })

  it('bears with an API that takes a long body slowly', async () => {
    const path = await longFile()
    await using slow = await startServer((response) => response.end('done'), undefined, readSlowly)
    const run = await evertoken(['call', slow.origin, '-d', `@${path}`, '--timeout', '5'], environment())
    expect(run).toMatchObject({ exitCode: 0, stdout: 'done', stderr: '' })
  })

  it('does not wait for an API that has answered to take the rest of the body, and says so', async () => {
    const early = createServer((socket) => {
      socket.once('data', () => socket.pause().write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone'))
      socket.on('error', () => {}).on('close', () => early.close())
    })
    await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve))
    const { port } = early.address() as AddressInfo
    const run = await evertoken(['call', `http://127.0.0.1:${port}`, '-d', `@${await longFile()}`], environment())
    expect(run).toMatchObject({ exitCode: 0, stdout: 'done' })
    expect(run.stderr).toBe('• The API answered before it had taken the whole body, and does not get the rest.\n')
  })

  it('says what it waits for, once that takes a second', async () => {
    await using silent = await startServer(() => {})
    const run = await evertoken(['call', silent.origin, '--timeout', '1.5'], environment())
    expect(run.progress).toContain(`Waiting for 127.0.0.1:${silent.port} …\n`)
  })

  it('passes on bytes as they come', async () => {
    const bytes = Buffer.from([0, 255, 27, 91, 228, 13, 10])
    await using binary = await startServer((response) => response.end(bytes))
    const hexOf = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString('hex')
    const run = await evertoken(['call', binary.origin], environment(), '', hexOf)
    expect(run).toMatchObject({ exitCode: 0, stdout: bytes.toString('hex'), stderr: '' })
  })

  it.each([
    ['an answer without a body', 'GET', /^$/],
    ['the head of what has one, and nothing else', 'HEAD', /^HTTP 204 No Content\n(?:.+\n)+\n$/],
  ])('prints %s', async (_, method, printed) => {
    await using empty = await startServer((response) => response.writeHead(204).end())
    const run = await evertoken(['call', empty.origin, '-X', method], environment())
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run.stdout).toMatch(printed)
  })
})

describe('the connection of evertoken call', () => {
  const authority = new TestAuthority()
  const name = 'api.example'

  it('goes through the proxy of the environment, as a tunnel, and trusts --ca-file there', async () => {
    await using secure = await startServer((response) => sendJson(response, {}), authority.issue({ names: [name] }))
    await using proxy = await startConnectProxy({ to: secure })
    const proxies = { HTTPS_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }
    const args = ['call', `https://${name}/orders`]
    const run = await evertoken([...args, '--ca-file', await written('ca.pem', authority.cert)], environment(proxies))
    expect(run).toMatchObject({ exitCode: 0, stdout: '{}', stderr: '' })
    expect(proxy.tunnels).toMatchObject([{ target: `${name}:443` }])
    expect(proxy.seen).not.toContain(secure.requests[0]?.headers.authorization)
    const untrusted = await evertoken(args, environment(proxies))
    expect(untrusted).toMatchObject({ exitCode: 5, stdout: '' })
    expect(untrusted.stderr).toContain('--ca-file')
  })

  it('says what the proxy refused', async () => {
    await using proxy = await startConnectProxy({ to: { port: 1 }, refuse: 407 })
    const proxies = { HTTPS_PROXY: proxy.url.replace('//', '//user:a-marker-password@'), NO_PROXY: '127.0.0.1' }
    const run = await evertoken(['call', `https://${name}/orders`], environment(proxies))
    expect(run).toMatchObject({ exitCode: 5, stdout: '' })
    expect(run.stderr).toContain('the proxy answered CONNECT with status 407')
    expect(run.stderr).not.toContain('a-marker-password')
  })

  it('trusts the built-in authorities beside those of --ca-file', async () => {
    const [own, builtIn] = [await written('own.pem', authority.cert), new TestAuthority('Of the system')]
    await using secure = await startServer((response) => sendJson(response, {}), builtIn.issue())
    const system = { NODE_EXTRA_CA_CERTS: await written('system.pem', builtIn.cert) }
    expect(await evertoken(['call', secure.origin, '--ca-file', own], environment(system))).toMatchObject({
      exitCode: 0,
    })
    expect(await evertoken(['call', secure.origin, '--ca-file', own], environment())).toMatchObject({ exitCode: 5 })
  })

  it('shows the client certificate where that is said, for tokens that are bound to it', async () => {
    await using servers = await startMutualServers(authority)
    const { cert, key } = authority.issue()
    const mutual = environment({
      EVERTOKEN_ISSUER: '',
      EVERTOKEN_TOKEN_ENDPOINT: `${servers.auth.origin}/token`,
      EVERTOKEN_CA_FILE: await written('mutual.pem', authority.cert),
      EVERTOKEN_CERTIFICATE_FILE: await written('client.pem', cert),
      EVERTOKEN_CERTIFICATE_KEY_FILE: await written('client.key', key),
      EVERTOKEN_CLIENT_AUTHENTICATION: 'tls_client_auth',
    })
    const without = await evertoken(['call', servers.api.origin], mutual)
    expect(without).toMatchObject({ exitCode: 5, stdout: '' })
    expect(without.stderr).toContain('--certificate-for-api')
    const run = await evertoken(['call', servers.api.origin, '--certificate-for-api'], mutual)
    expect(run).toMatchObject({ exitCode: 0, stdout: '{}', stderr: '' })
    expect(servers.arrived).toMatchObject([{ accepted: true }])
    expect(servers.requestedWith).toHaveLength(1)
  })

  it('says of a rejected token that it may be bound to a certificate', async () => {
    const { cert, key } = authority.issue()
    const shown = [
      '--certificate-file',
      await written('c.pem', cert),
      '--certificate-key-file',
      await written('c.key', key),
    ]
    await using refusing = await startServer((response) => response.writeHead(401).end())
    const run = await evertoken(['call', refusing.origin, ...shown], environment())
    expect(run).toMatchObject({ exitCode: 4, stdout: '' })
    expect(run.stderr).toContain('--certificate-for-api')
  })
})

describe('evertoken with tokens that are bound to a key', () => {
  it('proves in each call that it has the key, and keeps tokens between calls', async () => {
    await using careful = await startApi({ server, dpopNonce: true })
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (const [format, text] of [
      ['pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string],
      ['jwk', JSON.stringify(privateKey.export({ format: 'jwk' }))],
    ] as const) {
      const path = await written(`dpop.${format}`, text)
      const run = await evertoken(
        ['call', `${careful.origin}/orders`, '--dpop-key-file', path, '-d', 'x'],
        environment(),
      )
      expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    }
    const scheme = careful.requests.map(({ headers }) => headers.authorization?.split(' ')[0])
    expect(new Set(scheme)).toEqual(new Set(['DPoP']))
    expect(new Set(careful.requests.map(({ headers }) => headers.authorization)).size).toBe(1)
  })

  it('says of a header with such a token that it is not enough', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const path = await written('bound.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
    const run = await evertoken(['token', '--header', '--dpop-key-file', path], environment())
    expect(run.stdout).toMatch(/^Authorization: DPoP /)
    expect(run.stderr).toContain('evertoken call')
  })
})
