import { describe, expect, it } from 'vitest'
import { TokenManager } from '../src/index.ts'
import { clientOf, managed } from './support/managed.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const text = async (token: Promise<{ reveal(): string }>) => (await token).reveal()

describe('a failure among requests side by side', () => {
  it('does not hide the Retry-After of another', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    server.script.push({ status: 503, afterMs: 10 }, { status: 429, headers: { 'retry-after': '120' }, afterMs: 11 })
    const both = Promise.allSettled([tokens.getToken({ scope: 'a' }), tokens.getToken({ scope: 'b' })])
    // The first one's own retries would come earlier.
    server.byDefault = { status: 503 }
    await clock.advance(30 * SECOND)
    await both
    const before = server.requests.length
    server.byDefault = {}
    await clock.advance(80 * SECOND)
    await expect(tokens.getToken({ scope: 'c' })).rejects.toMatchObject({ code: 'server_unavailable' })
    expect(server.requests).toHaveLength(before)
    await clock.advance(30 * SECOND)
    expect(await text(tokens.getToken({ scope: 'c' }))).toMatch(/^token-/)
  })

  it('is not forgotten because a request sent before it succeeds after it', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    server.script.push({ afterMs: 2 * SECOND }, { status: 429, headers: { 'retry-after': '120' }, afterMs: SECOND })
    const slow = tokens.getToken({ scope: 'slow' })
    const throttled = tokens.getToken({ scope: 'throttled' })
    await Promise.allSettled([clock.advance(2 * SECOND), slow, throttled])
    await expect(tokens.getToken({ scope: 'throttled' })).rejects.toMatchObject({
      code: 'server_unavailable',
      status: 429,
    })
    expect(server.requests).toHaveLength(3)
  })

  it('of one key whose token expires on its way says nothing about the others', async () => {
    const { tokens, server, clock } = managed({ maxAttempts: 1 })
    await tokens.getToken()
    server.script.push({ body: server.token({ expires_in: 1 }), afterMs: 1200 })
    const late = expect(tokens.getToken({ scope: 'late' })).rejects.toMatchObject({ code: 'expired_on_arrival' })
    await clock.advance(1200)
    await late
    expect(await text(tokens.getToken({ scope: 'other' }))).toMatch(/^token-/)
  })
})

describe('many keys of one client', () => {
  it('make one failed login, at any number of requests at once', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    server.byDefault = { status: 401, body: { error: 'invalid_client' }, afterMs: 10 }
    const callers = Promise.allSettled(Array.from({ length: 200 }, (_, n) => tokens.getToken({ scope: `s${n}` })))
    await clock.advance(500)
    await callers
    // 32 were under way when the first was denied.
    expect(server.requests).toHaveLength(1 + 32)
    const { tokens: cold, server: other, clock: time } = managed()
    other.byDefault = { status: 401, body: { error: 'invalid_client' }, afterMs: 10 }
    const coldCallers = Promise.allSettled(Array.from({ length: 200 }, (_, n) => cold.getToken({ scope: `s${n}` })))
    await time.advance(500)
    await coldCallers
    expect(other.requests).toHaveLength(1)
  })

  it('in an outage make one attempt each at most, once it is known', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    server.byDefault = { status: 503, afterMs: 10 }
    const callers = Promise.allSettled(Array.from({ length: 500 }, (_, n) => tokens.getToken({ scope: `s${n}` })))
    await clock.advance(5 * SECOND)
    await callers
    expect(server.requests.length).toBeLessThanOrEqual(1 + 3 * 32)
  })

  it('do not fail because one of them was slow while newer requests succeeded', async () => {
    const { tokens, server, clock } = managed({ maxAttempts: 1 })
    await tokens.getToken()
    server.script.push({ hang: true })
    const slow = expect(tokens.getToken({ scope: 'slow' })).rejects.toMatchObject({ code: 'timeout' })
    await clock.advance(SECOND)
    await tokens.getToken({ scope: 'quick' })
    await clock.advance(5 * SECOND)
    await slow
    expect(await text(tokens.getToken({ scope: 'other' }))).toMatch(/^token-/)
  })

  it('share one memory of failures even if their client was pushed out of the cache', async () => {
    const { server, clock } = managed()
    const tokens = new TokenManager({ clock, maxTokens: 1, clients: (_name: string) => clientOf(server) })
    server.byDefault = { status: 401, body: { error: 'invalid_client' } }
    const handle = tokens.source({ client: 'acme' })
    await expect(handle.getToken()).rejects.toMatchObject({ error: 'invalid_client' })
    await tokens.getToken({ client: 'other' }).catch(() => {})
    await expect(tokens.getToken({ client: 'acme', scope: 'more' })).rejects.toMatchObject({ error: 'invalid_client' })
    expect(server.requests).toHaveLength(2)
  })
})

describe('a caller that wants its token to last', () => {
  it('gets the most there is, once and with an event, when the server is slow', async () => {
    const { tokens, server, clock } = managed()
    server.expiresIn = 60
    server.byDefault = { afterMs: 600 }
    const events: number[] = []
    tokens.on('validityNotMet', ({ minValidityMs }) => events.push(minValidityMs))
    for (let call = 0; call < 20; call++) {
      const token = tokens.getToken({ minValidityMs: 59_500 })
      await clock.advance(700)
      await token
    }
    expect(events).toHaveLength(20)
    expect(server.requests.length).toBeLessThanOrEqual(4)
  })
})

describe('what is forgotten during a request', () => {
  it('is asked for again: what the request brings is for those who waited for it', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { afterMs: 100 }
    const before = tokens.getToken()
    await clock.settle()
    tokens.invalidate({})
    const after = tokens.getToken()
    await clock.advance(200)
    expect([await text(before), await text(after), await text(tokens.getToken())]).toEqual([
      'token-1',
      'token-2',
      'token-2',
    ])
    expect(server.requests).toHaveLength(2)
  })
})

describe('a failure of what evertoken was given', () => {
  it('is a TokenError too, remembered and shown like any other', async () => {
    const clock = new VirtualClock()
    const { server } = managed()
    const broken = () => {
      throw new RangeError('of my own')
    }
    const tokens = new TokenManager({ clock, ...clientOf(server, { transport: broken as never, maxAttempts: 1 }) })
    const failure = tokens.getToken()
    await expect(failure).rejects.toMatchObject({ name: expect.stringMatching(/^Token/), client: 'default' })
    expect(tokens.inspect()[0]?.failure).toMatchObject({ client: 'default' })
  })
})

describe('a caller', () => {
  it('may have a signal that is not of Node, as old packages make them', async () => {
    const { tokens } = managed()
    const signal = { aborted: false, addEventListener() {}, removeEventListener() {} } as unknown as AbortSignal
    expect((await tokens.getToken({ signal })).reveal()).toBe('token-1')
  })

  it('whose signal has aborted already starts no request', async () => {
    const { tokens, server } = managed()
    await expect(tokens.getToken({ signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
    expect(server.requests).toHaveLength(0)
  })

  it('whose time is up no longer counts: without callers one attempt is made', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { status: 503, afterMs: 200 }
    const impatient = expect(tokens.getToken({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'wait_timeout' })
    await clock.advance(60 * SECOND)
    await impatient
    expect(server.requests).toHaveLength(1)
  })

  it('may give both a signal and a time, and is told by the one that comes first', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { hang: true }
    const abort = new AbortController()
    const first = expect(tokens.getToken({ signal: abort.signal, timeoutMs: 500 })).rejects.toThrow('enough')
    const second = expect(
      tokens.getToken({ signal: new AbortController().signal, timeoutMs: 500 }),
    ).rejects.toMatchObject({
      code: 'wait_timeout',
    })
    await clock.advance(100)
    abort.abort(new Error('enough'))
    await first
    await clock.advance(400)
    await second
  })
})

describe('a rejected token', () => {
  it('is out of use when listeners hear of it, and one that reports it again is not heard', async () => {
    const { tokens } = managed()
    const source = tokens.source()
    const rejected = await source.getToken()
    const heard: unknown[] = []
    tokens.on('tokenRejected', () => {
      heard.push(source.peek())
      source.invalidate(rejected)
    })
    source.invalidate(rejected)
    expect(heard).toEqual([undefined])
  })

  it('that has only just replaced another is told of by another name, and used on', async () => {
    const { tokens } = managed()
    const source = tokens.source()
    const heard: string[] = []
    tokens.on('tokenRejected', ({ fingerprint }) => heard.push(`rejected ${fingerprint}`))
    tokens.on('freshTokenRejected', ({ fingerprint }) => heard.push(`fresh ${fingerprint}`))
    const first = await source.getToken()
    source.invalidate(first)
    const second = await source.getToken()
    source.invalidate(second)
    expect(heard).toEqual([`rejected ${first.fingerprint}`, `fresh ${second.fingerprint}`])
    expect(source.peek()).toBe(second)
    expect(source.inspect().failure).toMatchObject({ code: 'fresh_token_rejected' })
  })
})

describe('keepWarm', () => {
  it('refreshes the configured token without traffic, from one timer, and stops on closing', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    await clock.advance(HOUR)
    expect(server.requests).toHaveLength(0)
    await tokens.getToken()
    expect(clock.pendingSleeps).toBe(1)
    await clock.advance(24 * HOUR)
    expect(server.requests.length).toBeGreaterThan(24)
    expect(server.requests.length).toBeLessThan(48)
    expect(tokens.source().peek()).toBeDefined()
    await tokens.close()
    expect(clock.pendingSleeps).toBe(0)
  })

  it('is right for tokens that live longer than a timer can wait', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    server.expiresIn = 60 * 24 * 3600
    await tokens.getToken()
    await clock.advance(120 * 24 * HOUR)
    expect(server.requests).toHaveLength(3)
  })

  it('recovers by itself from an outage past expiry, at the pace of any other client', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    await tokens.getToken()
    server.byDefault = { status: 503 }
    await clock.advance(2 * HOUR)
    const duringOutage = server.requests.length
    expect(duringOutage).toBeLessThan(1100)
    server.byDefault = {}
    await clock.advance(12 * SECOND)
    expect(tokens.source().peek()).toBeDefined()
  })

  it('obeys a long `Retry-After` for an hour while the token is valid, and for five minutes once it has expired', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    server.expiresIn = 60
    await tokens.getToken()
    server.byDefault = { status: 429, headers: { 'retry-after': '36000' } }
    await clock.advance(60 * SECOND)
    expect(server.requests).toHaveLength(2)
    server.byDefault = {}
    await clock.advance(5 * 60 * SECOND)
    expect(server.requests).toHaveLength(3)
    expect(tokens.source().peek()).toBeDefined()
  })

  it('leaves the supplier of a wrong secret alone while the denial is remembered', async () => {
    let reads = 0
    const clientSecret = () => {
      reads += 1
      return 'wrong'
    }
    const { tokens, server, clock } = managed({ keepWarm: true, clientSecret })
    await tokens.getToken()
    server.byDefault = { status: 401, body: { error: 'invalid_client' } }
    await clock.advance(2 * HOUR)
    const readsBefore = reads
    await clock.advance(10 * 60 * SECOND)
    // One login a minute, each with its second look at the secret.
    expect(reads - readsBefore).toBeLessThanOrEqual(2 * 11)
  })

  it('asks for nothing where tokens must not be cached', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    server.expiresIn = 0
    await tokens.getToken()
    await clock.advance(HOUR)
    expect(server.requests).toHaveLength(1)
  })

  it('asks once a minute where tokens must not be cached any more, and goes on as before where they may again', async () => {
    const { tokens, server, clock } = managed({ keepWarm: true })
    server.expiresIn = 60
    await tokens.getToken()
    server.expiresIn = 0
    await clock.advance(600 * SECOND)
    expect(server.requests.length).toBeGreaterThanOrEqual(10)
    expect(server.requests.length).toBeLessThanOrEqual(12)
    server.expiresIn = 60
    await clock.advance(62 * SECOND)
    expect(tokens.source().peek()).toBeDefined()
  })
})

describe('the end', () => {
  it('of a removed client is final for a forced refresh that waits for its turn', async () => {
    const { server, clock } = managed()
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server) } })
    const source = tokens.source({ client: 'a' })
    server.byDefault = { afterMs: 100 }
    const first = source.getToken()
    const forced = expect(source.getToken({ forceRefresh: true })).rejects.toMatchObject({ code: 'unknown_client' })
    await clock.settle()
    tokens.removeClient('a')
    await clock.advance(200)
    await forced
    expect(await text(first)).toBe('token-1')
    expect(source.peek()).toBeUndefined()
  })

  it('comes at once when all have left a forced refresh that waits for its turn', async () => {
    const { tokens, server, clock } = managed()
    server.byDefault = { afterMs: 100 }
    const first = tokens.getToken()
    const abort = new AbortController()
    const forced = expect(tokens.getToken({ forceRefresh: true, signal: abort.signal })).rejects.toThrow('left')
    await clock.settle()
    abort.abort(new Error('left'))
    await forced
    const closing = tokens.close()
    await clock.advance(100)
    await closing
    expect(await text(first)).toBe('token-1')
    expect(server.requests).toHaveLength(1)
  })

  it('of the manager starts no request that was put off because tokens must not be cached', async () => {
    const { tokens, server, clock } = managed()
    server.expiresIn = 0
    await tokens.getToken()
    const abort = new AbortController()
    const waiting = expect(tokens.getToken({ signal: abort.signal })).rejects.toThrow('left')
    await clock.settle()
    abort.abort(new Error('left'))
    await waiting
    await tokens.close()
    await clock.advance(5 * SECOND)
    expect(server.requests).toHaveLength(1)
  })

  it('of a client that never had a token does not stand in the way of ready()', async () => {
    const { server, clock } = managed()
    const tokens = new TokenManager({ clock, clients: { a: clientOf(server), b: clientOf(server) } })
    tokens.removeClient('a')
    await tokens.ready()
    expect(server.requests).toHaveLength(1)
  })

  it('of the manager is no failure: nothing is reported of the refreshes it abandons', async () => {
    const { tokens, server, clock } = managed()
    await tokens.getToken()
    await clock.advance(3000 * SECOND)
    server.byDefault = { hang: true }
    await tokens.getToken()
    await clock.settle()
    const failures: unknown[] = []
    tokens.on('tokenRequestFailed', (event) => failures.push(event))
    await tokens.close()
    expect(failures).toEqual([])
    expect(await text(tokens.getToken())).toBe('token-1')
  })

  it('of the manager tells when tokens were to be revoked and it is not known where', async () => {
    const { tokens } = managed()
    await tokens.getToken()
    const failures: unknown[] = []
    tokens.on('revocationFailed', ({ error }) => failures.push(error))
    await tokens.close({ revoke: true })
    expect(failures).toMatchObject([{ code: 'revocation_unavailable' }])
  })

  it('of the manager revokes a bounded number of tokens at once', async () => {
    const { tokens, server, clock } = managed({ revocationEndpoint: 'https://auth.example.com/oauth2/revoke' })
    for (let n = 0; n < 100; n++) await tokens.getToken({ scope: `s${n}` })
    server.byDefault = { body: '', afterMs: SECOND }
    const closing = tokens.close({ revoke: true })
    await clock.advance(SECOND / 2)
    expect(server.requests.length).toBe(100 + 32)
    await clock.advance(10 * SECOND)
    await closing
    expect(server.requests.length).toBe(200)
  })
})
