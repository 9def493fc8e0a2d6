import { Socket } from 'node:net'

const LOOPBACK = /^(?:localhost|(?:::ffff:)?127(?:\.\d+){3}|::1)$/

interface Target {
  readonly host?: string | null
  readonly path?: string | null
  readonly lookup?: unknown
}

// Node's own callers pass its normalised form, an array; others an object, or port and host.
function targetOf([first, second]: readonly unknown[]): Target {
  if (Array.isArray(first)) return first[0]
  if (typeof first === 'object' && first !== null) return first
  return typeof second === 'string' ? { host: second } : {}
}

const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket

Socket.prototype.connect = function connectToThisMachine(this: Socket, ...args: unknown[]): Socket {
  const { host, path, lookup } = targetOf(args)
  if (path || lookup || !host || LOOPBACK.test(host)) return connect.apply(this, args)
  const error = Object.assign(new Error(`Tests connect to this machine only, not to ${host}`), { code: 'ENETUNREACH' })
  // By way of a lookup the error arrives as that of any host out of reach does.
  const refuse = (_name: string, _options: unknown, done: (error: Error) => void) => setImmediate(done, error)
  return connect.call(this, { host: 'another-machine', port: 1, lookup: refuse })
}

// A proxy of this machine would be asked for what is on it, too.
for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'grpc_proxy']) {
  delete process.env[name]
  delete process.env[name.toUpperCase()]
}

// Where the processes that tests start tell what they covered, for `npm run coverage`; Node passes it on to them.
const { EVERTOKEN_CHILD_COVERAGE } = process.env
if (EVERTOKEN_CHILD_COVERAGE !== undefined) process.env.NODE_V8_COVERAGE = EVERTOKEN_CHILD_COVERAGE
