import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type AccessToken, TokenError, type TokenEvents } from '../src/index.ts'
import { MemoryTokenStore } from '../src/store/memory-store.ts'
import { managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

type Calls = Pick<TokenEvents, 'tokenUsed' | 'tokenUnavailable'>

/** A manager, and what it tells of the calls that ask it for tokens. */
function heard(options: Parameters<typeof managed>[0] = {}, clock?: VirtualClock) {
  const all = managed({ scope: 'orders.read', ...options }, clock)
  const used: Calls['tokenUsed'][] = []
  const unavailable: Calls['tokenUnavailable'][] = []
  all.tokens.on('tokenUsed', (event) => used.push(event))
  all.tokens.on('tokenUnavailable', (event) => unavailable.push(event))
  return { ...all, used, unavailable }
}

describe('a call', () => {
  it('is told of with where its token came from, how long it waited, and how long the token lives on', async () => {
    const { tokens, server, clock, used } = heard()
    server.byDefault = { afterMs: 300 }
    const waiting = tokens.getToken()
    await clock.advance(300)
    await waiting
    await clock.advance(MINUTE)
    await tokens.getToken()
    const about = { client: 'default', scope: ['orders.read'] }
    expect(used).toEqual([
      expect.objectContaining({ ...about, from: 'server', waitedMs: 300, leftMs: HOUR - 300 }),
      expect.objectContaining({ ...about, from: 'process', waitedMs: 0, leftMs: HOUR - 300 - MINUTE }),
    ])
  })

  it('may get the token of another process', async () => {
    const clock = new VirtualClock()
    const store = new MemoryTokenStore({ clock, plaintext: true })
    await managed({ scope: 'orders.read', store }, clock).tokens.getToken()
    await clock.settle()
    const { tokens, used } = heard({ store: store.connect() }, clock)
    const token = await tokens.getToken()
    expect(used).toMatchObject([{ from: 'store' }])
    expect(tokens.inspect()[0]).toMatchObject({ token: { fingerprint: token.fingerprint } })
    expect(inspect(tokens.inspect())).toContain('store')
  })

  it('gets a token of this process where a rejected one is used on', async () => {
    const { tokens, server, clock, used } = heard({ maxAttempts: 1 })
    const token = await tokens.getToken()
    server.byDefault = { status: 503 }
    tokens.invalidate({}, token)
    const again = tokens.getToken()
    await clock.advance(MINUTE)
    expect(await again).toBe(token)
    expect(used.map(({ from }) => from)).toEqual(['server', 'process'])
  })

  it('that gets no token is told of, and whether the failure was known before', async () => {
    const { tokens, server, unavailable, used } = heard()
    server.byDefault = { status: 400, body: { error: 'invalid_scope' }, afterMs: 0 }
    const first = await tokens.getToken().catch((error: unknown) => error)
    const second = await tokens.getToken().catch((error: unknown) => error)
    expect(first).toBeInstanceOf(TokenError)
    expect(second).toBe(first)
    expect(unavailable).toEqual([
      expect.objectContaining({
        client: 'default',
        scope: ['orders.read'],
        error: first,
        waitedMs: 0,
        remembered: false,
      }),
      expect.objectContaining({
        client: 'default',
        scope: ['orders.read'],
        error: first,
        waitedMs: 0,
        remembered: true,
      }),
    ])
    expect(used).toEqual([])
  })

  it('that leaves has no error of evertoken', async () => {
    const { tokens, server, clock, unavailable } = heard()
    server.byDefault = { afterMs: 1000 }
    const abort = new AbortController()
    const left = tokens.getToken({ signal: abort.signal })
    await clock.advance(400)
    abort.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    expect(unavailable).toMatchObject([{ error: undefined, waitedMs: 400, remembered: false }])
  })
})

describe('a handle', () => {
  it('is printed as what it knows, without the token', async () => {
    const { tokens } = managed({ scope: 'orders.read' })
    const handle = tokens.source()
    expect(inspect(handle)).toMatch(/^TokenSource \{.*orders\.read/s)
    const token = await handle.getToken()
    expect(inspect(handle)).toContain(token.fingerprint)
    expect(inspect(handle, { showHidden: true, depth: 9 })).not.toContain(token.reveal())
  })

  it('takes no harm from a token that is reported where there is none', async () => {
    const { tokens, server } = managed()
    const handle = tokens.source()
    expect(() => handle.invalidate('some-token')).not.toThrow()
    await handle.getToken()
    expect(server.requests).toHaveLength(1)
  })

  it.each([[{}], [7], [null], [{ reveal: () => 7 }]])('refuses %j for a token that was rejected', (rejected) => {
    const handle = managed().tokens.source()
    expect(() => handle.invalidate(rejected as unknown as AccessToken)).toThrow(TypeError)
    expect(() => handle.invalidate(rejected as unknown as AccessToken)).toThrow(
      '`rejected` must be a token or its text',
    )
  })

  it('tells of a token that is rejected for which client and scope, by its fingerprint', async () => {
    const { tokens } = managed({ scope: 'orders.read' })
    const token = await tokens.getToken()
    const events: TokenEvents['tokenRejected'][] = []
    tokens.on('tokenRejected', (event) => events.push(event))
    tokens.source().invalidate(token.reveal())
    expect(events).toEqual([
      expect.objectContaining({ client: 'default', scope: ['orders.read'], fingerprint: token.fingerprint }),
    ])
  })

  it('forgets with its token that the client was failing', async () => {
    const { tokens, server } = managed({ maxAttempts: 1 })
    server.script.push({ status: 401, body: { error: 'invalid_client' } })
    const handle = tokens.source()
    await expect(handle.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    await expect(handle.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    expect(server.requests).toHaveLength(1)
    handle.invalidate()
    await expect(handle.getToken()).resolves.toMatchObject({ tokenType: 'Bearer' })
    expect(server.requests).toHaveLength(2)
  })
})
