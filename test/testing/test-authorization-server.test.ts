import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { TokenManager } from '../../src/index.ts'
import {
  startApi,
  startAuthorizationServer,
  type TestAuthorizationServer,
  VirtualClock,
} from '../../src/testing/index.ts'

const ask = (server: TestAuthorizationServer, secret: string, more: Record<string, string> = {}) =>
  fetch(server.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'orders',
      client_secret: secret,
      ...more,
    }),
  })

describe('an authorization server for tests', () => {
  it.each([undefined, true] as const)(
    'gives tokens to a manager that is told no more than its client options, tls: %s',
    async (tls) => {
      for (const name of ['http_proxy', 'https_proxy']) vi.stubEnv(name, 'http://127.0.0.1:9')
      await using server = await startAuthorizationServer({ tls })
      const tokens = new TokenManager(server.clientOptions())
      const token = await tokens.getAccessToken()
      expect(server.findToken(token)).toMatchObject({ number: 1, clientId: 'test-client', revoked: false })
      expect(server.origin).toMatch(tls ? /^https:\/\/127\.0\.0\.1:\d+$/ : /^http:\/\/127\.0\.0\.1:\d+$/)
      const seen = server.requests.map(({ endpoint, status, clientId }) => [endpoint, status, clientId])
      expect(seen).toEqual([
        ['metadata', 200, undefined],
        ['token', 200, 'test-client'],
      ])
      await tokens.close()
      vi.unstubAllEnvs()
    },
  )

  it('revokes what its client asks it to', async () => {
    await using server = await startAuthorizationServer()
    const tokens = new TokenManager(server.clientOptions())
    const token = await tokens.getAccessToken()
    await tokens.close({ revoke: true })
    expect(server.findToken(token)).toMatchObject({ revoked: true })
    expect(server.counts).toEqual({ issued: 1, refused: 0, revoked: 1 })
  })

  it('takes another secret from one moment to the next, or lets both hold for a while', async () => {
    const clock = new VirtualClock()
    await using server = await startAuthorizationServer({ clients: { orders: 'first' }, clock })
    const accepted = async (...secrets: string[]) =>
      await Promise.all(secrets.map(async (secret) => (await ask(server, secret)).ok))
    server.rotateSecret('orders', 'second')
    expect(await accepted('first', 'second')).toEqual([false, true])
    server.rotateSecret('orders', 'third', { oldHoldsForMs: 1000 })
    expect(await accepted('first', 'second', 'third')).toEqual([false, true, true])
    await clock.advance(1000)
    expect(await accepted('second', 'third')).toEqual([false, true])
    expect(server.clientOptions('orders').clientSecret).toBe('third')
    expect(server.counts).toEqual({ issued: 4, refused: 3, revoked: 0 })
    expect(() => server.rotateSecret('nobody', 'x')).toThrow('no client "nobody"')
  })

  it.each<[string, { lifetimeMs?: number; tokenResponse?: Record<string, unknown> }, object]>([
    ['an hour', {}, { expires_in: 3600 }],
    ['a second', { lifetimeMs: 1000 }, { expires_in: 1 }],
    [
      'what is told otherwise',
      { tokenResponse: { expires_in: '60', refresh_in: 5 } },
      { expires_in: '60', refresh_in: 5 },
    ],
  ])('says how long a token lives: %s', async (_, options, expected) => {
    await using server = await startAuthorizationServer({ clients: { orders: 's' }, ...options })
    expect(await (await ask(server, 's', { scope: 'a b' })).json()).toMatchObject({
      token_type: 'Bearer',
      scope: 'a b',
      ...expected,
    })
  })

  it('gives each client tokens that live as long as it may have them', async () => {
    await using server = await startAuthorizationServer({ clients: { orders: { secret: 's', lifetimeMs: 5000 } } })
    expect(await (await ask(server, 's')).json()).toMatchObject({ expires_in: 5 })
  })

  it('never closes a connection that somebody may be about to use', async () => {
    await using server = await startAuthorizationServer({ clients: { orders: 's' } })
    const { headers } = await ask(server, 's')
    expect([headers.get('connection'), headers.get('keep-alive')]).toEqual(['keep-alive', null])
  })

  it('leaves out of its answers what is set to undefined', async () => {
    await using server = await startAuthorizationServer({
      clients: { orders: { secret: 's', lifetimeMs: 5000 } },
      tokenResponse: { expires_in: undefined },
      metadata: { revocation_endpoint: undefined, issuer: 'https://other.example' },
    })
    expect(Object.keys((await (await ask(server, 's')).json()) as object)).toEqual(['access_token', 'token_type'])
    const metadata: unknown = await (await fetch(`${server.issuer}/.well-known/openid-configuration`)).json()
    expect(metadata).toMatchObject({ issuer: 'https://other.example', token_endpoint: server.tokenEndpoint })
    expect(metadata).not.toHaveProperty('revocation_endpoint')
  })

  it('does wrong what it is told to, in order, and then right again', async () => {
    await using server = await startAuthorizationServer({ clients: { orders: 's' } })
    server.next({ kind: 'status', status: 500 }, { kind: 'html' })
    server.next({ kind: 'tooManyRequests' })
    server.nextAt('metadata', { kind: 'status', status: 404 })
    server.fault = ({ number }) => (number === 4 ? { kind: 'status', status: 502 } : undefined)
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await ask(server, 's')).status)
    expect(statuses).toEqual([500, 200, 429, 502, 200])
    expect((await fetch(`${server.issuer}/.well-known/oauth-authorization-server`)).status).toBe(404)
    expect(server.faults).toEqual({ status: 3, html: 1, tooManyRequests: 1 })
    expect(server.requests.map(({ fault }) => fault)).toEqual([
      'status',
      'html',
      'tooManyRequests',
      'status',
      undefined,
      'status',
    ])
    expect(server.counts.issued).toBe(1)
  })

  it('shows no secret and no token when its record is printed', async () => {
    await using server = await startAuthorizationServer({ clients: { orders: 'Marker-S3cret' } })
    await using api = await startApi({ server })
    const answer = await ask(server, 'Marker-S3cret')
    const { access_token: token } = (await answer.json()) as { access_token: string }
    await ask(server, '', { client_secret: 'x', subject_token: token, assertion: token, token })
    await fetch(server.tokenEndpoint, { method: 'POST', headers: { authorization: 'Basic Marker-S3cret' }, body: 'x' })
    const headers = { authorization: `Bearer ${token}` }
    await fetch(`${api.origin}/?token=${token}`, { method: 'POST', headers, body: `token=${token}` })
    const printed = [server, api, server.requests, api.requests].flatMap((what) => [
      inspect(what, { depth: 20, showHidden: true }),
      JSON.stringify('requests' in what ? what.requests : what),
    ])
    for (const text of printed) expect(text).not.toMatch(/Marker-S3cret|token-1-/)
    expect(printed[0]).toContain('grant_type')
    expect(server.requests[0]?.form.get('client_secret')).toBe('Marker-S3cret')
    expect(api.requests[0]?.headers.authorization).toBe(`Bearer ${token}`)
  })

  it('keeps as many requests as it is told to, and counts all', async () => {
    await using server = await startAuthorizationServer({ clients: { orders: 's' }, keepRequests: 2 })
    for (let i = 0; i < 5; i++) await ask(server, 's')
    expect(server.requests.map(({ number }) => number)).toEqual([4, 5])
    expect(server.received).toBe(5)
  })

  it('tells of a mistake in the functions of a test', async () => {
    const fail = () => {
      throw new Error('a mistake')
    }
    await using server = await startAuthorizationServer({ clients: { orders: 's' }, fault: fail })
    await using api = await startApi({ server, respond: fail })
    const answers = [
      await ask(server, 's'),
      await fetch(api.origin, { headers: { authorization: `Bearer ${server.issueToken()}` } }),
    ]
    for (const answer of answers) {
      expect(answer.status).toBe(500)
      expect(await answer.text()).toBe('A function of the test failed: Error: a mistake')
    }
    expect(() => server.next({ kind: 'hnag' } as never)).toThrow('There is no fault "hnag"')
    expect(() => server.issueToken({ clientId: 'nobody' })).toThrow('no client "nobody"')
    await expect(startAuthorizationServer({ clients: { orders: { publicKey: 'no key' } } })).rejects.toThrow()
  })

  it('closes with its connections, whatever they wait for', async () => {
    const server = await startAuthorizationServer({ clients: { orders: 's' } })
    server.next({ kind: 'hang' })
    const hanging = ask(server, 's').catch((error) => error.message)
    await expect.poll(() => server.received, { timeout: 20_000 }).toBe(1)
    await server.close()
    expect(await hanging).toBe('fetch failed')
    expect(server.connections).toBe(1)
  })
})
