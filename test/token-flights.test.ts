import { describe, expect, it } from 'vitest'
import type { TokenEvents } from '../src/index.ts'
import { managed } from './support/managed.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const text = async (token: Promise<{ reveal(): string }>) => (await token).reveal()

/** A manager with one request under way, for 500 ms, and a forced refresh that waits for it to end. */
async function forcedBehindAnother() {
  const all = managed()
  const { tokens, server, clock } = all
  const requested: Pick<TokenEvents['tokenRequested'], 'reason' | 'background'>[] = []
  tokens.on('tokenRequested', ({ reason, background }) => requested.push({ reason, background }))
  server.byDefault = { afterMs: 500 }
  const first = text(tokens.getToken())
  await clock.settle()
  const forced = text(tokens.getToken({ forceRefresh: true }))
  await clock.settle()
  return { ...all, first, forced, requested }
}

describe('a forced refresh', () => {
  it('that waits for its turn is told of as one, for which somebody waits', async () => {
    const { first, forced, requested, clock } = await forcedBehindAnother()
    await clock.advance(500)
    expect(await first).toBe('token-1')
    await clock.advance(500)
    expect(await forced).toBe('token-2')
    expect(requested).toEqual([
      { reason: 'no token', background: false },
      { reason: 'forced', background: false },
    ])
  })

  it('is served when the manager closes while it runs, after it has waited', async () => {
    const { tokens, first, forced, clock } = await forcedBehindAnother()
    await clock.advance(500)
    await first
    await clock.advance(100)
    const closing = tokens.close()
    await clock.advance(400)
    expect(await forced).toBe('token-2')
    await closing
  })

  it('is shared by a caller that comes at the very moment when its turn comes', async () => {
    const { tokens, server, clock } = managed()
    const source = tokens.source()
    server.byDefault = { afterMs: 500 }
    const late = source.getToken().then(() => source.getToken({ forceRefresh: true }))
    const forced = source.getToken({ forceRefresh: true })
    await clock.advance(1500)
    expect(await late).toBe(await forced)
    expect(server.requests).toHaveLength(2)
  })

  it('is told of, and not forgotten to make room, at the very moment when its turn comes', async () => {
    const { tokens, server, clock } = managed()
    const source = tokens.source()
    server.byDefault = { afterMs: 500 }
    const between = source.getToken().then(() => [source.inspect().requestInFlight, source.busy()])
    void source.getToken({ forceRefresh: true })
    await clock.advance(1000)
    expect(await between).toEqual([true, true])
    expect([source.inspect().requestInFlight, source.busy()]).toEqual([false, false])
  })

  it('is waited for by a manager that closes at the very moment when the request before it ends', async () => {
    const { tokens, server, clock } = managed()
    const source = tokens.source()
    server.byDefault = { afterMs: 500 }
    const closed = source.getToken().then(() => tokens.close())
    const forced = text(source.getToken({ forceRefresh: true }))
    await clock.advance(500)
    expect(await Promise.race([closed.then(() => 'closed'), clock.settle().then(() => 'open')])).toBe('open')
    await clock.advance(500)
    expect(await forced).toBe('token-2')
    await closed
  })

  it('that is asked for after the end is refused, though a request is under way', async () => {
    const { tokens, first, forced, clock } = await forcedBehindAnother()
    const closing = tokens.close()
    await expect(tokens.getToken({ forceRefresh: true })).rejects.toMatchObject({ code: 'closed' })
    await clock.advance(1000)
    expect([await first, await forced]).toEqual(['token-1', 'token-2'])
    await closing
  })

  it('counts among those who wait, before its turn and in it', async () => {
    const { tokens, first, forced, clock } = await forcedBehindAnother()
    const source = tokens.source()
    expect(source.waiters()).toBe(2)
    void text(tokens.getToken({ forceRefresh: true }))
    expect(source.waiters()).toBe(3)
    await clock.advance(500)
    await first
    await clock.settle()
    expect(source.waiters()).toBe(2)
    await clock.advance(500)
    await forced
    expect(source.waiters()).toBe(0)
  })

  it('begins the request again that slept through a suspension', async () => {
    const { tokens, server, clock } = managed()
    server.script.push({ hang: true })
    const first = text(tokens.getToken())
    await clock.settle()
    clock.suspend(10 * MINUTE)
    const forced = text(tokens.getToken({ forceRefresh: true }))
    await clock.settle()
    expect(await first).toBe('token-1')
    expect(await forced).toBe('token-2')
    expect(server.requests).toHaveLength(3)
  })
})

describe('a refresh that nobody waits for', () => {
  it('is told of as such', async () => {
    const { tokens, clock } = managed()
    await tokens.getToken()
    await clock.advance(50 * MINUTE)
    const requested: boolean[] = []
    tokens.on('tokenRequested', ({ background }) => requested.push(background))
    await tokens.getToken()
    await clock.settle()
    expect(requested).toEqual([true])
  })
})

describe('the end of the manager', () => {
  it('comes at once where only a failure is remembered', async () => {
    const { tokens, server } = managed()
    server.byDefault = { status: 400, body: { error: 'invalid_scope' } }
    await expect(tokens.getToken()).rejects.toMatchObject({ error: 'invalid_scope' })
    await expect(tokens.close()).resolves.toBeUndefined()
  })
})
