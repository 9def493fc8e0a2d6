import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { type Clock, systemClock, TokenManager, type TokenSource } from '../src/index.ts'
import { type Figure, type Group, type Pace, type Role, spreadOf } from './harness.ts'
import { type LoopBlocks, longestBlocks } from './loop-blocks.ts'

const HOUR_MS = 3_600_000
const CALLERS_PER_TURN = 10
const TOKEN_LENGTH = 1024
const BOUND_MS = 5
// Where the refresh window begins, or is not far.
const DUE_MS = 0.7 * HOUR_MS

type Run = (ms: number) => Promise<unknown>

let made = 0

// Of one piece, like a text that was read from an answer.
function newToken(): string {
  made += 1
  return Buffer.from(String(made).padStart(TOKEN_LENGTH, 'x')).toString('latin1')
}

/** A token endpoint that costs next to nothing, and at times as long as one over a network. */
class Endpoint {
  isFar = false

  readonly requestToken = async (): Promise<{ accessToken: string; lifetimeMs: number }> => {
    if (this.isFar) await sleep(5 + 10 * Math.random())
    return { accessToken: newToken(), lifetimeMs: HOUR_MS }
  }
}

/** The machine's own clock, which can be put forward; long sleeps then end. All tokens fall due together. */
class HastenedClock implements Clock {
  #aheadMs = 0
  #hasten = Promise.withResolvers<void>()

  readonly random = (): number => 0
  readonly now = (): number => systemClock.now() + this.#aheadMs
  readonly monotonicNow = (): number => systemClock.monotonicNow() + this.#aheadMs

  async sleep(...[ms, signal, options]: Parameters<Clock['sleep']>): Promise<void> {
    const done = new AbortController()
    const onAbort = () => done.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    try {
      const slept = systemClock.sleep(ms, done.signal, options)
      await (ms > HOUR_MS / 4 ? Promise.race([slept, this.#hasten.promise]) : slept)
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  putForward(ms: number): void {
    this.#aheadMs += ms
    this.#hasten.resolve()
    this.#hasten = Promise.withResolvers()
  }
}

const scopeOf = (key: number) => `warehouse.${key}`

/** Calls for the tokens of all keys, round and round, a few in each turn. */
async function callers(ms: number, call: (key: number) => Promise<unknown>): Promise<void> {
  const end = performance.now() + ms
  for (let key = 0; performance.now() < end; ) {
    for (let one = 0; one < CALLERS_PER_TURN; one += 1, key += 1) void call(key)
    await turn()
  }
}

/** The longest blocks in each of some seconds. */
async function blocksOf(name: string, role: Role, { isQuick }: Pace, run: Run): Promise<Figure[]> {
  const seconds: LoopBlocks[] = []
  for (let second = 0; second < (isQuick ? 2 : 5); second += 1) {
    seconds.push(await longestBlocks(() => run(isQuick ? 400 : 1000)))
  }
  const figure = { unit: 'ms', value: spreadOf(seconds.map(({ work }) => work)) }
  const whole = { unit: 'ms', value: spreadOf(seconds.map(({ all }) => all)) }
  return [
    { ...figure, name, role, ...(role === 'ours' && { bound: BOUND_MS }) },
    { ...whole, name: `${name}; with the garbage collector`, role: 'floor' },
  ]
}

async function measure(pace: Pace): Promise<Figure[]> {
  const keys = pace.isQuick ? 10_000 : 100_000
  const each = keys.toLocaleString('en')
  const kept = (keys / 10).toLocaleString('en')
  const blocks = (name: string, role: Role, run: Run) => blocksOf(name, role, pace, run)
  const clock = new HastenedClock()
  const endpoint = new Endpoint()
  const client = { clientId: 'bench', requestToken: endpoint.requestToken, clock, maxTokens: keys / 10 }
  const called = new TokenManager(client)
  const keptWarm = new TokenManager({ ...client, keepWarm: true })

  const handles = await handlesOn(called, keys)
  const calls: Run = (ms) => callers(ms, (key) => (handles[key % keys] as TokenSource).getToken())
  const idle = await blocks('nothing', 'floor', (ms) => sleep(ms))
  const fresh = await blocks(`calls for ${each} fresh tokens`, 'floor', calls)
  endpoint.isFar = true
  clock.putForward(DUE_MS)
  const due = await blocks(`calls for ${each} tokens that fall due together`, 'ours', calls)

  endpoint.isFar = false
  const warm = await handlesOn(keptWarm, keys)
  endpoint.isFar = true
  clock.putForward(DUE_MS)
  const ofWarm = await blocks(`${warm.length.toLocaleString('en')} handles kept warm`, 'ours', (ms) => sleep(ms))
  // Which are held until here.
  if (warm.every((handle) => handle.peek() === undefined)) throw new Error('Nothing was kept warm')
  await Promise.all([called, keptWarm].map((tokens) => tokens.close()))

  endpoint.isFar = false
  const bounded = new TokenManager(client)
  let key = 0
  const evict: Run = (ms) => callers(ms, () => bounded.getToken({ scope: scopeOf(key++ % keys) }))
  const ofEviction = await blocks(`calls for ${each} tokens, of which ${kept} are kept`, 'ours', evict)
  return [idle, fresh, due, ofWarm, ofEviction].flat()
}

async function handlesOn(tokens: TokenManager, keys: number): Promise<TokenSource[]> {
  const handles: TokenSource[] = []
  for (let key = 0; key < keys; key += 1) {
    const handle = tokens.source({ scope: scopeOf(key) })
    await handle.getToken()
    handles.push(handle)
  }
  return handles
}

/** For how long nothing else can happen. */
export const group: Group = {
  title: 'The event loop',
  rows: [
    {
      name: 'core-block',
      title: 'The longest block of the event loop',
      about: `In each of five seconds, in 100,000 keys of one client, ten calls in each turn of the loop. Tokens are requested from a
function that takes 5 to 15 ms and costs nothing, but for evictions, where it answers at once. What other processes did meanwhile
does not count; pauses of the garbage collector stand beside, because any program has them that replaces as much text.`,
      measure,
    },
  ],
}
