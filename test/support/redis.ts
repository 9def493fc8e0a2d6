import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const { EVERTOKEN_TEST_REDIS_URL, CI } = process.env

const hasServer = spawnSync('redis-server', ['--version']).status === 0

/** Whether servers can be started, to be stopped, paused or filled by a test. */
export const canStartRedis: boolean = hasServer || needed('redis-server in the PATH')

/** Whether there is any Redis to test with. */
export const hasRedis: boolean =
  EVERTOKEN_TEST_REDIS_URL !== undefined || hasServer || needed('redis-server, or EVERTOKEN_TEST_REDIS_URL')

/** What the one line says when there is none. */
export const WITHOUT_REDIS = 'Skipped: tests with Redis. Install redis-server, or set EVERTOKEN_TEST_REDIS_URL.'

function needed(what: string): false {
  if (CI === 'true') throw new Error(`In CI no test is skipped, and those of the shared store need ${what}.`)
  return false
}

/** A Redis server; `await using` ends it, if it was started here. */
export interface TestRedis extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly url: string
}

/** A server of this test's own. */
export interface OwnRedis extends TestRedis {
  /** Stops its process, as SIGSTOP does; it keeps its connections. */
  pause(): void
  resume(): void
  /** Ends its process at once. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
}

/** The server of `EVERTOKEN_TEST_REDIS_URL`, or one of the test's own. Keys there may be other people's. */
export async function anyRedis(): Promise<TestRedis> {
  if (EVERTOKEN_TEST_REDIS_URL === undefined) return await startRedis()
  const { hostname: host, port } = new URL(EVERTOKEN_TEST_REDIS_URL)
  return { host, port: Number(port || 6379), url: EVERTOKEN_TEST_REDIS_URL, async [Symbol.asyncDispose]() {} }
}

/** Starts a server on a port of its own, without persistence. */
export async function startRedis(...options: readonly string[]): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'evertoken-redis-'))
  const port = await freePort()
  const start = () => startProcess(folder, port, options)
  let server = await start()
  const kill = async () => {
    const ended = server.exitCode !== null || server.signalCode !== null
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGKILL')
    if (!ended) await gone
  }
  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    kill,
    async restart() {
      await kill()
      server = await start()
    },
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true })
    },
  }
}

async function startProcess(folder: string, port: number, options: readonly string[]): Promise<ChildProcess> {
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn('redis-server', [...own, ...options], { stdio: 'ignore' })
  const end = () => server.kill('SIGKILL')
  process.once('exit', end)
  server.once('exit', () => process.off('exit', end))
  for (let tries = 0; ; tries++) {
    if ((await askServer(port, 'PING').catch(() => '')).startsWith('+PONG')) return server
    if (tries === 400 || server.exitCode !== null) throw new Error('redis-server did not start')
    await wait(25)
  }
}

/** Sends one command and returns the answer as it comes. */
export async function askServer(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(`${command}\r\n`)
    return await new Promise((resolve, reject) => {
      socket.once('data', (bytes) => resolve(bytes.toString()))
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
  } finally {
    socket.destroy()
  }
}

/** Three masters that share the slots. */
export async function startCluster(): Promise<AsyncDisposable & { readonly url: string }> {
  const nodes: OwnRedis[] = []
  for (let i = 0; i < 3; i++) {
    const bus = String(await freePort())
    const node = await startRedis('--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000')
    await askServer(node.port, `CLUSTER ADDSLOTSRANGE ${[0, 5461, 10923][i]} ${[5460, 10922, 16383][i]}`)
    nodes.push(node)
    await askServer(nodes[0]?.port ?? 0, `CLUSTER MEET 127.0.0.1 ${node.port} ${bus}`)
  }
  for (const { port } of nodes) await until(async () => (await askServer(port, 'CLUSTER INFO')).includes('state:ok'))
  return {
    url: nodes[0]?.url ?? '',
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node[Symbol.asyncDispose]()
    },
  }
}

/** Looks again and again, for 20 seconds. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    if (tries === 800) throw new Error('It did not come about within 20 seconds')
    await wait(25)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
