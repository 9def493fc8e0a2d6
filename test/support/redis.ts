import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const { EVERTOKEN_TEST_REDIS_URL, CI } = process.env

/** The program that is started: Redis, or Valkey where there is no Redis. */
const PROGRAM = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0)

const hasServer = PROGRAM !== undefined

/** Whether servers can be started, to be stopped, paused or filled by a test. */
export const canStartRedis: boolean = hasServer || needed('redis-server in the PATH')

/** Whether there is any Redis to test with. */
export const hasRedis: boolean =
  EVERTOKEN_TEST_REDIS_URL !== undefined || hasServer || needed('redis-server, or EVERTOKEN_TEST_REDIS_URL')

/** The one line that says what is skipped, if anything is. */
export const SKIPPED: string | undefined = canStartRedis
  ? undefined
  : `Skipped: tests ${hasRedis ? 'that start and stop Redis. Install' : 'with Redis. Set EVERTOKEN_TEST_REDIS_URL, or install'} redis-server or valkey-server.\n`

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
  const start = () => startProcess(folder, port, ['--save', '', '--appendonly', 'no', ...options])
  let server = await start()
  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    pause: () => process.kill(server.pid, 'SIGSTOP'),
    resume: () => process.kill(server.pid, 'SIGCONT'),
    kill: () => server.end(),
    async restart() {
      await server.end()
      server = await start()
    },
    async [Symbol.asyncDispose]() {
      await server.end()
      rmSync(folder, { recursive: true })
    },
  }
}

interface ServerProcess {
  readonly pid: number
  end(): Promise<void>
}

// The shell ends the server when this process is gone, however it went.
const GUARDED = `${PROGRAM} "$@" > /dev/null & echo $!; cat > /dev/null; kill -9 $!`

async function startProcess(folder: string, port: number, options: readonly string[]): Promise<ServerProcess> {
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const shell = spawn('sh', ['-c', GUARDED, 'sh', ...options, ...own], { stdio: ['pipe', 'pipe', 'ignore'] })
  const gone = new Promise((resolve) => shell.once('exit', resolve))
  const end = async () => {
    shell.stdin.end()
    await gone
  }
  const pid = await new Promise<number>((resolve) => shell.stdout.once('data', (text) => resolve(Number(text))))
  try {
    await until(async () => {
      const answer = await askServer(port, 'INFO server').catch(() => '')
      return answer.startsWith('-NOAUTH') || answer.includes(`process_id:${pid}\r`)
    })
  } catch (error) {
    await end()
    throw new Error(`${PROGRAM} did not start`, { cause: error })
  }
  return { pid, end }
}

/** A server with a replica, and the sentinel that watches them. */
export interface SentinelRedis extends AsyncDisposable {
  readonly url: string
  /** Ends the server at once; the sentinel puts the replica in its place. */
  fail(): Promise<void>
  /** Whether the replica has all that the server was told. */
  isReplicated(): Promise<boolean>
}

export async function startSentinel(): Promise<SentinelRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'evertoken-sentinel-'))
  const master = await startRedis('--repl-diskless-sync-delay', '0')
  const replica = await startRedis('--replicaof', '127.0.0.1', String(master.port))
  const configuration = join(folder, 'sentinel.conf')
  const watched = [
    `monitor ${SENTINEL_NAME} 127.0.0.1 ${master.port} 1`,
    // Longer than a busy machine keeps the server from answering: it is not replaced before the test has ended it.
    `down-after-milliseconds ${SENTINEL_NAME} 5000`,
  ]
  writeFileSync(configuration, watched.map((line) => `sentinel ${line}\n`).join(''))
  const port = await freePort()
  const sentinel = await startProcess(folder, port, [configuration, '--sentinel'])
  return {
    url: `redis://127.0.0.1:${port}`,
    fail: () => master.kill(),
    async isReplicated() {
      const knowsReplica = (await askServer(port, `SENTINEL REPLICAS ${SENTINEL_NAME}`)).includes(String(replica.port))
      return knowsReplica && (await offsetOf(master)) === (await offsetOf(replica))
    },
    async [Symbol.asyncDispose]() {
      await sentinel.end()
      for (const server of [master, replica]) await server[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

async function offsetOf({ port }: TestRedis): Promise<string | undefined> {
  const replication = await askServer(port, 'INFO replication')
  return replication.match(/(?:slave|master)_repl_offset:(\d+)/)?.[1]
}

/** What the server behind the sentinel is called. */
export const SENTINEL_NAME = 'primary'

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
    const node = await startRedis('--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '60000')
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

// Ten processes that start at once take half a minute where others keep the machine busy.
const PATIENCE_MS = 120_000

/** Looks again and again, for two minutes. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !(await isSo()); ) {
    if (performance.now() > end) throw new Error('It did not come about within two minutes')
    await wait(25)
  }
}

// Below those that the system hands out to whoever asks for any port, so that no other test gets one meanwhile. Test
// files that run at the same time have ports of their own: nobody takes one whose server is about to start, or restarts.
const FIRST_PORT = 10_000
const PORTS_EACH = 500
const MOST_AT_ONCE = 40
const taken = new Set<number>()

/** A port that nobody listens to, another one each time. */
export async function freePort(): Promise<number> {
  const first = FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 0) % MOST_AT_ONCE) * PORTS_EACH
  for (;;) {
    const port = first + Math.floor(Math.random() * PORTS_EACH)
    if (taken.has(port)) continue
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    taken.add(port)
    return port
  }
}
