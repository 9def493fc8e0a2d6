import { describe, expect, it } from 'vitest'
import {
  type Fault,
  type OAuthError,
  randomFaults,
  startAuthorizationServer,
  VirtualClock,
} from '../../src/testing/index.ts'
import { exchange, type Seen } from './raw-http.ts'

const SECRET = 'a-test-secret-of-32-bytes-or-more'
const REQUEST = { form: { grant_type: 'client_credentials', client_id: 'test-client', client_secret: SECRET } }
const WHOLE = /^\{"access_token":"token-\d+-[\w-]{8}","token_type":"Bearer","expires_in":3600\}$/
const CUT = /^\{"access_token":"token-[^}]*$/
const PATIENCE = { timeout: 20_000 }
const START = Date.UTC(2026, 0, 1)

/** What a raw socket sees of a token request that meets the fault. */
async function meet(fault: Fault, tls = false): Promise<Seen & { issued: number; recorded: unknown }> {
  await using server = await startAuthorizationServer({ ...(tls && { tls }) })
  server.next(fault)
  const seen = await exchange(server.origin, REQUEST, server.ca)
  return { ...seen, issued: server.counts.issued, recorded: server.requests[0]?.fault }
}

type Expected = Partial<Record<keyof Seen, unknown>>
const oauthError = (error: OAuthError, status: number): [Fault, Expected] => [
  { kind: 'oauthError', error, description: 'because' },
  { status, body: JSON.stringify({ error, error_description: 'because' }), end: 'open' },
]

describe('a fault, seen on a raw socket', () => {
  const json = expect.objectContaining({ 'content-type': 'application/json' })

  it.each<[Fault, Expected]>([
    [{ kind: 'resetBeforeHeaders' }, { text: '', end: 'reset' }],
    [
      { kind: 'status', status: 503 },
      { status: 503, body: '', end: 'open' },
    ],
    [
      { kind: 'status', status: 400, body: { a: 1 }, headers: { x: 'y' } },
      { status: 400, body: '{"a":1}', headers: expect.objectContaining({ x: 'y' }) },
    ],
    [
      { kind: 'tooManyRequests' },
      { status: 429, headers: expect.not.objectContaining({ 'retry-after': expect.anything() }) },
    ],
    [
      { kind: 'tooManyRequests', retryAfterMs: 1500 },
      { status: 429, headers: expect.objectContaining({ 'retry-after': '2' }) },
    ],
    [
      { kind: 'redirect', location: 'http://127.0.0.1:1/' },
      { status: 302, headers: expect.objectContaining({ location: 'http://127.0.0.1:1/' }) },
    ],
    [
      { kind: 'redirect', location: '/x', status: 307 },
      { status: 307, headers: expect.objectContaining({ location: '/x' }) },
    ],
    [
      { kind: 'html' },
      {
        status: 200,
        headers: expect.objectContaining({ 'content-type': 'text/html' }),
        body: expect.stringMatching(/^<!doctype html>/),
      },
    ],
    [{ kind: 'hugeBody' }, { status: 200, headers: json, body: expect.stringMatching(/^.{1048576,1048700}$/) }],
    [
      { kind: 'hugeBody', bytes: 10 },
      { status: 200, body: '{"padding":"xxxxxxxxxx"}' },
    ],
    oauthError('invalid_request', 400),
    oauthError('invalid_client', 401),
    oauthError('invalid_grant', 400),
    oauthError('unauthorized_client', 400),
    oauthError('unsupported_grant_type', 400),
    oauthError('invalid_scope', 400),
  ])('stands for what the server would have done: %j', async (fault, expected) => {
    const seen = await meet(fault)
    expect(seen).toMatchObject({ ...expected, issued: 0, recorded: fault.kind })
  })

  it.each<[Fault, Expected]>([
    [
      { kind: 'latency', afterMs: 1 },
      { status: 200, headers: json, body: expect.stringMatching(WHOLE), end: 'open' },
    ],
    [{ kind: 'resetAfterHeaders' }, { status: 200, body: expect.stringMatching(CUT), end: 'reset' }],
    [{ kind: 'truncatedBody' }, { status: 200, body: expect.stringMatching(CUT), end: 'closed' }],
    [{ kind: 'malformedJson' }, { status: 200, headers: json, body: expect.stringMatching(CUT), end: 'open' }],
    [
      { kind: 'wrongContentType' },
      {
        status: 200,
        headers: expect.objectContaining({ 'content-type': 'text/plain' }),
        body: expect.stringMatching(WHOLE),
      },
    ],
    [
      { kind: 'slowDrip', everyMs: 1 },
      { status: 200, headers: json, body: expect.stringMatching(WHOLE), end: 'open' },
    ],
  ])('spoils the answer of a server that did its work: %j', async (fault, expected) => {
    const seen = await meet(fault)
    expect(seen).toMatchObject({ ...expected, issued: 1, recorded: fault.kind })
  })

  it.each<[Fault, Expected]>([
    [{ kind: 'resetBeforeHeaders' }, { text: '', end: 'reset' }],
    [{ kind: 'resetAfterHeaders' }, { status: 200, end: 'reset' }],
    [{ kind: 'truncatedBody' }, { status: 200, end: 'closed' }],
  ])('is the same over TLS: %j', async (fault, expected) => {
    expect(await meet(fault, true)).toMatchObject(expected)
  })

  it('drips in many pieces', async () => {
    const { pieces, body } = await meet({ kind: 'slowDrip', everyMs: 5 })
    expect(pieces).toBeGreaterThan(body.length / 4)
  })

  it('says when to come back as a date that is not too early', async () => {
    const clock = new VirtualClock({ start: START + 1 })
    await using server = await startAuthorizationServer({ clock })
    server.next({ kind: 'tooManyRequests', retryAfterMs: 5000, retryAfterAs: 'date' })
    const { headers } = await exchange(server.origin, REQUEST)
    expect(headers['retry-after']).toBe(new Date(START + 6000).toUTCString())
  })

  it('hangs until the client goes away, and waits as long as it is told to, by the clock of the server', async () => {
    const clock = new VirtualClock()
    await using server = await startAuthorizationServer({ clock })
    server.next({ kind: 'hang' }, { kind: 'status', status: 500, afterMs: 60_000 })
    const leaving = new AbortController()
    const ask = (signal?: AbortSignal) =>
      fetch(server.tokenEndpoint, {
        method: 'POST',
        body: new URLSearchParams(REQUEST.form),
        ...(signal && { signal }),
      })
    const hanging = ask(leaving.signal).catch(() => 'gone')
    await expect.poll(() => clock.pendingSleeps, PATIENCE).toBe(1)
    await clock.advance(24 * 3_600_000)
    const slow = ask()
    await expect.poll(() => clock.pendingSleeps, PATIENCE).toBe(2)
    leaving.abort()
    expect(await hanging).toBe('gone')
    await expect.poll(() => clock.pendingSleeps, PATIENCE).toBe(1)
    await clock.advance(60_000)
    expect((await slow).status).toBe(500)
    expect(server.faults).toEqual({ hang: 1, status: 1 })
  })
})

describe('faults at random', () => {
  const faults: Fault[] = [{ kind: 'hang' }, { kind: 'html' }]
  const drawn = (seed: number, probability: number) => {
    const source = randomFaults({ seed, probability, faults, endpoints: ['token'] })
    return Array.from({ length: 1000 }, () => source({ endpoint: 'token' } as never)?.kind)
  }

  it('are the same for the same seed, and others for another', () => {
    expect(drawn(1, 0.5)).toEqual(drawn(1, 0.5))
    expect(drawn(1, 0.5)).not.toEqual(drawn(2, 0.5))
  })

  it.each([0, 0.2, 1])('come as often as they should: %d', (probability) => {
    const kinds = drawn(7, probability)
    const share = (kind: string | undefined) => kinds.filter((one) => one === kind).length / 1000
    expect(share(undefined)).toBeCloseTo(1 - probability, 1)
    expect(share('hang')).toBeCloseTo(probability / 2, 1)
  })

  it('leave the other endpoints alone', () => {
    const source = randomFaults({ seed: 1, probability: 1, faults, endpoints: ['token'] })
    expect(source({ endpoint: 'metadata' } as never)).toBeUndefined()
  })
})
